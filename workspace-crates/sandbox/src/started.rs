//! The processes of a sandbox, from the parent's side: their start, their users, their group, and their last word.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::cgroup::Group;
use crate::control::{Control, Said};
use crate::identity::Identity;
use crate::limits::Limits;
use crate::outer::{IN_TERMINAL, OUTER, THIS_PROGRAM};
use crate::pipes::PipeEnd;
use crate::spec::{Order, Program, Spec, Stdin, Task};
use crate::stop::Stop;
use crate::{Error, raw};

/// The time between two looks at killed processes, and the number of looks: a broken file system can keep one forever.
const PAUSE: Duration = Duration::from_millis(5);
const LOOKS: u32 = 400;

/// The processes of a sandbox. They end when this is dropped.
pub(crate) struct Started {
    pub(crate) outer: Child,
    pub(crate) control: Control,
    stop: Stop,
    /// Removed after its processes: fields are dropped in their order.
    group: Option<Group>,
}

/// An archive of files of a root, which a sandbox packs while the caller reads it.
pub struct Packed {
    started: Started,
    stdout: PipeEnd<ChildStdout>,
    is_whole: bool,
}

impl Started {
    /// Starts a sandbox, and gives it its order. A program gets the limits.
    pub(crate) fn new(
        identity: &Identity,
        limits: &Limits,
        spec: &Spec,
        task: Task,
        stop: Stop,
    ) -> Result<Started, Error> {
        let failed = |source| Error::Refused { what: "start".to_owned(), source };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let group = if matches!(task, Task::Run(_) | Task::Attend(..)) { Group::create(limits) } else { None };
        let control = Control::watched(ours).map_err(failed)?;
        let (outer, group) = spawn(&|| command(identity, &task), &theirs, group).map_err(failed)?;
        let mut started = Started { outer, control, stop, group };
        drop(theirs);
        if identity.has_user_namespace() {
            started.hear_exactly(&Said::Unshared)?;
            identity.map(started.outer.id(), &mut started.stop)?;
            started.say(&Said::Begun)?;
        }
        started.hear_exactly(&Said::Waiting)?;
        started.say(&Order { spec: spec.clone(), has_range: identity.has_range(), task })?;
        Ok(started)
    }

    /// The processes of no sandbox: a script that has the other end of the socket as its stdin. Returns a further handle of that end.
    #[cfg(test)]
    pub(crate) fn of(script: &str, stop: Stop) -> (Started, Control) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let handle = Control::new(theirs.try_clone().expect("a copy"));
        let stdin = Stdio::from(std::os::fd::OwnedFd::from(theirs));
        let outer = Command::new("/bin/sh").args(["-c", script]).stdin(stdin).spawn().expect("started");
        (Started { outer, control: Control::watched(ours).expect("a socket"), stop, group: None }, handle)
    }

    /// Returns the archive that the sandbox packs; `None` if its root does not have the files.
    pub(crate) fn packed(mut self) -> Result<Option<Packed>, Error> {
        match self.control.hear_unless::<Said>(&mut self.stop)?.ok().flatten() {
            Some(Said::Begun) => {}
            Some(Said::Missing) => return Ok(None),
            Some(Said::Failed(failure)) => return Err(failure.into()),
            _ => return Err(self.why_it_ended()),
        }
        let stdout = self.outer.stdout.take().ok_or(Error::Killed)?;
        let failed = |source| Error::Refused { what: "read from itself".to_owned(), source };
        let stdout = PipeEnd::new(stdout, self.stop.clone()).map_err(failed)?;
        Ok(Some(Packed { started: self, stdout, is_whole: false }))
    }

    fn say(&mut self, message: &impl serde::Serialize) -> Result<(), Error> {
        match self.control.say(message) {
            Ok(()) => Ok(()),
            // A path that is no UTF-8: nothing was sent, and the sandbox waits.
            Err(source) if source.kind() != io::ErrorKind::BrokenPipe && source.get_ref().is_some() => {
                Err(Error::Refused { what: "read its specification".to_owned(), source })
            }
            // Its own words say why it is gone.
            Err(_) => self.last_word().map(drop),
        }
    }

    pub(crate) fn hear_exactly(&mut self, expected: &Said) -> Result<(), Error> {
        match self.control.hear_unless::<Said>(&mut self.stop)?.ok().flatten() {
            Some(said) if said == *expected => Ok(()),
            Some(Said::Failed(failure)) => Err(failure.into()),
            _ => Err(self.why_it_ended()),
        }
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.outer.kill();
    }

    /// Waits for the end of the task, and returns the code, or `None` if the root does not have the file.
    pub(crate) fn end(mut self) -> Result<Option<i32>, Error> {
        let ended = self.last_word()?;
        let _ = self.outer.wait();
        Ok(ended)
    }

    fn last_word(&mut self) -> Result<Option<i32>, Error> {
        loop {
            match self.control.hear_unless::<Said>(&mut self.stop)?.ok().flatten() {
                Some(Said::Ended(code)) => return Ok(Some(code)),
                Some(Said::Missing) => return Ok(None),
                Some(Said::Failed(failure)) => return Err(failure.into()),
                Some(Said::Unshared | Said::Waiting | Said::Begun | Said::Signal(_)) => {}
                None => return Err(self.stop.reason().unwrap_or_else(|| self.why_it_ended())),
            }
        }
    }

    /// Whether the kernel has killed a process of the sandbox for lack of memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        self.group.as_ref().is_some_and(Group::ran_out_of_memory)
    }

    /// Whether a limit of memory holds.
    pub(crate) fn limits_memory(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.memory().is_some())
    }

    /// Returns the reason why the processes ended without a word.
    pub(crate) fn why_it_ended(&self) -> Error {
        match self.ran_out_of_memory() {
            true => Error::OutOfMemory { limit: self.group.as_ref().and_then(Group::memory) },
            false => Error::Killed,
        }
    }
}

/// Starts the outer process in its group; if that fails, without the group, which then goes.
fn spawn(
    command: &dyn Fn() -> Command,
    control: &UnixStream,
    group: Option<Group>,
) -> io::Result<(Child, Option<Group>)> {
    let start = |group: Option<&Group>| {
        let mut outer = command();
        if let Some(group) = group {
            raw::enter_group(&mut outer, group.processes());
        }
        raw::pass(&mut outer, control);
        outer.spawn()
    };
    match group.as_ref().map(|group| start(Some(group))) {
        Some(Ok(outer)) => Ok((outer, group)),
        _ => Ok((start(None)?, None)),
    }
}

/// Returns the command of the outer process.
fn command(identity: &Identity, task: &Task) -> Command {
    let stdin = match task {
        Task::Run(Program { stdin, .. }) | Task::Attend(Program { stdin, .. }, _) => *stdin,
        Task::Unpack { .. } => Stdin::Bytes,
        Task::Pack { .. } | Task::Remove { .. } => Stdin::Null,
    };
    let mut outer = Command::new(THIS_PROGRAM);
    outer.arg0(OUTER).env_clear();
    outer.arg(if identity.has_user_namespace() { "user" } else { "root" });
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
    outer
}

impl Drop for Started {
    fn drop(&mut self) {
        self.kill();
        for _ in 0..LOOKS {
            if !matches!(self.outer.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.stdout.read(buffer)?;
        if count == 0 && !buffer.is_empty() && !self.is_whole {
            self.started.last_word().map_err(io::Error::other)?;
            self.is_whole = true;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_that_cannot_enter_its_group_starts_without_it() {
        let scratch = tempfile::tempdir().expect("a folder");
        let (folder, (control, _end)) = (scratch.path().join("group"), UnixStream::pair().expect("a pair"));
        std::fs::create_dir(&folder).expect("writable");
        let group = Group::closed(&folder);
        assert_eq!(group.memory(), Some(1));
        let (mut outer, group) = spawn(&|| Command::new("true"), &control, Some(group)).expect("it starts");
        assert!(outer.wait().expect("it ends").success() && group.is_none());
        assert!(!folder.exists(), "the group is removed");
        assert!(spawn(&|| Command::new("/"), &control, None).is_err());
    }
}
