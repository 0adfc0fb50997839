//! A running container to debug, and the properties that a session copies.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use tierce_docker::{
    ContainerDetails, ContainerSpec, ContainerStatus, ContainerSummary, Docker, NamespaceMode, OutputStream,
    PidNamespace,
};

use crate::process::{self, Found};
use crate::resolve::{self, Among};
use crate::{Error, Process};

/// A running container.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) details: ContainerDetails,
    /// Whether this run has resumed it, or would without `--dry-run`.
    pub unpaused: bool,
}

/// The treatment of a paused target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenPaused {
    /// It is an error.
    Fail,
    /// The daemon resumes it.
    Unpause,
    /// It stays paused; the caller only prints commands.
    Leave,
}

impl Target {
    /// Finds a running container by a word. `is_of_image` tells whether a container has the image of that name.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`]; those of a container that does not run.
    pub fn find(
        docker: &Docker,
        word: &str,
        is_of_image: impl Fn(&ContainerSummary) -> bool,
        when_paused: WhenPaused,
    ) -> Result<Target, Error> {
        let containers = docker.containers(&[])?;
        let chosen = resolve::choose(word, &containers, Among::Running, is_of_image)?;
        let gone = || Error::Removing { name: chosen.name.clone() };
        let details = docker.container_details(&chosen.id)?.ok_or_else(gone)?;
        match joinable(&details) {
            Ok(()) => Ok(Target { details, unpaused: false }),
            Err(Error::Paused { .. }) if when_paused == WhenPaused::Leave => Ok(Target { details, unpaused: true }),
            Err(Error::Paused { .. }) if when_paused == WhenPaused::Unpause => {
                docker.unpause(&details.id)?;
                let details = docker.container_details(&chosen.id)?.ok_or_else(gone)?;
                joinable(&details)?;
                Ok(Target { details, unpaused: true })
            }
            Err(error) => Err(error),
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.details.id
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.details.name
    }

    /// Whether its first process is the daemon's init.
    pub fn has_init(&self) -> bool {
        self.details.init
    }

    /// Its processes, by their numbers in the session's namespace, as `/proc` of this machine has them. Starts no container.
    ///
    /// # Errors
    /// If `/proc` does not have them.
    pub fn known_process(&self) -> Result<Process, Error> {
        match self.find_process() {
            Found::Process(process) => Ok(process),
            Found::Inside => {
                let reason = "only a container of the toolbox can find it, and --dry-run starts none".to_owned();
                Err(Error::Process { name: self.name().to_owned(), reason })
            }
        }
    }

    fn find_process(&self) -> Found {
        let ContainerDetails { id, state, pid_mode, init, .. } = &self.details;
        process::find(id, state.pid, pid_mode, *init, Path::new("/proc"))
    }

    /// Its processes, by their numbers in the session's namespace. If `/proc` of this machine does not have them, a container of
    /// the toolbox finds them, since a session may lack a shell.
    ///
    /// # Errors
    /// If no process is found.
    pub fn process(&self, docker: &Docker, toolbox: &str) -> Result<Process, Error> {
        match self.find_process() {
            Found::Process(process) => Ok(process),
            Found::Inside => self.search(docker, toolbox),
        }
    }

    fn search(&self, docker: &Docker, toolbox: &str) -> Result<Process, Error> {
        let spec = ContainerSpec {
            image: toolbox.to_owned(),
            entrypoint: Some(vec!["/bin/sh".into(), "-c".into(), process::search(self.id())]),
            user: Some("0:0".into()),
            pid: PidNamespace::Container(self.id().to_owned()),
            userns: self.details.userns_mode.clone(),
            auto_remove: true,
            ..ContainerSpec::default()
        };
        let mut printed = Vec::new();
        let ran = docker.run(&spec, tierce_docker::Input::none(), &mut |stream, bytes| {
            if stream == OutputStream::Stdout {
                printed.extend_from_slice(bytes);
            }
        });
        let failed = |reason: String| Error::Process { name: self.name().to_owned(), reason };
        ran.map_err(|error| match error {
            tierce_docker::Error::NotFound { .. } | tierce_docker::Error::Refused { .. } => {
                self.or_its_end(docker, Error::Docker(error))
            }
            tierce_docker::Error::ProgramNotFound { source, .. }
            | tierce_docker::Error::NotExecutable { source, .. } => failed(source.message),
            other => Error::Docker(other),
        })?;
        let pid = process::search_result(&String::from_utf8_lossy(&printed));
        let pid = pid.ok_or_else(|| failed("no control group has its id".into()))?;
        Ok(Process { pid, program: None })
    }

    /// The image's reference at its creation, if that names another image by now.
    ///
    /// # Errors
    /// The daemon's.
    pub fn newer_image(&self, docker: &Docker) -> Result<Option<String>, Error> {
        let (name, id) = (&self.details.image, &self.details.image_id);
        let named = if id.contains(name.as_str()) { None } else { docker.image(name)? };
        Ok(named.filter(|image| image.id != *id).map(|_| name.clone()))
    }

    /// Its end with the exit code; none while it runs.
    pub(crate) fn end(&self, docker: &Docker) -> Result<Option<String>, Error> {
        let before = &self.details.state;
        Ok(match docker.container_details(self.id())? {
            None => Some("was removed".to_owned()),
            Some(now) if now.state.pid == before.pid && now.state.started_at == before.started_at => None,
            Some(now) if now.state.status == ContainerStatus::Running => Some("was restarted".to_owned()),
            Some(now) if now.state.oom_killed => {
                Some(format!("has died out of memory, with exit code {}", now.state.exit_code))
            }
            Some(now) => Some(format!("has died with exit code {}", now.state.exit_code)),
        })
    }

    /// Returns the end of the target as the error, if it has ended or restarted since it was found. The daemon's own words do not
    /// name that cause.
    pub fn or_its_end(&self, docker: &Docker, error: Error) -> Error {
        use tierce_docker::Error as DaemonError;
        /// The daemon may notice the target's end later than a session's start.
        const PAUSE: Duration = Duration::from_millis(25);
        const PAUSES: u32 = 20;
        let pauses = match &error {
            Error::Docker(
                DaemonError::Interrupted
                | DaemonError::Silent { .. }
                | DaemonError::Lost { .. }
                | DaemonError::LostMidway { .. },
            ) => return error,
            Error::Docker(_) => PAUSES,
            _ => 0,
        };
        for _ in 0..=pauses {
            match docker.container_details(self.id()) {
                Ok(None) => return Error::Removing { name: self.name().to_owned() },
                Ok(Some(now)) => match joinable(&now) {
                    Err(end) => return end,
                    Ok(()) if now.state.started_at == self.details.state.started_at => {}
                    Ok(()) => return Error::Restarting { name: self.name().to_owned(), code: None },
                },
                Err(_) => return error,
            }
            if pauses > 0 {
                sleep(PAUSE);
            }
        }
        error
    }

    /// Whether another container may join its IPC namespace.
    pub(crate) fn shares_ipc(&self) -> bool {
        matches!(self.details.ipc_mode, NamespaceMode::Shareable | NamespaceMode::Host | NamespaceMode::Container(_))
    }
}

/// Checks that a session can join a container's namespaces.
fn joinable(details: &ContainerDetails) -> Result<(), Error> {
    let (name, code) = (details.name.clone(), details.state.exit_code);
    match details.state.status {
        ContainerStatus::Running => Ok(()),
        ContainerStatus::Paused => Err(Error::Paused { name }),
        ContainerStatus::Restarting => Err(Error::Restarting { name, code: Some(code) }),
        ContainerStatus::Created => Err(Error::NeverStarted { name }),
        ContainerStatus::Exited => Err(Error::Ended { name, code, oom_killed: details.state.oom_killed }),
        ContainerStatus::Removing => Err(Error::Removing { name }),
    }
}
