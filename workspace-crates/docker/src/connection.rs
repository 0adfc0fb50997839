//! Connects to the daemon, and waits for it until an interruption.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bollard::errors::Error as Client;
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::facts::Greeting;
use crate::{DaemonFacts, Endpoint, EndpointOrigin, Environment, Error, endpoint, liveness, wire};

/// The interval between checks for an interruption.
pub(crate) const TICK: Duration = Duration::from_millis(50);

/// The limit for a connection and the answer to a ping.
const GREETING: Duration = Duration::from_secs(10);

/// The limit of requests that ignore an interruption (create and remove).
const UNINTERRUPTED: Duration = Duration::from_secs(120);

/// The limit of the same requests after an interruption. The next run finds leftovers by their labels.
const AFTER_INTERRUPTION: Duration = Duration::from_secs(10);

/// The limit, in seconds, until a response begins. A load answers only after it has unpacked the whole archive. Pings notice a
/// daemon that hangs, and a user can interrupt the request, so this bounds unattended runs.
const RESPONSE: u64 = 6 * 60 * 60;

/// The minimum version of the Docker Engine API: Docker 20.10's.
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
    greeting: Greeting,
    facts: OnceLock<DaemonFacts>,
    interrupted: Arc<AtomicBool>,
    /// Whether the daemon did not answer a ping after an interruption. Requests that clean up fail at once then.
    silent: AtomicBool,
    /// The folder of the docker program's configuration, if any.
    docker_config: Option<PathBuf>,
}

impl std::fmt::Debug for Docker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Docker").field("endpoint", &self.inner.endpoint).finish_non_exhaustive()
    }
}

impl Docker {
    /// Finds the daemon, connects, and checks the version of its Docker Engine API.
    ///
    /// Once `interrupted` is set, every request that waits or begins ends with [`Error::Interrupted`], except for removals.
    ///
    /// # Errors
    /// Distinguishes a malformed address, a missing context, no socket, a forbidden socket, a stopped daemon, another server,
    /// and an outdated daemon.
    pub fn connect(environment: &Environment, interrupted: Arc<AtomicBool>) -> Result<Self, Error> {
        let (endpoint, origin) = endpoint::resolve(environment)?;
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
        let asked = async {
            knock(&endpoint, &origin).await?;
            let client = client(&endpoint).map_err(|error| not_docker(Box::new(error)))?;
            let greeting = Greeting::ask(&endpoint).await.map_err(|error| not_docker(Box::new(error)))?;
            Ok((client, greeting))
        };
        let silent = || Error::Silent { endpoint: endpoint.clone(), limit: GREETING };
        let (client, greeting) = runtime.block_on(async {
            let asked = timeout(GREETING, asked);
            until(asked, || check(&interrupted)).await?.map_err(|_| silent())?
        })?;
        let api = greeting.api_numbers().ok_or_else(|| not_docker("it has no version of the API".into()))?;
        if api < NEEDED_API {
            let version = format!("{}.{}", api.0, api.1);
            return Err(Error::TooOld { endpoint, version, needed: NEEDED_API_TEXT });
        }
        let docker_config = endpoint::docker_config(environment);
        let facts = OnceLock::new();
        let silent = AtomicBool::new(false);
        let inner = Inner { runtime, client, endpoint, greeting, facts, interrupted, silent, docker_config };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The daemon's address.
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

    /// The daemon's answer to [`Docker::connect`].
    pub(crate) fn greeting(&self) -> &Greeting {
        &self.inner.greeting
    }

    /// The cached result of [`Docker::facts`].
    pub(crate) fn known_facts(&self) -> &OnceLock<DaemonFacts> {
        &self.inner.facts
    }

    pub(crate) fn check_interrupted(&self) -> Result<(), Error> {
        check(&self.inner.interrupted)
    }

    /// The flag of [`Docker::connect`].
    pub(crate) fn interrupted(&self) -> &AtomicBool {
        &self.inner.interrupted
    }

    /// Waits for a request until an interruption. `action` is for errors: "inspect the image `x`".
    pub(crate) fn request<T>(
        &self,
        action: impl FnOnce() -> String,
        request: impl Future<Output = Result<T, Client>>,
    ) -> Result<T, Error> {
        self.wait_for(request)?.map_err(|error| Error::from_client(action(), error))
    }

    /// Waits for any future until an interruption. A future may take as long as it needs while the daemon answers pings.
    pub(crate) fn wait_for<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        self.check_interrupted()?;
        self.inner.runtime.block_on(async {
            let future = liveness::while_alive(&self.inner.endpoint, future);
            until(future, || self.check_interrupted()).await?
        })
    }

    /// Waits for the end of a request that cleans up, or that would leave objects behind if abandoned. After an interruption,
    /// it ends soon: at once with a daemon that does not answer pings.
    pub(crate) fn request_uninterrupted<T>(
        &self,
        action: impl FnOnce() -> String,
        request: impl Future<Output = Result<T, Client>>,
    ) -> Result<T, Error> {
        let endpoint = &self.inner.endpoint;
        let silent = |limit| Error::Silent { endpoint: endpoint.clone(), limit };
        self.inner.runtime.block_on(async {
            let mut request = pin!(timeout(UNINTERRUPTED, liveness::while_alive(endpoint, request)));
            let ended = match until(request.as_mut(), || self.check_interrupted()).await {
                Ok(ended) => ended,
                Err(_) if self.inner.silent.load(Ordering::Relaxed) => return Err(silent(liveness::SHORT)),
                Err(_) => {
                    let start = Instant::now();
                    let ping = async {
                        if !liveness::answers(endpoint, liveness::SHORT).await {
                            self.inner.silent.store(true, Ordering::Relaxed);
                            return Err(silent(liveness::SHORT));
                        }
                        tokio::time::sleep(AFTER_INTERRUPTION.saturating_sub(start.elapsed())).await;
                        Err(silent(AFTER_INTERRUPTION))
                    };
                    match futures_util::future::select(request, pin!(ping)).await {
                        futures_util::future::Either::Left((ended, _)) => ended,
                        futures_util::future::Either::Right((silent, _)) => return silent,
                    }
                }
            };
            let answer = ended.unwrap_or(Ok(Err(Client::RequestTimeoutError)))?;
            answer.map_err(|error| Error::from_client(action(), error))
        })
    }
}

fn check(interrupted: &AtomicBool) -> Result<(), Error> {
    if interrupted.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}

/// Waits for a future until `go_on` fails.
async fn until<T>(future: impl Future<Output = T>, go_on: impl Fn() -> Result<(), Error>) -> Result<T, Error> {
    let mut future = pin!(future);
    loop {
        // First, so that a finished request wins over an interruption.
        if let Ok(result) = timeout(TICK, future.as_mut()).await {
            return Ok(result);
        }
        go_on()?;
    }
}

/// Connects once and disconnects. The HTTP client's own errors do not explain a failed connection.
async fn knock(endpoint: &Endpoint, origin: &EndpointOrigin) -> Result<(), Error> {
    let result = match endpoint {
        Endpoint::Unix(path) => UnixStream::connect(path).await.map(drop),
        Endpoint::Tcp(address) => TcpStream::connect(address.as_str()).await.map(drop),
    };
    result.map_err(|source| match (endpoint, source.kind()) {
        (Endpoint::Unix(path), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Error::NoSocket { tried: vec![path.clone()], origin: origin.clone() }
        }
        (Endpoint::Unix(path), io::ErrorKind::PermissionDenied) => Error::PermissionDenied { socket: path.clone() },
        // The path exceeds a socket's limit, or has a zero byte.
        (Endpoint::Unix(path), io::ErrorKind::InvalidInput) => {
            Error::Endpoint { value: path.display().to_string(), origin: origin.clone(), reason: source.to_string() }
        }
        _ => Error::NotRunning { endpoint: endpoint.clone(), origin: origin.clone(), source },
    })
}

fn client(endpoint: &Endpoint) -> Result<bollard::Docker, Client> {
    let transport = wire::transport(endpoint.clone());
    bollard::Docker::connect_with_custom_transport(
        transport,
        Some("http://docker"),
        RESPONSE,
        bollard::API_DEFAULT_VERSION,
    )
}
