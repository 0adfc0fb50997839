//! What the daemon says about itself.

use bollard::models::{SystemInfo, SystemVersion};

use crate::{Docker, Error};

/// Whose daemon it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Docker's own (Moby).
    Docker,
    /// Podman's service.
    Podman,
}

/// What the daemon says about itself: facts that plans are made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonFacts {
    /// Names this daemon and its storage: the same across restarts, another for another daemon.
    pub id: String,
    /// Docker or Podman.
    pub engine: Engine,
    /// The engine's version: "20.10.24".
    pub server_version: String,
    /// The latest version of the Docker Engine API that it speaks: "1.41".
    pub api_version: String,
    /// The containers' operating system in the OCI's terms: "linux".
    pub os: String,
    /// The containers' architecture in the OCI's terms: "amd64".
    pub architecture: String,
    /// Processors that containers may use.
    pub cpus: u32,
    /// Main memory in bytes.
    pub memory: u64,
    /// The daemon runs without root rights: user 0 of a container is the user who runs the daemon.
    pub rootless: bool,
    /// The daemon maps users (`userns-remap`): user 0 of a container is some unprivileged user of the host.
    pub userns_remap: bool,
    /// Images lie in containerd's store: an image's id is its manifest's digest instead of its configuration's.
    pub containerd_image_store: bool,
    /// How layers are stacked: "overlay2", "fuse-overlayfs".
    pub storage_driver: String,
    /// The folder of the daemon's host that holds images, containers and volumes.
    pub storage_folder: String,
}

impl Docker {
    /// Asks the daemon about itself: one request, the first time.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn facts(&self) -> Result<DaemonFacts, Error> {
        if let Some(known) = self.known_facts().get() {
            return Ok(known.clone());
        }
        let info = self.request(|| "ask the daemon about itself".to_owned(), self.client().info())?;
        Ok(self.known_facts().get_or_init(|| facts(self.version(), info)).clone())
    }

    /// Docker or Podman.
    pub fn engine(&self) -> Engine {
        engine(self.version())
    }
}

fn engine(version: &SystemVersion) -> Engine {
    let podman = version.components.iter().flatten().any(|component| component.name.starts_with("Podman"));
    if podman { Engine::Podman } else { Engine::Docker }
}

fn facts(version: &SystemVersion, info: SystemInfo) -> DaemonFacts {
    let engine = engine(version);
    let storage_folder = info.docker_root_dir.unwrap_or_default();
    let id = match engine {
        Engine::Docker => info.id.unwrap_or_default(),
        // Podman makes a new id for each answer.
        Engine::Podman => format!("podman:{}:{storage_folder}", info.name.unwrap_or_default()),
    };
    let security = info.security_options.unwrap_or_default();
    // Options look like "name=rootless" or "name=seccomp,profile=default".
    let has = |name: &str| {
        security.iter().any(|option| option.split(',').any(|part| part.strip_prefix("name=") == Some(name)))
    };
    DaemonFacts {
        id,
        engine,
        server_version: version.version.clone().or(info.server_version).unwrap_or_default(),
        api_version: version.api_version.clone().unwrap_or_default(),
        os: version.os.clone().or(info.os_type).unwrap_or_default(),
        architecture: version.arch.clone().unwrap_or_default(),
        cpus: info.ncpu.and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(1).max(1),
        memory: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
        rootless: has("rootless"),
        userns_remap: has("userns"),
        containerd_image_store: info
            .driver_status
            .iter()
            .flatten()
            .any(|pair| pair.iter().any(|word| word.starts_with("io.containerd.snapshotter"))),
        storage_driver: info.driver.unwrap_or_default(),
        storage_folder,
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::SystemVersionComponents;

    use super::*;

    fn component(name: &str) -> SystemVersion {
        let component = SystemVersionComponents { name: name.to_owned(), version: "1".to_owned(), details: None };
        SystemVersion { components: Some(vec![component]), ..Default::default() }
    }

    #[test]
    fn podman_is_told_by_its_component_and_gets_an_id_that_lasts() {
        let info = |id: &str| SystemInfo {
            id: Some(id.to_owned()),
            name: Some("host".to_owned()),
            docker_root_dir: Some("/storage".to_owned()),
            ..Default::default()
        };
        assert_eq!(facts(&component("Engine"), info("a")).id, "a");
        assert_eq!(facts(&component("Podman Engine"), info("a")).id, "podman:host:/storage");
    }

    #[test]
    fn security_options_and_driver_status_are_read() {
        let info = SystemInfo {
            security_options: Some(vec!["name=seccomp,profile=rootless".into(), "name=userns".into()]),
            driver_status: Some(vec![vec!["driver-type".into(), "io.containerd.snapshotter.v1".into()]]),
            ..Default::default()
        };
        let facts = facts(&component("Engine"), info);
        assert!(facts.userns_remap && facts.containerd_image_store && !facts.rootless);
    }
}
