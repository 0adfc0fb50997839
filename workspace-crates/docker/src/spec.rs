//! The specification of a container.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, ResourcesUlimits};
use rustix::process::{Resource, getrlimit};

use crate::{Engine, Error, IpcNamespace, Mount, Network, PidNamespace, ports};

/// Podman's own limit of open files and of processes.
const MOST: u64 = 1_048_576;

/// The kernel's default of the largest process id (`kernel.pid_max`).
const PROCESSES: u64 = 32_768;

/// The specification of a container. `ContainerSpec { image, command, ..Default::default() }` has the daemon's defaults, but
/// no network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Its name; the daemon invents one by default.
    pub name: Option<String>,
    /// The image: a reference or an id.
    pub image: String,
    /// The program to run, if not the image's.
    pub entrypoint: Option<Vec<String>>,
    /// The program's arguments, or the program without an entrypoint; the image's if empty.
    pub command: Vec<String>,
    /// Variables in addition to the image's.
    pub environment: BTreeMap<String, String>,
    /// The working folder, if not the image's.
    pub working_dir: Option<String>,
    /// `user`, `uid` or `uid:gid`, if not the image's.
    pub user: Option<String>,
    /// Its mounts.
    pub mounts: Vec<Mount>,
    /// Its network.
    pub network: Network,
    /// Its TCP ports to publish on the loopback address of the daemon's host. The daemon chooses the ports
    /// ([`crate::Docker::published`]).
    pub publish: Vec<u16>,
    /// Its process namespace.
    pub pid: PidNamespace,
    /// Its namespace of shared memory.
    pub ipc: IpcNamespace,
    /// Its user mapping in the form of [`crate::ContainerDetails::userns_mode`], if not the daemon's default.
    pub userns: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Dropped capabilities: "ALL", "NET_RAW".
    pub cap_drop: Vec<String>,
    /// Added capabilities: "SYS_PTRACE".
    pub cap_add: Vec<String>,
    /// Whether setuid programs gain nothing.
    pub no_new_privileges: bool,
    /// Further security options, in the daemon's format: "apparmor=unconfined", "seccomp=unconfined".
    pub security_options: Vec<String>,
    /// Whether the image's files are mounted read-only.
    pub read_only_root: bool,
    /// Limits of the processes.
    pub ulimits: Vec<Ulimit>,
    /// Whether pid 1 is an init that reaps orphans and passes signals on.
    pub init: bool,
    /// Whether the daemon removes it after its end.
    pub auto_remove: bool,
    /// Whether standard input is open; [`crate::Docker::run`] sets it.
    /// Without a terminal, it ends when the first attached client leaves.
    pub stdin: bool,
    /// Whether its program has a terminal.
    pub tty: bool,
    /// The time between two health checks, if not the image's. Only for Docker.
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
    /// The request's body. `logged`: whether the daemon keeps the container's output.
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
                // The other values are the image's.
                interval: Some(i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX)),
                ..Default::default()
            }),
            attach_stdin: Some(self.stdin),
            open_stdin: Some(self.stdin),
            // Passes the end of the input on to the program. A terminal's input has no end.
            stdin_once: Some(self.stdin && !self.tty),
            tty: Some(self.tty),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            host_config: Some(host),
            ..Default::default()
        })
    }

    /// The given limits, and defaults for Podman. Podman's own defaults may exceed the hard limits of its service, and then no
    /// container starts.
    fn ulimits(&self, engine: Engine) -> Option<Vec<ResourcesUlimits>> {
        let given = self.ulimits.iter().map(|limit| (limit.name.clone(), to_i64(limit.value)));
        let below = match engine {
            Engine::Docker => vec![],
            Engine::Podman => vec![
                ("nofile", getrlimit(Resource::Nofile).maximum.unwrap_or(MOST).min(MOST)),
                // The service lowers its own limit to the kernel's default.
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
    fn only_podman_gets_default_limits() {
        let spec = ContainerSpec::default();
        assert!(spec.ulimits(Engine::Docker).is_none());
        let given = Ulimit { name: "nofile".to_owned(), value: 7 };
        let spec = ContainerSpec { ulimits: vec![given], ..Default::default() };
        let limits = spec.ulimits(Engine::Podman).unwrap();
        assert_eq!(limits.iter().filter(|limit| limit.name.as_deref() == Some("nofile")).count(), 1);
        assert_eq!(limits[0].hard, Some(7));
    }
}
