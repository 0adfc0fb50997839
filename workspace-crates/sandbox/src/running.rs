//! The parent's side: runs programs in sandboxes, passes their input and output on, and ends them; archives of files in a root.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use crate::Error;
use crate::control::{Control, Said};
use crate::identity::Identity;
use crate::limits::Limits;
use crate::pipes::PipeEnd;
use crate::raw::KILL;
use crate::spec::{Program, Spec, Task};
use crate::started::{Packed, Started};
use crate::stop::{LOOK, Stop};

/// The code of a program that `SIGKILL` ended.
const KILLED: i32 = 128 + KILL;
/// The signals that end a sandbox whose program has not begun: `SIGINT`, `SIGKILL` and `SIGTERM`.
const ENDING: [i32; 3] = [2, KILL, 15];
/// The time that a removal has after an interruption.
const REMOVAL: Duration = Duration::from_secs(5);

/// Starts sandboxes with the same users.
#[derive(Clone, Debug)]
pub struct Sandbox {
    identity: Identity,
    interrupted: Arc<AtomicBool>,
    limits: Limits,
    start_limit: Option<Duration>,
}

/// An output stream of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// stdout.
    Stdout,
    /// stderr.
    Stderr,
}

impl Sandbox {
    /// Returns the maker of sandboxes. `interrupted` ends running ones. Programs have the limits of [`Limits::of_machine`].
    pub fn new(identity: Identity, interrupted: Arc<AtomicBool>) -> Sandbox {
        Sandbox { identity, interrupted, limits: Limits::of_machine(), start_limit: None }
    }

    /// Returns this maker with other limits for programs.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Sandbox {
        Sandbox { limits, ..self }
    }

    /// Returns this maker with a time limit for everything but programs.
    #[must_use]
    pub(crate) fn within(self, limit: Duration) -> Sandbox {
        Sandbox { start_limit: Some(limit), ..self }
    }

    /// Returns the flag that ends running sandboxes.
    pub fn interrupted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }

    /// Returns the users of the sandboxes.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Runs a program to its end, with `input` on its stdin, and passes its output on. Returns its exit code, or 128 plus the number
    /// of the signal that ended it. Everything that it leaves running ends too.
    ///
    /// # Errors
    /// If the sandbox or the program does not start; [`Error::Interrupted`].
    pub fn run(
        &self,
        spec: &Spec,
        program: &Program,
        input: &[u8],
        output: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<i32, Error> {
        if program.stdin.is_inherited() {
            let kill = &mut || self.interrupted.load(Ordering::Relaxed).then_some(KILL).into_iter().collect();
            let ended = self.run_here(spec, program, kill);
            return if self.interrupted.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { ended };
        }
        let mut started = self.start(spec, Task::Run(program.clone()), self.stop())?;
        let pipes = (started.outer.stdin.take(), started.outer.stdout.take(), started.outer.stderr.take());
        thread::scope(|scope| {
            // Bounded: a caller that is slower than the program slows it down.
            let (sender, received) = mpsc::sync_channel(16);
            if let Some(mut stdin) = pipes.0 {
                // The program may end before it has read everything.
                scope.spawn(move || drop(stdin.write_all(input)));
            }
            if let Some(stdout) = pipes.1 {
                let sender = sender.clone();
                scope.spawn(move || forward(stdout, Stream::Stdout, &sender));
            }
            if let Some(stderr) = pipes.2 {
                let sender = sender.clone();
                scope.spawn(move || forward(stderr, Stream::Stderr, &sender));
            }
            drop(sender);
            loop {
                match received.recv_timeout(LOOK) {
                    Ok((stream, bytes)) => output(stream, &bytes),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if self.interrupted.load(Ordering::Relaxed) {
                    started.kill();
                }
            }
        });
        started.end().map(Option::unwrap_or_default)
    }

    /// Runs a program with the caller's streams to its end. `signals` returns the numbers of those that the program gets; an
    /// interruption ends nothing once the program has begun. Before that, it ends the sandbox, as `SIGINT`, `SIGTERM` and `SIGKILL` do.
    /// Returns the code as [`Sandbox::run`] does.
    ///
    /// # Errors
    /// If the sandbox or the program does not start; [`Error::Interrupted`].
    pub fn run_here(
        &self,
        spec: &Spec,
        program: &Program,
        signals: &mut dyn FnMut() -> Vec<i32>,
    ) -> Result<i32, Error> {
        self.follow(self.start(spec, Task::Run(program.clone()), self.stop())?, signals)
    }

    /// Passes signals on to a program with the caller's streams until its end.
    pub(crate) fn follow(&self, mut started: Started, signals: &mut dyn FnMut() -> Vec<i32>) -> Result<i32, Error> {
        let failed = |source| Error::Refused { what: "listen to its program".to_owned(), source };
        let mut other = Control::new(started.control.socket().map_err(failed)?);
        let (sender, received) = mpsc::channel();
        thread::spawn(move || while other.hear().ok().flatten().is_some_and(|said| sender.send(said).is_ok()) {});
        let (mut has_begun, mut is_given_up, mut pending) = (false, false, Vec::new());
        let ended = loop {
            match received.recv_timeout(LOOK) {
                Ok(Said::Begun) => has_begun = true,
                // The kernel killed the program, and its caller would not learn why.
                Ok(Said::Ended(code)) if code == KILLED && started.ran_out_of_memory() => {
                    break Err(started.why_it_ended());
                }
                Ok(Said::Ended(code)) => break Ok(code),
                Ok(Said::Failed(failure)) => break Err(failure.into()),
                Ok(Said::Unshared | Said::Waiting | Said::Missing | Said::Signal(_))
                | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) if is_given_up => break Err(Error::Interrupted),
                Err(RecvTimeoutError::Disconnected) => break Err(started.why_it_ended()),
            }
            pending.append(&mut signals());
            // A sandbox that hangs while it starts takes no signals.
            if !has_begun
                && (self.interrupted.load(Ordering::Relaxed) || pending.iter().any(|one| ENDING.contains(one)))
            {
                is_given_up = true;
                started.kill();
            }
            if has_begun {
                // The end of the sandbox arrives as a message of its own.
                pending.drain(..).for_each(|signal| drop(started.control.say(&Said::Signal(signal))));
            }
        };
        let _ = started.outer.wait();
        ended
    }

    /// Packs a file or folder of a root as a tar archive, `None` if it does not exist. `folder/.` stands for the content of a folder.
    ///
    /// # Errors
    /// If the sandbox does not start. A reader of the archive gets the errors of packing.
    pub fn pack(&self, spec: &Spec, path: &str) -> Result<Option<Packed>, Error> {
        self.start(spec, Task::Pack { path: path.to_owned() }, self.stop())?.packed()
    }

    /// Unpacks a tar archive into a folder of a root, with the owners of its files if the sandbox has them.
    ///
    /// # Errors
    /// Those of the archive, of its reader, and of the file system.
    pub fn unpack(&self, spec: &Spec, folder: &str, archive: impl Read) -> Result<(), Error> {
        self.unpack_archive(spec, folder, false, archive)
    }

    /// Unpacks a layer of an image as the whole root. Its whiteouts (OCI image-spec) become those of overlayfs.
    ///
    /// # Errors
    /// As of [`Sandbox::unpack`].
    pub fn unpack_layer(&self, spec: &Spec, archive: impl Read) -> Result<(), Error> {
        self.unpack_archive(spec, "/", true, archive)
    }

    fn unpack_archive(&self, spec: &Spec, folder: &str, layer: bool, mut archive: impl Read) -> Result<(), Error> {
        let owners = self.identity.has_range();
        let task = Task::Unpack { folder: folder.to_owned(), owners, layer };
        let mut started = self.start(spec, task, self.stop())?;
        let failed = |source| Error::Refused { what: "read an archive".to_owned(), source };
        let mut stdin = PipeEnd::new(started.outer.stdin.take().ok_or(Error::Killed)?, self.stop()).map_err(failed)?;
        let copied = io::copy(&mut archive, &mut stdin);
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        drop(stdin);
        // A sandbox that fails stops reading. Then its error is the cause.
        match (copied, started.end()) {
            (_, Err(Error::Interrupted)) => Err(Error::Interrupted),
            (Err(error), Err(_)) if error.kind() != io::ErrorKind::BrokenPipe => Err(failed(error)),
            (Err(error), Ok(_)) => Err(failed(error)),
            (_, ended) => ended.map(drop),
        }
    }

    /// Removes folders of the host with files of the sandbox's users. An interruption leaves it some seconds: removal is what follows
    /// one.
    ///
    /// # Errors
    /// The file system's; [`Error::Interrupted`], and then a part of the folders stays.
    pub fn remove(&self, folders: &[&Path]) -> Result<(), Error> {
        let folders: Vec<PathBuf> = folders.iter().map(|folder| (*folder).to_owned()).collect();
        let stop = self.stop().with_grace(REMOVAL);
        self.start(&Spec::default(), Task::Remove { folders }, stop)?.end().map(drop)
    }

    /// Starts a sandbox. The caller decides when it stops waiting.
    pub(crate) fn start(&self, spec: &Spec, task: Task, stop: Stop) -> Result<Started, Error> {
        Started::new(&self.identity, &self.limits, spec, task, stop.within(self.start_limit))
    }

    pub(crate) fn stop(&self) -> Stop {
        Stop::at(&self.interrupted)
    }
}

fn forward(mut from: impl Read, stream: Stream, to: &SyncSender<(Stream, Vec<u8>)>) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        match from.read(&mut buffer) {
            Ok(count @ 1..) if to.send((stream, buffer[..count].to_vec())).is_ok() => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn sandbox_that_hangs_while_it_starts_can_be_ended() {
        for (interruption, sent) in [(true, None), (false, Some(2)), (false, Some(15)), (false, Some(KILL))] {
            let sandbox = Sandbox::new(Identity::Single, Arc::new(AtomicBool::new(interruption)));
            let (started, _) = Started::of("exec sleep 60", Stop::never());
            let start = Instant::now();
            let ended = sandbox.follow(started, &mut || sent.into_iter().collect());
            assert!(matches!(ended, Err(Error::Interrupted)), "{ended:?}");
            assert!(start.elapsed() < Duration::from_secs(30), "{interruption} {sent:?}");
        }
    }

    #[test]
    fn program_that_has_begun_outlives_an_interruption() {
        let interrupted = Arc::new(AtomicBool::new(false));
        let sandbox = Sandbox::new(Identity::Single, Arc::clone(&interrupted));
        let (started, mut outer) = Started::of("sleep 1", sandbox.stop());
        outer.say(&Said::Begun).expect("said");
        let mut looks = 0;
        let ended = sandbox.follow(started, &mut || {
            // It is not the first look: that one may be before the message.
            looks += 1;
            match looks {
                3 => interrupted.store(true, Ordering::Relaxed),
                4 => return vec![15],
                6 => outer.say(&Said::Ended(7)).expect("said"),
                _ => {}
            }
            Vec::new()
        });
        assert_eq!(ended.expect("it goes on"), 7);
        assert_eq!(outer.hear().expect("a signal"), Some(Said::Signal(15)));
    }
}
