//! The connection: finding the daemon, talking to it, and waiting in a way that can be interrupted.

use std::future::Future;
use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bollard::errors::Error as Client;
use bollard::models::SystemVersion;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::{DaemonFacts, Endpoint, EndpointOrigin, Environment, Error, endpoint};

/// How often the flag of interruption is looked at while waiting.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// How long a daemon may take to accept a connection and to say its version.
const GREETING: Duration = Duration::from_secs(10);

/// How long what must not be interrupted (creating and removing) may take.
const UNINTERRUPTED: Duration = Duration::from_secs(120);

/// How long, in seconds, until a response begins. A load answers only after the whole archive was sent and unpacked, and
/// whoever waits can interrupt, so this is a bound for unattended runs only.
const RESPONSE: u64 = 6 * 60 * 60;

/// The version of the Docker Engine API that is needed at least: Docker 20.10's.
const NEEDED_API: (u32, u32) = (1, 41);
const NEEDED_API_TEXT: &str = "1.41";

/// A connection to a Docker or Podman daemon. Cheap to clone; methods may be called from several threads at once.
#[derive(Clone)]
pub struct Docker {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Runtime,
    client: bollard::Docker,
    endpoint: Endpoint,
    version: SystemVersion,
    facts: OnceLock<DaemonFacts>,
    interrupted: Arc<AtomicBool>,
    /// The folder of the docker program's configuration, where there is one.
    docker_config: Option<PathBuf>,
}

impl std::fmt::Debug for Docker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Docker").field("endpoint", &self.inner.endpoint).finish_non_exhaustive()
    }
}

impl Docker {
    /// Finds the daemon, connects, and checks that it speaks the Docker Engine API in a version that is recent enough.
    ///
    /// Once `interrupted` is raised, whatever waits for the daemon ends with [`Error::Interrupted`], and so does what is
    /// begun afterwards, but for removals.
    ///
    /// # Errors
    /// Tells apart a malformed address, a missing context, no socket, a socket that this user may not open, a daemon that
    /// does not run, something that is no daemon, and a daemon that is too old.
    pub fn connect(environment: &Environment, interrupted: Arc<AtomicBool>) -> Result<Self, Error> {
        let (endpoint, origin) = endpoint::resolve(environment)?;
        knock(&endpoint, &origin)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("docker")
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let not_docker = |source: Box<dyn std::error::Error + Send + Sync>| Error::NotDocker {
            endpoint: endpoint.clone(),
            origin: origin.clone(),
            source,
        };
        let client = client(&endpoint).map_err(|error| not_docker(Box::new(error)))?;
        let version = runtime
            .block_on(async { timeout(GREETING, client.version()).await })
            .map_err(|_| not_docker(Box::new(io::Error::from(io::ErrorKind::TimedOut))))?
            .map_err(|error| not_docker(Box::new(error)))?;
        let api = api_version(&version).ok_or_else(|| not_docker("it names no version of the API".into()))?;
        if api < NEEDED_API {
            let version = format!("{}.{}", api.0, api.1);
            return Err(Error::TooOld { endpoint, version, needed: NEEDED_API_TEXT });
        }
        let docker_config = endpoint::docker_config(environment);
        let facts = OnceLock::new();
        Ok(Self { inner: Arc::new(Inner { runtime, client, endpoint, version, facts, interrupted, docker_config }) })
    }

    /// Where the daemon listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// The folder of the docker program's configuration.
    pub(crate) fn docker_config(&self) -> Option<&Path> {
        self.inner.docker_config.as_deref()
    }

    pub(crate) fn client(&self) -> &bollard::Docker {
        &self.inner.client
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.inner.runtime
    }

    /// What the daemon said about itself when the connection was made.
    pub(crate) fn version(&self) -> &SystemVersion {
        &self.inner.version
    }

    /// What [`Docker::facts`] was told, for as long as the connection is used.
    pub(crate) fn known_facts(&self) -> &OnceLock<DaemonFacts> {
        &self.inner.facts
    }

    pub(crate) fn check_interrupted(&self) -> Result<(), Error> {
        if self.inner.interrupted.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Waits for a request, giving up when interrupted. `action` is for errors: "inspect the image `x`".
    pub(crate) fn request<T>(
        &self,
        action: impl FnOnce() -> String,
        request: impl Future<Output = Result<T, Client>>,
    ) -> Result<T, Error> {
        self.wait_for(request)?.map_err(|error| Error::from_client(action(), error))
    }

    /// Waits for any future, giving up when interrupted.
    pub(crate) fn wait_for<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        self.inner.runtime.block_on(async {
            let mut future = pin!(future);
            loop {
                self.check_interrupted()?;
                if let Ok(result) = timeout(TICK, future.as_mut()).await {
                    return Ok(result);
                }
            }
        })
    }

    /// Waits for a request that leaves something behind if it is abandoned half way, or that cleans up: to its end.
    pub(crate) fn request_uninterrupted<T>(
        &self,
        action: impl FnOnce() -> String,
        request: impl Future<Output = Result<T, Client>>,
    ) -> Result<T, Error> {
        let result = self.inner.runtime.block_on(async { timeout(UNINTERRUPTED, request).await });
        result.unwrap_or(Err(Client::RequestTimeoutError)).map_err(|error| Error::from_client(action(), error))
    }
}

/// Connects once and hangs up. The HTTP client's own errors do not tell well why a connection failed.
fn knock(endpoint: &Endpoint, origin: &EndpointOrigin) -> Result<(), Error> {
    let result = match endpoint {
        Endpoint::Unix(path) => UnixStream::connect(path).map(drop),
        Endpoint::Tcp(address) => knock_tcp(address),
    };
    result.map_err(|source| match (endpoint, source.kind()) {
        (Endpoint::Unix(path), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Error::NoSocket { tried: vec![path.clone()], origin: origin.clone() }
        }
        (Endpoint::Unix(path), io::ErrorKind::PermissionDenied) => Error::PermissionDenied { socket: path.clone() },
        // Longer than a socket's path may be, or with a zero byte.
        (Endpoint::Unix(path), io::ErrorKind::InvalidInput) => {
            Error::Endpoint { value: path.display().to_string(), origin: origin.clone(), reason: source.to_string() }
        }
        _ => Error::NotRunning { endpoint: endpoint.clone(), origin: origin.clone(), source },
    })
}

fn knock_tcp(address: &str) -> io::Result<()> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, GREETING) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn client(endpoint: &Endpoint) -> Result<bollard::Docker, Client> {
    let version = bollard::API_DEFAULT_VERSION;
    match endpoint {
        Endpoint::Unix(path) => bollard::Docker::connect_with_unix(&path.to_string_lossy(), RESPONSE, version),
        Endpoint::Tcp(address) => bollard::Docker::connect_with_http(address, RESPONSE, version),
    }
}

/// The version of the API that an answer to `/version` names; none if it names none.
fn api_version(version: &SystemVersion) -> Option<(u32, u32)> {
    let (major, minor) = version.api_version.as_deref()?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
