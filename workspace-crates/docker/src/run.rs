//! Running containers to their end, with their input and output.

use crate::interactive::Partner;
use crate::{Container, ContainerSpec, Docker, Ending, Error, Input};

/// Which of a program's two outputs something came from. A terminal has only the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; 128 and a signal's number if a signal ended it.
    pub code: i32,
    /// Whether the kernel killed a process of the container because memory ran out. Not known, and false, for
    /// [`Docker::exec`], for a container that is gone, and where the daemon does not notice: Podman with version 1 of the
    /// kernel's control groups, and Docker if it is told of the end before the cause.
    pub oom_killed: bool,
}

impl Exit {
    /// Whether the code is 0.
    pub fn success(&self) -> bool {
        self.code == 0
    }

    /// The signal that ended it, going by the code.
    pub fn signal(&self) -> Option<i32> {
        (129..=192).contains(&self.code).then(|| self.code - 128)
    }
}

impl Docker {
    /// Runs a container to its end and removes it, whatever happens: also on an error, a panic in `output`, or an
    /// interruption. `output` gets what it writes, in pieces of any size, as it comes, and may call methods of this type.
    ///
    /// # Errors
    /// Those of [`Docker::create`] and [`Docker::start`]; [`Error::LostMidway`], [`Error::Interrupted`]. A code other than
    /// 0 is none.
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

    /// Starts a container that was made with [`Docker::create`], and waits for its end as [`Docker::run`] does. It is
    /// killed when interrupted, but not removed. `input` needs [`ContainerSpec::stdin`].
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
            // That it has ended already is no matter.
            let _ = self.kill(id, "KILL");
        }
        ended
    }
}
