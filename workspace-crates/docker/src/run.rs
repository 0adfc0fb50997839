//! Runs containers to their end, with input and output.

use crate::interactive::Partner;
use crate::{Container, ContainerSpec, Docker, Ending, Error, Input};

/// An output of a program. A terminal has only the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// The end of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; 128 and a signal's number if a signal ended it.
    pub code: i32,
    /// Whether the kernel killed a process of the container for lack of memory. False if unknown: for [`Docker::exec`], for a
    /// removed container, with Podman on control groups version 1, and if Docker sees the end before the cause.
    pub oom_killed: bool,
}

impl Exit {
    /// Whether the code is 0.
    pub fn success(&self) -> bool {
        self.code == 0
    }

    /// The signal that the code stands for.
    pub fn signal(&self) -> Option<i32> {
        (129..=192).contains(&self.code).then(|| self.code - 128)
    }
}

impl Docker {
    /// Runs a container to its end and removes it, also after an error, a panic in `output`, or an interruption. `output` gets
    /// the program's output at once, in pieces of any size, and may call methods of this type.
    ///
    /// # Errors
    /// Those of [`Docker::create`] and [`Docker::start`]; [`Error::LostMidway`], [`Error::Interrupted`]. Any exit code is a
    /// success.
    pub fn run(
        &self,
        spec: &ContainerSpec,
        input: Input,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Exit, Error> {
        let spec = ContainerSpec { stdin: input.is_some(), ..spec.clone() };
        let container = self.create_as(&spec, false)?;
        let exit = self.run_created(&container, input, output)?;
        container.remove()?;
        Ok(exit)
    }

    /// Starts a container of [`Docker::create`] and waits for its end as [`Docker::run`] does. An interruption kills the
    /// container, but does not remove it. `input` needs [`ContainerSpec::stdin`].
    ///
    /// # Errors
    /// Those of [`Docker::start`]; [`Error::LostMidway`], [`Error::Interrupted`].
    pub fn run_created(
        &self,
        container: &Container,
        input: Input,
        output: &mut dyn FnMut(OutputStream, &[u8]),
    ) -> Result<Exit, Error> {
        let id = container.id();
        let action = format!("run {}", container.title());
        let partner = Partner { id, action, tty: container.tty(), start: true };
        let ended = self.talk(partner, input, output).and_then(|ending| match ending {
            Ending::Exited(exit) => Ok(exit),
            Ending::Detached => self.wait(id),
        });
        if matches!(ended, Err(Error::Interrupted)) {
            // The kill fails if the container has already ended.
            let _ = self.kill(id, "KILL");
        }
        ended
    }
}
