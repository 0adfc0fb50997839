//! Lists containers and reads their state.

use std::collections::BTreeMap;

use bollard::models::{ContainerStateStatusEnum as ApiStatus, ContainerSummaryStateEnum as ApiSummaryStatus};
use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::reference::check_name;
use crate::{Docker, Error, labels};

/// The status of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerStatus {
    /// Created, never started.
    Created,
    /// Running.
    Running,
    /// Started, but all of its processes are frozen.
    Paused,
    /// Ended; the daemon restarts it.
    Restarting,
    /// Ended, by itself or not.
    Exited,
    /// Being removed, or a failed removal.
    Removing,
}

/// The state of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerState {
    /// Its status.
    pub status: ContainerStatus,
    /// The process id of its first process on the daemon's host; none if it does not run.
    pub pid: Option<u32>,
    /// The begin of its last run (RFC 3339), if any.
    pub started_at: Option<String>,
    /// The end of its last completed run (RFC 3339), if any.
    pub finished_at: Option<String>,
    /// The exit code of its last completed run, else 0.
    pub exit_code: i32,
    /// Whether the kernel killed one of its processes for lack of memory.
    pub oom_killed: bool,
    /// The error of a failed start, else empty.
    pub error: String,
}

/// A container in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSummary {
    /// Its id.
    pub id: String,
    /// Its name, without the API's leading slash.
    pub name: String,
    /// The reference or id of its image at its creation.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its status.
    pub status: ContainerStatus,
    /// Its creation time in seconds since 1970.
    pub created: i64,
}

impl Docker {
    /// The state of a container; none if it does not exist.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] if the start of an id fits several; if the connection is lost.
    pub fn state(&self, container: &str) -> Result<Option<ContainerState>, Error> {
        check_name(container, "a container name")?;
        match self.request(|| format!("inspect the container `{container}`"), self.inspect(container)) {
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
}

impl From<bollard::models::ContainerState> for ContainerState {
    fn from(state: bollard::models::ContainerState) -> Self {
        Self {
            status: match state.status {
                Some(ApiStatus::RUNNING | ApiStatus::STOPPING) => ContainerStatus::Running,
                Some(ApiStatus::PAUSED) => ContainerStatus::Paused,
                Some(ApiStatus::RESTARTING) => ContainerStatus::Restarting,
                Some(ApiStatus::EXITED) => ContainerStatus::Exited,
                Some(ApiStatus::REMOVING | ApiStatus::DEAD) => ContainerStatus::Removing,
                Some(ApiStatus::CREATED | ApiStatus::EMPTY) | None => ContainerStatus::Created,
            },
            pid: state.pid.and_then(|pid| u32::try_from(pid).ok()).filter(|&pid| pid != 0),
            started_at: time(state.started_at),
            finished_at: time(state.finished_at),
            exit_code: state.exit_code.and_then(|code| i32::try_from(code).ok()).unwrap_or(0),
            oom_killed: state.oom_killed.unwrap_or(false),
            error: state.error.unwrap_or_default(),
        }
    }
}

/// The daemon's time. The year 1 means never.
fn time(time: Option<String>) -> Option<String> {
    time.filter(|time| !time.is_empty() && !time.starts_with("0001-"))
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
                Some(ApiSummaryStatus::RUNNING | ApiSummaryStatus::STOPPING) => ContainerStatus::Running,
                Some(ApiSummaryStatus::PAUSED) => ContainerStatus::Paused,
                Some(ApiSummaryStatus::RESTARTING) => ContainerStatus::Restarting,
                Some(ApiSummaryStatus::EXITED) => ContainerStatus::Exited,
                Some(ApiSummaryStatus::REMOVING | ApiSummaryStatus::DEAD) => ContainerStatus::Removing,
                Some(ApiSummaryStatus::CREATED | ApiSummaryStatus::EMPTY) | None => ContainerStatus::Created,
            },
            created: container.created.unwrap_or(0),
        }
    }
}
