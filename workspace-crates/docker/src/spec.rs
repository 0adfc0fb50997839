//! What a container is made of.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount as ApiMount, MountType, MountVolumeOptions,
    ResourcesUlimits,
};
use rustix::process::{Resource, getrlimit};

use crate::{Engine, Error};

/// Podman's own limit of open files and of processes.
const MOST: u64 = 1_048_576;

/// The kernel's default of the largest process id (`kernel.pid_max`).
const PROCESSES: u64 = 32_768;

/// What a container is made of. `ContainerSpec { image, command, ..Default::default() }` is a container with the daemon's
/// defaults but without a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Its name; the daemon makes one up if there is none.
    pub name: Option<String>,
    /// The image: a reference or an id.
    pub image: String,
    /// The program to run, if not the image's.
    pub entrypoint: Option<Vec<String>>,
    /// The program's arguments (or the program, where there is no entrypoint); the image's if empty.
    pub command: Vec<String>,
    /// Variables that are added to the image's.
    pub environment: BTreeMap<String, String>,
    /// The working folder, if not the image's.
    pub working_dir: Option<String>,
    /// `user`, `uid` or `uid:gid`, if not the image's.
    pub user: Option<String>,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// Its network.
    pub network: Network,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Capabilities that are taken away: "ALL", "NET_RAW".
    pub cap_drop: Vec<String>,
    /// Capabilities that are given in addition: "SYS_PTRACE".
    pub cap_add: Vec<String>,
    /// Whether setuid programs gain nothing.
    pub no_new_privileges: bool,
    /// Whether the image's files are mounted read-only.
    pub read_only_root: bool,
    /// Limits of the processes.
    pub ulimits: Vec<Ulimit>,
    /// Whether pid 1 is an init that reaps orphans and passes signals on.
    pub init: bool,
    /// Whether the daemon removes it when it has ended.
    pub auto_remove: bool,
    /// Whether standard input is open; [`crate::Docker::run`] sets it by itself.
    pub stdin: bool,
    /// The most memory that it may use, in bytes.
    pub memory: Option<u64>,
}

/// A container's network.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// Only a loopback device.
    #[default]
    None,
    /// The daemon's default: a bridge, with access to the outside.
    Default,
}

/// Something that is mounted into a container. `target` is absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A file or folder of the daemon's host. It has to exist.
    Bind {
        /// Where it lies on the host, absolute and UTF-8; with Podman, without commas and quotation marks.
        host: PathBuf,
        /// Where it shows.
        target: String,
        /// Whether it is protected against writing.
        read_only: bool,
    },
    /// A volume of the daemon. One that does not exist yet is made, without labels: make it before. It starts empty:
    /// what the image has at `target` is not copied into it.
    Volume {
        /// The volume's name.
        name: String,
        /// Where it shows.
        target: String,
        /// Whether it is protected against writing.
        read_only: bool,
    },
    /// A new filesystem in memory, from which programs can be executed.
    Tmpfs {
        /// Where it shows.
        target: String,
        /// Its size in bytes; half of the main memory if not given.
        size: Option<u64>,
    },
}

/// A limit of a container's processes, soft and hard at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ulimit {
    /// Its name as in `setrlimit(2)`, in small letters: "nofile".
    pub name: String,
    /// Its value.
    pub value: u64,
}

impl ContainerSpec {
    /// The request's body. `logged`: whether the daemon keeps what the container writes.
    pub(crate) fn to_body(&self, engine: Engine, logged: bool) -> Result<ContainerCreateBody, Error> {
        let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
        let host = HostConfig {
            mounts: Some(self.mounts.iter().filter_map(|mount| mount.to_api(engine)).collect::<Result<_, _>>()?),
            tmpfs: Some(self.mounts.iter().filter_map(Mount::to_tmpfs).collect()),
            network_mode: (self.network == Network::None).then(|| "none".to_owned()),
            cap_drop: some(&self.cap_drop),
            cap_add: some(&self.cap_add),
            security_opt: self.no_new_privileges.then(|| vec!["no-new-privileges".to_owned()]),
            readonly_rootfs: Some(self.read_only_root),
            ulimits: self.ulimits(engine),
            init: self.init.then_some(true),
            auto_remove: self.auto_remove.then_some(true),
            memory: self.memory.map(to_i64),
            // Equal to the memory: no swap beyond it, so that the limit holds.
            memory_swap: self.memory.map(to_i64),
            log_config: (!logged).then(|| HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
            ..Default::default()
        };
        Ok(ContainerCreateBody {
            image: Some(self.image.clone()),
            entrypoint: self.entrypoint.clone(),
            cmd: some(&self.command),
            env: Some(variables(&self.environment)),
            working_dir: self.working_dir.clone(),
            user: self.user.clone(),
            labels: Some(self.labels.clone().into_iter().collect::<HashMap<_, _>>()),
            attach_stdin: Some(self.stdin),
            open_stdin: Some(self.stdin),
            stdin_once: Some(self.stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            host_config: Some(host),
            ..Default::default()
        })
    }

    /// The given limits. Podman's own defaults may lie above the hard limits that its service has, and then no container
    /// starts; so it is told what is surely below them, where nothing is given.
    fn ulimits(&self, engine: Engine) -> Option<Vec<ResourcesUlimits>> {
        let given = self.ulimits.iter().map(|limit| (limit.name.clone(), to_i64(limit.value)));
        let below = match engine {
            Engine::Docker => vec![],
            Engine::Podman => vec![
                ("nofile", getrlimit(Resource::Nofile).maximum.unwrap_or(MOST).min(MOST)),
                // The service lowers its own limit to the number of processes that the kernel's default allows.
                ("nproc", getrlimit(Resource::Nproc).maximum.unwrap_or(MOST).min(PROCESSES)),
            ],
        };
        let own = below
            .into_iter()
            .filter(|(name, _)| self.ulimits.iter().all(|limit| limit.name != *name))
            .map(|(name, value)| (name.to_owned(), to_i64(value)));
        let limits: Vec<_> = given
            .chain(own)
            .map(|(name, value)| ResourcesUlimits { name: Some(name), soft: Some(value), hard: Some(value) })
            .collect();
        (!limits.is_empty()).then_some(limits)
    }
}

impl Mount {
    /// The form of the API's `Mounts`: unlike `Binds`, it has no separators that a path could contain; but Podman 4.3
    /// makes an option of its command line of it, where commas and quotation marks separate.
    fn to_api(&self, engine: Engine) -> Option<Result<ApiMount, Error>> {
        let (typ, source, target, read_only) = match self {
            Self::Bind { host, target, read_only } => (MountType::BIND, host.to_str(), target, *read_only),
            Self::Volume { name, target, read_only } => (MountType::VOLUME, Some(name.as_str()), target, *read_only),
            Self::Tmpfs { .. } => return None,
        };
        let carried = |path: &&str| engine == Engine::Docker || !path.contains([',', '"']);
        let (Some(source), Some(target)) = (source.filter(carried), Some(target.as_str()).filter(carried)) else {
            let kind =
                "a mount: its path is not UTF-8, or has a comma or quotation mark, which Podman does not understand";
            return Some(Err(Error::Name { name: format!("{self:?}"), kind }));
        };
        let volume = MountVolumeOptions { no_copy: Some(true), ..Default::default() };
        Some(Ok(ApiMount {
            target: Some(target.to_owned()),
            source: Some(source.to_owned()),
            typ: Some(typ),
            read_only: Some(read_only),
            volume_options: (typ == MountType::VOLUME).then_some(volume),
            ..Default::default()
        }))
    }

    /// The form of the API's `Tmpfs`: its `Mounts` would forbid to execute.
    fn to_tmpfs(&self) -> Option<(String, String)> {
        let Self::Tmpfs { target, size } = self else {
            return None;
        };
        let size = size.map(|size| format!(",size={size}")).unwrap_or_default();
        Some((target.clone(), format!("rw,exec,nosuid,nodev,mode=1777{size}")))
    }
}

/// `NAME=value` each.
pub(crate) fn variables(environment: &BTreeMap<String, String>) -> Vec<String> {
    environment.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

fn to_i64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tmpfs_can_execute_and_binds_keep_their_path() {
        let tmpfs = Mount::Tmpfs { target: "/a:b".to_owned(), size: Some(4096) };
        let expected = ("/a:b".to_owned(), "rw,exec,nosuid,nodev,mode=1777,size=4096".to_owned());
        assert_eq!(tmpfs.to_tmpfs(), Some(expected));
        assert!(tmpfs.to_api(Engine::Docker).is_none());
        let bind = Mount::Bind { host: "/ä b:c,d".into(), target: "/x y".to_owned(), read_only: true };
        let api = bind.to_api(Engine::Docker).unwrap().unwrap();
        assert_eq!((api.source.as_deref(), api.read_only), (Some("/ä b:c,d"), Some(true)));
        assert!(matches!(bind.to_api(Engine::Podman), Some(Err(Error::Name { .. }))));
    }

    #[test]
    fn only_podman_is_told_the_limits_that_are_there() {
        let spec = ContainerSpec::default();
        assert!(spec.ulimits(Engine::Docker).is_none());
        let given = Ulimit { name: "nofile".to_owned(), value: 7 };
        let spec = ContainerSpec { ulimits: vec![given], ..Default::default() };
        let limits = spec.ulimits(Engine::Podman).unwrap();
        assert_eq!(limits.iter().filter(|limit| limit.name.as_deref() == Some("nofile")).count(), 1);
        assert_eq!(limits[0].hard, Some(7));
    }
}
