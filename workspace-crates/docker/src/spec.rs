//! What a container is made of.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, ResourcesUlimits};
use rustix::process::{Resource, getrlimit};

use crate::{Engine, Error, IpcNamespace, Mount, Network, PidNamespace, ports};

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
    /// TCP ports of it that are on the loopback address of the daemon's host too, at ports of the daemon's choice
    /// ([`crate::Docker::published`]).
    pub publish: Vec<u16>,
    /// What processes it sees.
    pub pid: PidNamespace,
    /// What shared memory it sees.
    pub ipc: IpcNamespace,
    /// How its users are mapped, as another container says it ([`crate::ContainerDetails::userns_mode`]), if not as the
    /// daemon does by default.
    pub userns: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Capabilities that are taken away: "ALL", "NET_RAW".
    pub cap_drop: Vec<String>,
    /// Capabilities that are given in addition: "SYS_PTRACE".
    pub cap_add: Vec<String>,
    /// Whether setuid programs gain nothing.
    pub no_new_privileges: bool,
    /// Further security options, in the daemon's words: "apparmor=unconfined", "seccomp=unconfined".
    pub security_options: Vec<String>,
    /// Whether the image's files are mounted read-only.
    pub read_only_root: bool,
    /// Limits of the processes.
    pub ulimits: Vec<Ulimit>,
    /// Whether pid 1 is an init that reaps orphans and passes signals on.
    pub init: bool,
    /// Whether the daemon removes it when it has ended.
    pub auto_remove: bool,
    /// Whether standard input is open; [`crate::Docker::run`] sets it by itself.
    /// Without a terminal, it ends when the first who was attached to it goes.
    pub stdin: bool,
    /// Whether its program has a terminal.
    pub tty: bool,
    /// The time between two health checks, if not the image's. Podman is not told.
    pub health_interval: Option<Duration>,
    /// The most memory that it may use, in bytes.
    pub memory: Option<u64>,
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
        let mut security_options = self.security_options.clone();
        security_options.extend(self.no_new_privileges.then(|| "no-new-privileges".to_owned()));
        let host = HostConfig {
            mounts: Some(self.mounts.iter().filter_map(|mount| mount.to_api(engine)).collect::<Result<_, _>>()?),
            tmpfs: Some(self.mounts.iter().filter_map(Mount::to_tmpfs).collect()),
            network_mode: self.network.mode()?,
            port_bindings: (!self.publish.is_empty()).then(|| ports::bindings(&self.publish)),
            pid_mode: self.pid.mode()?,
            ipc_mode: self.ipc.mode()?,
            userns_mode: self.userns.clone(),
            cap_drop: some(&self.cap_drop),
            cap_add: some(&self.cap_add),
            security_opt: some(&security_options),
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
            exposed_ports: (!self.publish.is_empty())
                .then(|| self.publish.iter().map(|port| ports::name(*port)).collect()),
            labels: Some(self.labels.clone().into_iter().collect::<HashMap<_, _>>()),
            healthcheck: self.health_interval.filter(|_| engine == Engine::Docker).map(|interval| HealthConfig {
                // What is not said is the image's.
                interval: Some(i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX)),
                ..Default::default()
            }),
            attach_stdin: Some(self.stdin),
            open_stdin: Some(self.stdin),
            // With it the end of the input reaches the program; a terminal has none.
            stdin_once: Some(self.stdin && !self.tty),
            tty: Some(self.tty),
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
