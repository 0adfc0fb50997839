//! Facts about the daemon.

use bollard::errors::Error as Client;
use bollard::models::SystemInfo;
use hyper::Method;
use serde::Deserialize;

use crate::{Docker, Endpoint, Error, wire};

/// The kind of daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Docker's own (Moby).
    Docker,
    /// Podman's service.
    Podman,
}

/// Facts about the daemon that plans depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonFacts {
    /// Identifies this daemon and its storage, also after a restart.
    pub id: String,
    /// Docker or Podman.
    pub engine: Engine,
    /// The engine's version: "20.10.24".
    pub server_version: String,
    /// The latest version of the Docker Engine API that it speaks: "1.41".
    pub api_version: String,
    /// The containers' operating system in the OCI's terms: "linux".
    pub os: String,
    /// The architecture of the daemon's kernel in the OCI's terms: "amd64".
    pub architecture: String,
    /// Processors that containers may use.
    pub cpus: u32,
    /// Main memory in bytes.
    pub memory: u64,
    /// The daemon runs without root rights: user 0 of a container is the user who runs the daemon.
    pub rootless: bool,
    /// The daemon maps users (`userns-remap`): user 0 of a container is some unprivileged user of the host.
    pub userns_remap: bool,
    /// containerd's store keeps the images: an image's id is its manifest's digest instead of its configuration's.
    pub containerd_image_store: bool,
    /// The driver that stacks layers: "overlay2", "fuse-overlayfs".
    pub storage_driver: String,
    /// The folder of the daemon's host that holds images, containers and volumes.
    pub storage_folder: String,
}

impl DaemonFacts {
    /// The user and group of the daemon's host that are root in containers, as archives of their files have them. With
    /// `userns-remap`, Docker's folder is named after them: `/var/lib/docker/300000.300000`. All other daemons translate.
    pub fn root_ids(&self) -> (u32, u32) {
        let name = self.storage_folder.rsplit('/').next().filter(|_| self.userns_remap);
        let ids = name.and_then(|name| name.split_once('.')).map(|(user, group)| (user.parse(), group.parse()));
        match ids {
            Some((Ok(user), Ok(group))) => (user, group),
            _ => (0, 0),
        }
    }
}

impl Docker {
    /// Returns the facts. Sends one request, the first time.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn facts(&self) -> Result<DaemonFacts, Error> {
        if let Some(known) = self.known_facts().get() {
            return Ok(known.clone());
        }
        let info = self.request(|| "read the daemon's facts".to_owned(), self.info())?;
        Ok(self.known_facts().get_or_init(|| facts(self.greeting(), info)).clone())
    }

    async fn info(&self) -> Result<Info, Client> {
        let request = wire::request(Method::GET, "/info", None)?;
        Ok(serde_json::from_slice(&wire::read(wire::send(self.endpoint(), request).await?).await?)?)
    }

    /// Docker or Podman.
    pub fn engine(&self) -> Engine {
        self.greeting().engine
    }
}

/// The headers of the daemon's answer to a ping.
pub(crate) struct Greeting {
    engine: Engine,
    /// The latest version of the API: "1.41".
    api: String,
}

/// The daemon's answer to `/info`.
#[derive(Deserialize)]
struct Info {
    #[serde(flatten)]
    known: SystemInfo,
    /// Podman's own field, which the client library does not know. Docker has a security option in its place.
    #[serde(rename = "Rootless", default)]
    rootless: bool,
}

impl Greeting {
    /// Asks the daemon for a sign of life. Its answer to `/version` takes ten times as long: Docker starts programs for that.
    pub(crate) async fn ask(endpoint: &Endpoint) -> Result<Greeting, Client> {
        let answer = wire::send(endpoint, wire::request(Method::GET, "/_ping", None)?).await?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        // Podman has a version of its own API besides.
        let engine = if header("Libpod-API-Version").is_empty() { Engine::Docker } else { Engine::Podman };
        Ok(Greeting { engine, api: header("API-Version").to_owned() })
    }

    /// Returns the two numbers of the version of the API.
    pub(crate) fn api_numbers(&self) -> Option<(u32, u32)> {
        let (major, minor) = self.api.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }
}

fn facts(greeting: &Greeting, Info { known: info, rootless }: Info) -> DaemonFacts {
    let engine = greeting.engine;
    let storage_folder = info.docker_root_dir.unwrap_or_default();
    let id = match engine {
        Engine::Docker => info.id.unwrap_or_default(),
        // Podman creates a new id for each answer.
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
        server_version: info.server_version.unwrap_or_default(),
        api_version: greeting.api.clone(),
        os: info.os_type.unwrap_or_default(),
        architecture: architecture(info.architecture.unwrap_or_default()),
        cpus: info.ncpu.and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or(1).max(1),
        memory: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
        rootless: rootless || has("rootless"),
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

/// Returns the OCI's word for an architecture. Docker has the kernel's word here, and Podman the OCI's.
fn architecture(word: String) -> String {
    match word.as_str() {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        "i386" | "i486" | "i586" | "i686" => "386".to_owned(),
        word if word.starts_with("armv") => "arm".to_owned(),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(engine: Engine) -> Greeting {
        Greeting { engine, api: "1.41".to_owned() }
    }

    #[test]
    fn podman_gets_a_stable_id() {
        let info = |id: &str| {
            let text = format!(r#"{{ "ID": "{id}", "Name": "host", "DockerRootDir": "/storage" }}"#);
            serde_json::from_str::<Info>(&text).unwrap()
        };
        assert_eq!(facts(&greeting(Engine::Docker), info("a")).id, "a");
        assert_eq!(facts(&greeting(Engine::Podman), info("a")).id, "podman:host:/storage");
    }

    #[test]
    fn security_options_and_driver_are_parsed() {
        let text = r#"{
            "Architecture": "x86_64",
            "SecurityOptions": ["name=seccomp,profile=rootless", "name=userns"],
            "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]
        }"#;
        let facts = facts(&greeting(Engine::Docker), serde_json::from_str(text).unwrap());
        assert!(facts.userns_remap && facts.containerd_image_store && !facts.rootless);
        assert_eq!((facts.architecture.as_str(), facts.api_version.as_str()), ("amd64", "1.41"));
    }

    #[test]
    fn remapped_root_is_in_the_folder() {
        let ids = |options: &str, folder: &str| {
            let text = format!(r#"{{ "SecurityOptions": ["{options}"], "DockerRootDir": "{folder}" }}"#);
            facts(&greeting(Engine::Docker), serde_json::from_str(&text).unwrap()).root_ids()
        };
        assert_eq!(ids("name=userns", "/var/lib/docker/300000.300001"), (300_000, 300_001));
        assert_eq!(ids("name=userns", "/var/lib/docker"), (0, 0));
        assert_eq!(ids("name=seccomp", "/var/lib/docker/1.1"), (0, 0));
    }

    #[test]
    fn rootless_daemons_say_so_in_two_ways() {
        for (engine, text) in [
            (Engine::Docker, r#"{ "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"] }"#),
            (Engine::Podman, r#"{ "SecurityOptions": ["name=seccomp,profile=default"], "Rootless": true }"#),
        ] {
            assert!(facts(&greeting(engine), serde_json::from_str(text).unwrap()).rootless, "{text}");
        }
        for text in [r#"{ "SecurityOptions": ["name=seccomp"] }"#, r#"{ "Rootless": false }"#] {
            assert!(!facts(&greeting(Engine::Podman), serde_json::from_str(text).unwrap()).rootless, "{text}");
        }
    }
}
