//! The daemon's description of any container.

use std::collections::BTreeMap;

use bollard::errors::Error as Client;
use bollard::models::{ChangeType, ContainerInspectResponse, MountPoint, RestartPolicyNameEnum};
use bytes::Bytes;
use hyper::Method;

use crate::reference::check_name;
use crate::{ContainerState, Docker, Error, NamespaceMode, wire};

/// The daemon's description of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerDetails {
    /// Its id.
    pub id: String,
    /// Its name, without the API's leading slash.
    pub name: String,
    /// The reference or id of its image at its creation.
    pub image: String,
    /// The id of that image: `sha256:…`.
    pub image_id: String,
    /// Its state.
    pub state: ContainerState,
    /// Its program with arguments.
    pub command: Vec<String>,
    /// Its environment, `NAME=value` each.
    pub environment: Vec<String>,
    /// Its configured user: `user`, `uid`, `uid:gid` or empty.
    pub user: String,
    /// Its configured working folder, or empty.
    pub working_dir: String,
    /// Its labels, and those of its image.
    pub labels: BTreeMap<String, String>,
    /// Whether its program has a terminal.
    pub tty: bool,
    /// Whether its first process is the daemon's init.
    pub init: bool,
    /// Whether the image's files are mounted read-only.
    pub read_only_root: bool,
    /// Whether it has all privileges of the daemon.
    pub privileged: bool,
    /// Its process namespace.
    pub pid_mode: NamespaceMode,
    /// Its network.
    pub network_mode: NamespaceMode,
    /// Its namespace of shared memory.
    pub ipc_mode: NamespaceMode,
    /// Its user mapping, if not the daemon's default.
    pub userns_mode: Option<String>,
    /// Added capabilities.
    pub cap_add: Vec<String>,
    /// Dropped capabilities.
    pub cap_drop: Vec<String>,
    /// Its security options, in the daemon's format.
    pub security_options: Vec<String>,
    /// Its mounts, without the daemon's own files.
    pub mounts: Vec<MountDetails>,
    /// Its restart policy: "always", "on-failure", "unless-stopped".
    pub restart_policy: Option<String>,
    /// How often the daemon has restarted it by that policy.
    pub restarts: u64,
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountDetails {
    /// "bind", "volume", "tmpfs".
    pub kind: String,
    /// The volume's name.
    pub name: Option<String>,
    /// Its path on the daemon's host; empty if it has none.
    pub source: String,
    /// Its path in the container.
    pub destination: String,
    /// Whether it is read-only.
    pub read_only: bool,
}

/// The difference between a container's file and its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// Its content or attributes differ, or something in the folder does.
    Modified,
    /// Only the container has it.
    Added,
    /// Only the image has it.
    Deleted,
}

impl Docker {
    /// Describes a container, by name, id or the start of an id; none if it does not exist.
    ///
    /// # Errors
    /// [`Error::Ambiguous`] if the start of an id fits several; if the connection is lost.
    pub fn container_details(&self, container: &str) -> Result<Option<ContainerDetails>, Error> {
        check_name(container, "a container name")?;
        match self.request(|| format!("inspect the container `{container}`"), self.inspect(container)) {
            Ok(answer) => Ok(Some(answer.into())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the daemon's JSON of a container (Docker Engine API, "Inspect a container").
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`].
    pub fn container_json(&self, container: &str) -> Result<String, Error> {
        check_name(container, "a container name")?;
        let body = self.request(|| format!("inspect the container `{container}`"), self.inspection(container))?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    async fn inspection(&self, container: &str) -> Result<Bytes, Client> {
        let request = wire::request(Method::GET, &format!("/containers/{container}/json"), None)?;
        wire::read(wire::send(self.endpoint(), request).await?).await
    }

    /// The client library's description of a container.
    pub(crate) async fn inspect(&self, container: &str) -> Result<ContainerInspectResponse, Client> {
        let mut answer: serde_json::Value = serde_json::from_slice(&self.inspection(container).await?)?;
        if let Some(status) = answer.pointer_mut("/State/Status")
            && status == "stopped"
        {
            // Podman's word for a moment, which the library does not know.
            *status = "exited".into();
        }
        Ok(serde_json::from_value(answer)?)
    }

    /// How the files of a container differ from its image, in the order of the paths. Volumes are left out.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn changes(&self, container: &str) -> Result<Vec<(ChangeKind, String)>, Error> {
        check_name(container, "a container name")?;
        let request = self.client().container_changes(container);
        let changes = self.request(|| format!("list the changed files of the container `{container}`"), request)?;
        let changes = changes.into_iter().flatten().map(|change| (change.kind.into(), change.path));
        let mut changes: Vec<_> = changes.collect();
        changes.sort_by(|(_, one), (_, other)| one.cmp(other));
        Ok(changes)
    }
}

impl From<ChangeType> for ChangeKind {
    fn from(kind: ChangeType) -> Self {
        match kind {
            ChangeType::_0 => Self::Modified,
            ChangeType::_1 => Self::Added,
            ChangeType::_2 => Self::Deleted,
        }
    }
}

impl From<MountPoint> for MountDetails {
    fn from(mount: MountPoint) -> Self {
        Self {
            kind: mount.typ.unwrap_or_default(),
            name: mount.name.filter(|name| !name.is_empty()),
            source: mount.source.unwrap_or_default(),
            destination: mount.destination.unwrap_or_default(),
            read_only: !mount.rw.unwrap_or(true),
        }
    }
}

impl From<ContainerInspectResponse> for ContainerDetails {
    fn from(answer: ContainerInspectResponse) -> Self {
        let (config, host) = (answer.config.unwrap_or_default(), answer.host_config.unwrap_or_default());
        Self {
            id: answer.id.unwrap_or_default(),
            name: answer.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            image: config.image.unwrap_or_default(),
            image_id: answer.image.map(|id| crate::image::image_id(&id).unwrap_or(id)).unwrap_or_default(),
            state: answer.state.unwrap_or_default().into(),
            command: answer.path.into_iter().chain(answer.args.into_iter().flatten()).collect(),
            environment: config.env.unwrap_or_default(),
            user: config.user.unwrap_or_default(),
            working_dir: config.working_dir.unwrap_or_default(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
            tty: config.tty.unwrap_or(false),
            init: host.init.unwrap_or(false),
            read_only_root: host.readonly_rootfs.unwrap_or(false),
            privileged: host.privileged.unwrap_or(false),
            pid_mode: NamespaceMode::parse(host.pid_mode),
            network_mode: NamespaceMode::parse(host.network_mode),
            ipc_mode: NamespaceMode::parse(host.ipc_mode),
            userns_mode: host.userns_mode.filter(|mode| !mode.is_empty()),
            cap_add: host.cap_add.unwrap_or_default(),
            cap_drop: host.cap_drop.unwrap_or_default(),
            security_options: host.security_opt.unwrap_or_default(),
            mounts: answer.mounts.into_iter().flatten().map(MountDetails::from).collect(),
            restarts: answer.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default(),
            restart_policy: host.restart_policy.and_then(|policy| policy.name).and_then(|name| match name {
                RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO => None,
                name => Some(name.to_string()),
            }),
        }
    }
}
