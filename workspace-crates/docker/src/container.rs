//! Creates, starts, stops and removes containers.

use std::thread::sleep;
use std::time::Duration;

use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
    StopContainerOptionsBuilder,
};

use crate::image::Removal;
use crate::reference::{check_name, check_reference};
use crate::{Answer, ContainerSpec, Docker, Engine, Error, Mount};

/// Requests to remove a container whose files the daemon still holds.
const REMOVALS: u32 = 10;
/// The pause between two such requests.
const REMOVAL_PAUSE: Duration = Duration::from_millis(100);

/// A container of this process. Its drop, also by a panic, kills and removes the container. [`Container::keep`] does not.
#[derive(Debug)]
pub struct Container {
    docker: Docker,
    id: String,
    /// For errors: "the container `x`".
    title: String,
    tty: bool,
    kept: bool,
}

impl Container {
    /// The container's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    pub(crate) fn tty(&self) -> bool {
        self.tty
    }

    /// Leaves the container in the daemon and returns its id.
    pub fn keep(mut self) -> String {
        self.kept = true;
        self.id.clone()
    }

    /// Kills and removes the container, with its anonymous volumes.
    ///
    /// # Errors
    /// If the connection is lost. A missing container is a success.
    pub fn remove(mut self) -> Result<(), Error> {
        self.kept = true;
        self.docker.remove(&self.id).map(drop)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if !self.kept {
            // After a failure, a later run finds the container by its labels.
            let _ = self.docker.remove(&self.id);
        }
    }
}

impl Docker {
    /// Creates a container without starting it.
    ///
    /// # Errors
    /// [`Error::NotFound`] without the image, [`Error::NameInUse`], [`Error::MountSource`], [`Error::NoSpace`].
    pub fn create(&self, spec: &ContainerSpec) -> Result<Container, Error> {
        self.create_as(spec, true)
    }

    /// `logged`: whether the daemon keeps the container's output.
    pub(crate) fn create_as(&self, spec: &ContainerSpec, logged: bool) -> Result<Container, Error> {
        check_reference(&spec.image)?;
        self.check_interrupted()?;
        let mut options = CreateContainerOptionsBuilder::new();
        if let Some(name) = &spec.name {
            options = options.name(check_name(name, "a container name")?);
        }
        let mut body = spec.to_body(self.engine(), logged)?;
        self.check_mounts(spec)?;
        let action = || match &spec.name {
            Some(name) => format!("create the container `{name}` from the image `{}`", spec.image),
            None => format!("create a container from the image `{}`", spec.image),
        };
        // An abandoned request may still create a container, without an owner.
        let options = options.build();
        let request = self.client().create_container(Some(options.clone()), body.clone());
        let id = match self.request_uninterrupted(action, request) {
            // Podman needs its host's init, an optional package. Without it the program is process 1.
            Err(Error::Refused { source, .. }) if spec.init && source.message.contains("container-init binary") => {
                body.host_config.iter_mut().for_each(|host| host.init = None);
                self.request_uninterrupted(action, self.client().create_container(Some(options), body))?.id
            }
            created => created?.id,
        };
        let title = match &spec.name {
            Some(name) => format!("the container `{name}`"),
            None => format!("a container of the image `{}`", spec.image),
        };
        Ok(Container { docker: self.clone(), id, title, tty: spec.tty, kept: false })
    }

    /// Refuses missing folders as Docker does: Podman would create them.
    fn check_mounts(&self, spec: &ContainerSpec) -> Result<(), Error> {
        if self.engine() == Engine::Docker || !self.endpoint().is_local() {
            return Ok(());
        }
        for mount in &spec.mounts {
            if let Mount::Bind { host, .. } = mount
                && !host.exists()
            {
                return Err(Error::MountSource {
                    action: format!("create a container from the image `{}`", spec.image),
                    source: Answer { status: None, message: format!("`{}` does not exist", host.display()) },
                });
            }
        }
        Ok(())
    }

    /// Starts a container.
    ///
    /// # Errors
    /// [`Error::ProgramNotFound`] if its program is missing, [`Error::NotExecutable`] if it cannot be executed,
    /// [`Error::MountSource`].
    pub fn start(&self, container: &str) -> Result<(), Error> {
        check_name(container, "a container name")?;
        let request = self.client().start_container(container, None::<StartContainerOptions>);
        self.request(|| format!("start the container `{container}`"), request)
    }

    /// Sends a signal ("KILL", "USR1") to a container's first process.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] if it does not run.
    pub fn kill(&self, container: &str, signal: &str) -> Result<(), Error> {
        check_name(container, "a container name")?;
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        let request = self.client().kill_container(container, Some(options));
        self.request_uninterrupted(|| format!("send {signal} to the container `{container}`"), request)
    }

    /// Stops a container with its stop signal, and SIGKILL after `seconds`. Ignores a stopped container.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn stop(&self, container: &str, seconds: u16) -> Result<(), Error> {
        check_name(container, "a container name")?;
        let options = StopContainerOptionsBuilder::new().t(i32::from(seconds)).build();
        let request = self.client().stop_container(container, Some(options));
        self.request(|| format!("stop the container `{container}`"), request)
    }

    /// Freezes all processes of a container.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] if it does not run, or is paused.
    pub fn pause(&self, container: &str) -> Result<(), Error> {
        check_name(container, "a container name")?;
        self.request(|| format!("pause the container `{container}`"), self.client().pause_container(container))
    }

    /// Resumes the processes of a paused container.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Refused`] if it is not paused.
    pub fn unpause(&self, container: &str) -> Result<(), Error> {
        check_name(container, "a container name")?;
        self.request(|| format!("unpause the container `{container}`"), self.client().unpause_container(container))
    }

    /// Kills a container and removes it with its anonymous volumes, even after an interruption.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn remove(&self, container: &str) -> Result<Removal, Error> {
        check_name(container, "a container name")?;
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let mut left = REMOVALS;
        loop {
            let request = self.client().remove_container(container, Some(options.clone()));
            let result = self.request_uninterrupted(|| format!("remove the container `{container}`"), request);
            left -= 1;
            match result {
                // After an abandoned read, its files stay mounted for a moment.
                Err(Error::Refused { source: Answer { status: Some(500), .. }, .. }) if left > 0 => {
                    sleep(REMOVAL_PAUSE)
                }
                result => return Removal::from_result(result),
            }
        }
    }
}
