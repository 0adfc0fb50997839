//! Containers: creating, starting, stopping, removing, looking at them.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::Duration;

use bollard::models::{
    ContainerConfig, ContainerStateStatusEnum as ApiStatus, ContainerSummaryStateEnum as ApiSummaryStatus,
};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder,
    ListContainersOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions, StopContainerOptionsBuilder,
};

use crate::image::{ImageChanges, Removal, image_id};
use crate::reference::{check_name, check_reference, split_tag};
use crate::{Answer, ContainerSpec, Docker, Engine, Error, Mount, labels};

/// How often the daemon is asked to remove a container whose files it cannot let go of.
const REMOVALS: u32 = 10;
/// The time between two such requests.
const REMOVAL_PAUSE: Duration = Duration::from_millis(100);

/// A container that this process made. It is killed and removed when this value is dropped, also by a panic, unless
/// [`Container::keep`] was called.
#[derive(Debug)]
pub struct Container {
    docker: Docker,
    id: String,
    /// For errors: "the container `x`".
    title: String,
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

    /// Leaves the container in the daemon. Gives its id.
    pub fn keep(mut self) -> String {
        self.kept = true;
        self.id.clone()
    }

    /// Kills and removes the container, with its anonymous volumes.
    ///
    /// # Errors
    /// If the connection is lost. That it is gone already is none.
    pub fn remove(mut self) -> Result<(), Error> {
        self.kept = true;
        self.docker.remove(&self.id).map(drop)
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if !self.kept {
            // Nobody is there to hear of a failure; labels let a later run find what stayed.
            let _ = self.docker.remove(&self.id);
        }
    }
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerStatus {
    /// Made, never started.
    Created,
    /// Running; paused and restarting count as this.
    Running,
    /// Ended, by itself or not.
    Exited,
    /// Being removed, or stuck in it.
    Removing,
}

/// The state of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerState {
    /// What it does.
    pub status: ContainerStatus,
    /// How its last run ended; 0 if it has not ended.
    pub exit_code: i32,
    /// Whether the kernel killed a process of it because memory ran out.
    pub oom_killed: bool,
    /// Why it could not be started; empty if it could.
    pub error: String,
}

/// A container as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSummary {
    /// Its id.
    pub id: String,
    /// Its name, without the API's leading slash.
    pub name: String,
    /// The image that it was made from, as it was named then.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it does.
    pub status: ContainerStatus,
    /// When it was made, in seconds since 1970.
    pub created: i64,
}

impl Docker {
    /// Makes a container, without starting it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the image is not there, [`Error::NameInUse`], [`Error::MountSource`], [`Error::NoSpace`].
    pub fn create(&self, spec: &ContainerSpec) -> Result<Container, Error> {
        self.create_as(spec, true)
    }

    /// `logged`: whether the daemon keeps what the container writes.
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
        // Abandoned, the request might still make a container that nobody knows of.
        let options = options.build();
        let request = self.client().create_container(Some(options.clone()), body.clone());
        let id = match self.request_uninterrupted(action, request) {
            // Podman takes the init of its host, where it is a package of its own: without it a program just is process 1.
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
        Ok(Container { docker: self.clone(), id, title, kept: false })
    }

    /// Podman makes the folders that are to be mounted where they are missing; Docker refuses, and so do we.
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
    /// [`Error::NotExecutable`] if its program cannot be executed, [`Error::MountSource`].
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

    /// Stops a container: its stop signal, and SIGKILL after `seconds`. One that does not run stays as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn stop(&self, container: &str, seconds: u16) -> Result<(), Error> {
        check_name(container, "a container name")?;
        let options = StopContainerOptionsBuilder::new().t(i32::from(seconds)).build();
        let request = self.client().stop_container(container, Some(options));
        self.request(|| format!("stop the container `{container}`"), request)
    }

    /// Kills a container and removes it with its anonymous volumes. Works when interrupted, too.
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
                // A read of its files that was abandoned has them mounted for a moment longer.
                Err(Error::Refused { source: Answer { status: Some(500), .. }, .. }) if left > 0 => {
                    sleep(REMOVAL_PAUSE)
                }
                result => return Removal::of(result),
            }
        }
    }

    /// The state of a container; none if there is none.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn state(&self, container: &str) -> Result<Option<ContainerState>, Error> {
        check_name(container, "a container name")?;
        let request = self.client().inspect_container(container, None::<InspectContainerOptions>);
        match self.request(|| format!("inspect the container `{container}`"), request) {
            Ok(answer) => Ok(Some(answer.state.unwrap_or_default().into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All containers, running or not, that have all of the labels, each given as `key` or `key=value`.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn containers(&self, labels: &[&str]) -> Result<Vec<ContainerSummary>, Error> {
        let options = ListContainersOptionsBuilder::new().all(true).filters(&labels::filter(labels)).build();
        let containers = self.request(|| "list containers".to_owned(), self.client().list_containers(Some(options)))?;
        let containers = containers.into_iter().map(ContainerSummary::from);
        Ok(containers.filter(|container| labels::has_all(&container.labels, labels)).collect())
    }

    /// Makes an image out of a container's files, without its volumes, and names it if a reference is given. The image
    /// inherits the container's command, environment and labels, where `changes` do not replace them. Gives its id.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NoSpace`].
    pub fn commit(&self, container: &str, reference: Option<&str>, changes: &ImageChanges) -> Result<String, Error> {
        check_name(container, "a container name")?;
        let (repository, tag) = reference.map(split_tag).transpose()?.unzip();
        let client = self.client_with_changes(changes)?;
        let mut options = CommitContainerOptionsBuilder::new().container(container).pause(true);
        if let (Some(repository), Some(tag)) = (repository, tag) {
            options = options.repo(repository).tag(tag);
        }
        let request = client.commit_container(options.build(), ContainerConfig::default());
        let answer = self.request(|| format!("commit the container `{container}`"), request)?;
        Ok(image_id(&answer.id).unwrap_or(answer.id))
    }
}

impl From<bollard::models::ContainerState> for ContainerState {
    fn from(state: bollard::models::ContainerState) -> Self {
        Self {
            status: match state.status {
                Some(ApiStatus::RUNNING | ApiStatus::PAUSED | ApiStatus::RESTARTING | ApiStatus::STOPPING) => {
                    ContainerStatus::Running
                }
                Some(ApiStatus::EXITED) => ContainerStatus::Exited,
                Some(ApiStatus::REMOVING | ApiStatus::DEAD) => ContainerStatus::Removing,
                Some(ApiStatus::CREATED | ApiStatus::EMPTY) | None => ContainerStatus::Created,
            },
            exit_code: state.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or(0),
            oom_killed: state.oom_killed.unwrap_or(false),
            error: state.error.unwrap_or_default(),
        }
    }
}

impl From<bollard::models::ContainerSummary> for ContainerSummary {
    fn from(container: bollard::models::ContainerSummary) -> Self {
        let name = container.names.unwrap_or_default().into_iter().next().unwrap_or_default();
        Self {
            id: container.id.unwrap_or_default(),
            name: name.trim_start_matches('/').to_owned(),
            image: container.image.unwrap_or_default(),
            labels: container.labels.unwrap_or_default().into_iter().collect(),
            status: match container.state {
                Some(
                    ApiSummaryStatus::RUNNING
                    | ApiSummaryStatus::PAUSED
                    | ApiSummaryStatus::RESTARTING
                    | ApiSummaryStatus::STOPPING,
                ) => ContainerStatus::Running,
                Some(ApiSummaryStatus::EXITED) => ContainerStatus::Exited,
                Some(ApiSummaryStatus::REMOVING | ApiSummaryStatus::DEAD) => ContainerStatus::Removing,
                Some(ApiSummaryStatus::CREATED | ApiSummaryStatus::EMPTY) | None => ContainerStatus::Created,
            },
            created: container.created.unwrap_or(0),
        }
    }
}
