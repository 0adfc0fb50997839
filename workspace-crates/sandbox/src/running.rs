//! The parent's side: starts a sandbox, maps its users, passes its input and output on, and ends it.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use crate::control::{Control, Said};
use crate::identity::Identity;
use crate::outer::{IN_TERMINAL, OUTER, THIS_PROGRAM};
use crate::spec::{Order, Program, Spec, Stdin, Task};
use crate::{Error, raw};

/// The time between two looks at an interruption.
const LOOK: Duration = Duration::from_millis(50);
/// The number of `SIGKILL`.
const KILL: i32 = 9;

/// Starts sandboxes with the same users.
#[derive(Clone, Debug)]
pub struct Sandbox {
    identity: Identity,
    interrupted: Arc<AtomicBool>,
}

/// An output stream of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// stdout.
    Stdout,
    /// stderr.
    Stderr,
}

/// The processes of a sandbox. They end when this is dropped.
pub(crate) struct Started {
    pub(crate) outer: Child,
    pub(crate) control: Control,
}

/// An archive of files of a root, which a sandbox packs while the caller reads it.
pub struct Packed {
    started: Started,
    stdout: ChildStdout,
    is_whole: bool,
}

impl Sandbox {
    /// Returns the maker of sandboxes. `interrupted` ends running ones.
    pub fn new(identity: Identity, interrupted: Arc<AtomicBool>) -> Sandbox {
        Sandbox { identity, interrupted }
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
        let mut started = self.start(spec, Task::Run(program.clone()))?;
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
        started.end(&self.interrupted).map(Option::unwrap_or_default)
    }

    /// Runs a program with the caller's streams to its end. `signals` returns the numbers of those that the program gets; an
    /// interruption ends nothing. Returns the code as [`Sandbox::run`] does.
    ///
    /// # Errors
    /// If the sandbox or the program does not start.
    pub fn run_here(
        &self,
        spec: &Spec,
        program: &Program,
        signals: &mut dyn FnMut() -> Vec<i32>,
    ) -> Result<i32, Error> {
        self.follow(self.start(spec, Task::Run(program.clone()))?, signals)
    }

    /// Passes signals on to a program with the caller's streams until its end.
    pub(crate) fn follow(&self, mut started: Started, signals: &mut dyn FnMut() -> Vec<i32>) -> Result<i32, Error> {
        let failed = |source| Error::Refused { what: "listen to its program".to_owned(), source };
        let mut other = Control::new(started.control.socket().map_err(failed)?);
        let (sender, received) = mpsc::channel();
        thread::spawn(move || while other.hear().ok().flatten().is_some_and(|said| sender.send(said).is_ok()) {});
        let (mut has_begun, mut pending) = (false, Vec::new());
        let ended = loop {
            match received.recv_timeout(LOOK) {
                Ok(Said::Begun) => has_begun = true,
                Ok(Said::Ended(code)) => break Ok(code),
                Ok(Said::Failed(failure)) => break Err(failure.into()),
                Ok(Said::Unshared | Said::Waiting | Said::Missing | Said::Signal(_))
                | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break Err(Error::Killed),
            }
            pending.append(&mut signals());
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
        let mut started = self.start(spec, Task::Pack { path: path.to_owned() })?;
        match started.control.hear::<Said>().ok().flatten() {
            Some(Said::Begun) => {}
            Some(Said::Missing) => return Ok(None),
            Some(Said::Failed(failure)) => return Err(failure.into()),
            _ => return Err(Error::Killed),
        }
        let stdout = started.outer.stdout.take().ok_or(Error::Killed)?;
        Ok(Some(Packed { started, stdout, is_whole: false }))
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
        let mut started = self.start(spec, Task::Unpack { folder: folder.to_owned(), owners, layer })?;
        let mut stdin = started.outer.stdin.take().ok_or(Error::Killed)?;
        let copied = io::copy(&mut archive, &mut stdin);
        drop(stdin);
        // A sandbox that fails stops reading. Then its error is the cause.
        match (copied, started.end(&self.interrupted)) {
            (Err(error), Err(_)) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::Refused { what: "read an archive".to_owned(), source: error })
            }
            (Err(source), Ok(_)) => Err(Error::Refused { what: "read an archive".to_owned(), source }),
            (_, ended) => ended.map(drop),
        }
    }

    /// Removes folders of the host with files of the sandbox's users.
    ///
    /// # Errors
    /// The file system's.
    pub fn remove(&self, folders: &[&Path]) -> Result<(), Error> {
        let folders: Vec<PathBuf> = folders.iter().map(|folder| (*folder).to_owned()).collect();
        self.start(&Spec::default(), Task::Remove { folders })?.end(&AtomicBool::new(false)).map(drop)
    }

    pub(crate) fn start(&self, spec: &Spec, task: Task) -> Result<Started, Error> {
        let failed = |source| Error::Refused { what: "start".to_owned(), source };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let stdin = match &task {
            Task::Run(Program { stdin, .. }) | Task::Attend(Program { stdin, .. }, _) => *stdin,
            Task::Unpack { .. } => Stdin::Bytes,
            Task::Pack { .. } | Task::Remove { .. } => Stdin::Null,
        };
        let mut outer = Command::new(THIS_PROGRAM);
        outer.arg0(OUTER).env_clear();
        outer.arg(if self.identity.has_user_namespace() { "user" } else { "root" });
        outer.arg(if stdin == Stdin::Terminal { IN_TERMINAL } else { "group" }).arg(std::process::id().to_string());
        if stdin.is_inherited() {
            outer.stdin(Stdio::inherit()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        } else {
            outer.stdout(Stdio::piped()).stderr(Stdio::piped());
            outer.stdin(if stdin == Stdin::Bytes { Stdio::piped() } else { Stdio::null() });
        }
        if stdin != Stdin::Terminal {
            // A signal to the caller's process group, as Ctrl-C sends it, is the caller's to handle.
            outer.process_group(0);
        }
        raw::pass(&mut outer, &theirs);
        let mut started = Started { outer: outer.spawn().map_err(failed)?, control: Control::new(ours) };
        drop(theirs);
        if self.identity.has_user_namespace() {
            started.hear_exactly(&Said::Unshared)?;
            self.identity.map(started.outer.id())?;
            started.say(&Said::Begun)?;
        }
        started.hear_exactly(&Said::Waiting)?;
        started.say(&Order { spec: spec.clone(), has_range: self.identity.has_range(), task })?;
        Ok(started)
    }
}

impl Started {
    fn say(&mut self, message: &impl serde::Serialize) -> Result<(), Error> {
        match self.control.say(message) {
            Ok(()) => Ok(()),
            // A path that is no UTF-8: nothing was sent, and the sandbox waits.
            Err(source) if source.kind() != io::ErrorKind::BrokenPipe && source.get_ref().is_some() => {
                Err(Error::Refused { what: "read its specification".to_owned(), source })
            }
            // Its own words say why it is gone.
            Err(_) => self.last_word(None).map(drop),
        }
    }

    pub(crate) fn hear_exactly(&mut self, expected: &Said) -> Result<(), Error> {
        match self.control.hear::<Said>().ok().flatten() {
            Some(said) if said == *expected => Ok(()),
            Some(Said::Failed(failure)) => Err(failure.into()),
            _ => Err(Error::Killed),
        }
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.outer.kill();
    }

    /// Waits for the end of the task, and returns the code, or `None` if the root does not have the file.
    fn end(mut self, interrupted: &AtomicBool) -> Result<Option<i32>, Error> {
        let ended = self.last_word(Some(interrupted));
        let _ = self.outer.wait();
        ended
    }

    fn last_word(&mut self, interrupted: Option<&AtomicBool>) -> Result<Option<i32>, Error> {
        loop {
            match self.control.hear::<Said>().ok().flatten() {
                Some(Said::Ended(code)) => return Ok(Some(code)),
                Some(Said::Missing) => return Ok(None),
                Some(Said::Failed(failure)) => return Err(failure.into()),
                Some(Said::Unshared | Said::Waiting | Said::Begun | Said::Signal(_)) => {}
                None if interrupted.is_some_and(|flag| flag.load(Ordering::Relaxed)) => return Err(Error::Interrupted),
                None => return Err(Error::Killed),
            }
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.kill();
        let _ = self.outer.wait();
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stdout.read(buffer)?;
        if count == 0 && !buffer.is_empty() && !self.is_whole {
            self.started.last_word(None).map_err(io::Error::other)?;
            self.is_whole = true;
        }
        Ok(count)
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
