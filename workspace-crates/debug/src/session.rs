//! A session: creates, runs and removes its container.

use std::thread::sleep;
use std::time::Duration;

use tierce_docker::{Container, ContainerSpec, Docker, Ending, Exit, Input, OutputStream, Removal};

use crate::forward::{RELAY, SCRIPT};
use crate::spec::{file, link, mark, spec};
use crate::{Error, Forward, Options, Process, Remains, Target};

/// A session whose container has not started. Its drop removes the container.
pub struct Session {
    docker: Docker,
    container: Container,
    options: Options,
    /// The running target; none for a stopped container or an image.
    target: Option<Target>,
}

/// The end of a conversation with a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The command has ended.
    Ended {
        /// Its exit code.
        code: i32,
        /// The end of the target, if it is the cause.
        target: Option<String>,
    },
    /// The command goes on in the background.
    Detached,
}

impl Session {
    /// Creates the container of a session, with the link to the target's files.
    ///
    /// # Errors
    /// [`Error::NoToolbox`] without the image; the daemon's.
    pub fn create(docker: &Docker, target: Target, process: Process, options: Options) -> Result<Session, Error> {
        let container = create(docker, &spec(&target, &options), &options);
        let container = container.map_err(|error| target.or_its_end(docker, error))?;
        let session = Session { docker: docker.clone(), container, options, target: Some(target) };
        session.put(link(process))?;
        Ok(session)
    }

    /// Creates the container of a session with the files of a stopped container or an image. Also returns the links that became
    /// folders, because they lead to mounts.
    ///
    /// # Errors
    /// [`Error::NoToolbox`] without the image; the daemon's.
    pub fn with_remains(docker: &Docker, remains: &Remains, options: Options) -> Result<(Session, Vec<String>), Error> {
        let container = create(docker, &remains.spec(&options), &options)?;
        let links = remains.fill(docker, container.id(), &options)?;
        Ok((Session { docker: docker.clone(), container, options, target: None }, links))
    }

    /// The container's id.
    pub fn id(&self) -> &str {
        self.container.id()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// Unpacks an archive into the root directory of the session's container. Replaces files of the toolbox.
    fn put(&self, archive: std::io::Result<Vec<u8>>) -> Result<(), Error> {
        put(&self.docker, self.id(), archive)
    }

    /// Forwards connections to these ports while the container runs. Calls `warn` for a failed connection.
    ///
    /// # Errors
    /// The daemon's.
    pub fn forward(
        &self,
        forwards: Vec<Forward>,
        warn: impl Fn(&str) + Clone + Send + Sync + 'static,
    ) -> Result<(), Error> {
        if !forwards.is_empty() {
            self.put(file(SCRIPT, 0o755, RELAY.as_bytes()))?;
        }
        for forward in forwards {
            forward.serve(&self.docker, self.id(), warn.clone());
        }
        Ok(())
    }

    /// Starts the command and listens to it until its end or a detach. Then removes the container, unless it is kept or detached.
    ///
    /// # Errors
    /// [`Error::NoTool`], [`Error::NotExecutable`]; the daemon's.
    pub fn converse(self, input: Input, output: &mut dyn FnMut(OutputStream, &[u8])) -> Result<Outcome, Error> {
        let ending = self.docker.converse(self.id(), true, input, output);
        match ending {
            Err(tierce_docker::Error::Interrupted) if self.options.keep => {
                // The kill fails if the container has already ended.
                let _ = self.docker.kill(self.id(), "KILL");
                self.container.keep();
                Err(Error::Docker(tierce_docker::Error::Interrupted))
            }
            Err(error) => Err(self.at_start(error)),
            Ok(Ending::Detached) => {
                self.put(mark(&self.options.marks.detached))?;
                self.container.keep();
                Ok(Outcome::Detached)
            }
            Ok(Ending::Exited(exit)) => {
                let target = match &self.target {
                    Some(target) => end_of_target(&self.docker, target, exit)?,
                    None => None,
                };
                match self.options.keep {
                    true => drop(self.container.keep()),
                    false => remove(&self.docker, &self.container.keep())?,
                }
                Ok(Outcome::Ended { code: exit.code, target })
            }
        }
    }

    /// Starts the command in the background.
    ///
    /// # Errors
    /// [`Error::NoTool`], [`Error::NotExecutable`]; the daemon's.
    pub fn start(self) -> Result<(), Error> {
        self.docker.start(self.id()).map_err(|error| self.at_start(error))?;
        self.container.keep();
        Ok(())
    }

    pub(crate) fn at_start(&self, error: tierce_docker::Error) -> Error {
        let error = Error::at_start(error, &self.options.toolbox, self.options.command.first().map(String::as_str));
        match &self.target {
            Some(target) => target.or_its_end(&self.docker, error),
            None => error,
        }
    }
}

fn create(docker: &Docker, spec: &ContainerSpec, options: &Options) -> Result<Container, Error> {
    docker.create(spec).map_err(|error| Error::at_creation(error, &options.toolbox.name))
}

/// The end of a target that also ended its session: the kernel kills a namespace with its first process.
fn end_of_target(docker: &Docker, target: &Target, exit: Exit) -> Result<Option<String>, Error> {
    const KILLED: i32 = 9;
    const PAUSE: Duration = Duration::from_millis(25);
    const PAUSES: u32 = 20;
    if exit.signal() != Some(KILLED) {
        return Ok(None);
    }
    // The daemon may notice the session's end first.
    for _ in 0..PAUSES {
        if let Some(end) = target.end(docker)? {
            return Ok(Some(end));
        }
        sleep(PAUSE);
    }
    Ok(None)
}

/// Removes a session's container, and waits while the daemon removes it itself.
pub(crate) fn remove(docker: &Docker, container: &str) -> Result<(), Error> {
    const PAUSE: Duration = Duration::from_millis(10);
    const PAUSES: u32 = 500;
    for _ in 0..PAUSES {
        match docker.remove(container)? {
            Removal::Removed | Removal::Absent => break,
            Removal::InUse(_) => sleep(PAUSE),
        }
    }
    Ok(())
}

pub(crate) fn put(docker: &Docker, container: &str, archive: std::io::Result<Vec<u8>>) -> Result<(), Error> {
    let archive = archive.map_err(|source| tierce_docker::Error::Read {
        action: format!("write into the container `{container}`"),
        source,
    })?;
    docker.copy_in(container, "/", &archive[..])?;
    Ok(())
}
