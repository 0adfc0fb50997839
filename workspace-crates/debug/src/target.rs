//! What is debugged: a running container, and what of it decides how a session joins it.

use std::path::Path;

use tierce_docker::{
    ContainerDetails, ContainerSpec, ContainerStatus, ContainerSummary, Docker, NamespaceMode, OutputStream,
    PidNamespace,
};

use crate::process::{self, Found};
use crate::resolve::{self, Among};
use crate::{Error, Process};

/// A container that runs.
#[derive(Clone, Debug)]
pub struct Target {
    pub(crate) details: ContainerDetails,
    /// Whether it was paused, and goes on now.
    pub unpaused: bool,
}

impl Target {
    /// Finds the container that a word means and that can be joined. `is_of_image` says whether a container is of the image of
    /// that name; `unpause`, whether one that is paused may be let go on.
    ///
    /// # Errors
    /// That there is none, or several; that it does not run.
    pub fn find(
        docker: &Docker,
        word: &str,
        is_of_image: impl Fn(&ContainerSummary) -> bool,
        unpause: bool,
    ) -> Result<Target, Error> {
        let containers = docker.containers(&[])?;
        let chosen = resolve::choose(word, &containers, Among::Running, is_of_image)?;
        let gone = || Error::Removing { name: chosen.name.clone() };
        let details = docker.container_details(&chosen.id)?.ok_or_else(gone)?;
        match joinable(&details) {
            Ok(()) => Ok(Target { details, unpaused: false }),
            Err(Error::Paused { .. }) if unpause => {
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

    /// Whether its first process is an init that the daemon put before the program.
    pub fn has_init(&self) -> bool {
        self.details.init
    }

    /// Its processes, as a session counts them. Where `/proc` of this machine does not tell, a container of the toolbox looks
    /// for them; a session has no shell of its own that could.
    ///
    /// # Errors
    /// That they cannot be told.
    pub fn process(&self, docker: &Docker, toolbox: &str) -> Result<Process, Error> {
        let ContainerDetails { id, state, pid_mode, init, .. } = &self.details;
        match process::find(id, state.pid, pid_mode, *init, Path::new("/proc")) {
            Found::Here(process) => Ok(process),
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
            tierce_docker::Error::ProgramNotFound { source, .. }
            | tierce_docker::Error::NotExecutable { source, .. } => failed(source.message),
            other => Error::Docker(other),
        })?;
        let pid = process::search_result(&String::from_utf8_lossy(&printed));
        let pid = pid.ok_or_else(|| failed("no control group there names it".into()))?;
        Ok(Process { pid, program: None })
    }

    /// The name that it was made with, if that names another image by now.
    ///
    /// # Errors
    /// The daemon's.
    pub fn newer_image(&self, docker: &Docker) -> Result<Option<String>, Error> {
        let (name, id) = (&self.details.image, &self.details.image_id);
        let named = if id.contains(name.as_str()) { None } else { docker.image(name)? };
        Ok(named.filter(|image| image.id != *id).map(|_| name.clone()))
    }

    /// Whether it has ended since it was found, and with which code; none while it runs.
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

    /// Whether another container may join its namespace of interprocess communication.
    pub(crate) fn shares_ipc(&self) -> bool {
        matches!(self.details.ipc_mode, NamespaceMode::Shareable | NamespaceMode::Host | NamespaceMode::Container(_))
    }
}

/// Whether a container's namespaces can be joined, or why not.
fn joinable(details: &ContainerDetails) -> Result<(), Error> {
    let (name, code) = (details.name.clone(), details.state.exit_code);
    match details.state.status {
        ContainerStatus::Running => Ok(()),
        ContainerStatus::Paused => Err(Error::Paused { name }),
        ContainerStatus::Restarting => Err(Error::Restarting { name, code }),
        ContainerStatus::Created => Err(Error::NeverStarted { name }),
        ContainerStatus::Exited => Err(Error::Ended { name, code, oom_killed: details.state.oom_killed }),
        ContainerStatus::Removing => Err(Error::Removing { name }),
    }
}
