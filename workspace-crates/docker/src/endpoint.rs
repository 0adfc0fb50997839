//! Finds the daemon's address: `DOCKER_HOST`, the current context, or the usual sockets, in that order.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::Error;

/// The default port of a daemon on TCP without TLS.
const DEFAULT_PORT: u16 = 2375;

/// The socket of a rootful Docker daemon.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// The socket of a rootful Podman service.
const PODMAN_SOCKET: &str = "/run/podman/podman.sock";

/// The environment variables that select the daemon. The caller reads them; this crate does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// `DOCKER_CONFIG`: the folder of `config.json` and `contexts/`; `~/.docker` if unset.
    pub docker_config: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY`: TLS is not supported, so a set value is an error for a TCP address.
    pub docker_tls_verify: Option<String>,
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`: the folder of rootless daemons' sockets.
    pub xdg_runtime_dir: Option<PathBuf>,
}

/// The address of a daemon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// A Unix domain socket.
    Unix(PathBuf),
    /// `host:port`, without TLS.
    Tcp(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix://{}", path.display()),
            Self::Tcp(address) => write!(formatter, "tcp://{address}"),
        }
    }
}

impl Endpoint {
    /// Whether the daemon shares this host's file system, so that a bind mount means the same folder on both sides.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(address) => {
                is_loopback_v4(address) || address.starts_with("localhost:") || address.starts_with("[::1]:")
            }
        }
    }
}

/// Whether an address begins with a number of 127.0.0.0/8. A name like `127.example` does not count.
fn is_loopback_v4(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.parse::<std::net::Ipv4Addr>().is_ok_and(|host| host.is_loopback())
}

/// The source of the daemon's address, for errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointOrigin {
    /// The environment variable `DOCKER_HOST`.
    DockerHost,
    /// A context of the docker program, by its name.
    Context(String),
    /// One of the usual sockets.
    Default,
}

impl fmt::Display for EndpointOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DockerHost => formatter.write_str("DOCKER_HOST"),
            Self::Context(name) => write!(formatter, "Docker context `{name}`"),
            Self::Default => formatter.write_str("the usual socket"),
        }
    }
}

/// Finds the daemon's endpoint in the environment, the docker program's configuration, or among the usual sockets.
pub(crate) fn resolve(environment: &Environment) -> Result<(Endpoint, EndpointOrigin), Error> {
    let tls = set(&environment.docker_tls_verify).is_some();
    if let Some(host) = set(&environment.docker_host) {
        let origin = EndpointOrigin::DockerHost;
        return Ok((parse(host, tls, &origin)?, origin));
    }
    if let Some(found) = from_context(environment, tls)? {
        return Ok(found);
    }
    let sockets = usual_sockets(environment);
    match sockets.iter().find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => Ok((Endpoint::Unix(path.clone()), EndpointOrigin::Default)),
        None => Err(Error::NoSocket { tried: sockets, origin: EndpointOrigin::Default }),
    }
}

/// An empty variable is unset, as for the docker program.
fn set(variable: &Option<String>) -> Option<&str> {
    variable.as_deref().filter(|value| !value.is_empty())
}

/// The usual sockets, in order: Docker, rootless Docker, Docker Desktop, rootless Podman, Podman.
fn usual_sockets(environment: &Environment) -> Vec<PathBuf> {
    let mut sockets = vec![PathBuf::from(DOCKER_SOCKET)];
    sockets.extend(environment.xdg_runtime_dir.iter().map(|folder| folder.join("docker.sock")));
    sockets.extend(environment.home.iter().map(|folder| folder.join(".docker/desktop/docker.sock")));
    sockets.extend(environment.xdg_runtime_dir.iter().map(|folder| folder.join("podman/podman.sock")));
    sockets.push(PathBuf::from(PODMAN_SOCKET));
    sockets
}

/// Parses `DOCKER_HOST` or a context's `Host`.
fn parse(value: &str, tls: bool, origin: &EndpointOrigin) -> Result<Endpoint, Error> {
    let refuse =
        |reason: &str| Error::Endpoint { value: value.to_owned(), origin: origin.clone(), reason: reason.to_owned() };
    let Some((scheme, rest)) = value.split_once("://") else {
        return Err(refuse("it has no scheme; a socket is written `unix:///path/to/docker.sock`"));
    };
    match scheme {
        "unix" if !rest.starts_with('/') => Err(refuse("the path of the socket is not absolute")),
        "unix" => Ok(Endpoint::Unix(PathBuf::from(rest))),
        "tcp" | "http" if tls => Err(refuse("DOCKER_TLS_VERIFY asks for TLS, which is not supported")),
        "tcp" | "http" => parse_tcp(rest).map(Endpoint::Tcp).ok_or_else(|| refuse("it is not `tcp://host:port`")),
        "https" => Err(refuse("TLS is not supported")),
        "ssh" => Err(refuse(
            "ssh is not supported; forward the socket with `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST` \
             and set DOCKER_HOST=unix:///tmp/docker.sock",
        )),
        _ => Err(refuse("its scheme is neither `unix` nor `tcp`")),
    }
}

/// Parses `host`, `host:port` or `[v6]:port`, with an optional slash at the end.
fn parse_tcp(rest: &str) -> Option<String> {
    let address = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match address.strip_prefix('[') {
        Some(v6) => {
            let (v6, port) = v6.split_once(']')?;
            v6.parse::<std::net::Ipv6Addr>().ok()?;
            (format!("[{v6}]"), if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match address.split_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port)),
            None => (address.to_owned(), None),
        },
    };
    let named = host.starts_with('[') || host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let port = port.map_or(Some(DEFAULT_PORT), |port| port.parse().ok())?;
    (!host.is_empty() && named && port != 0).then(|| format!("{host}:{port}"))
}

/// The used fields of the docker program's `config.json`.
#[derive(Deserialize)]
struct ConfigFile {
    #[serde(rename = "currentContext", default)]
    current_context: Option<String>,
}

/// The used fields of `contexts/meta/<id>/meta.json`.
#[derive(Deserialize)]
struct ContextMetadata {
    #[serde(rename = "Endpoints", default)]
    endpoints: ContextEndpoints,
}

#[derive(Deserialize, Default)]
struct ContextEndpoints {
    docker: Option<ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
}

/// The folder of the docker program's configuration. It may not exist.
pub(crate) fn docker_config(environment: &Environment) -> Option<PathBuf> {
    environment.docker_config.clone().or_else(|| Some(environment.home.as_ref()?.join(".docker")))
}

/// The endpoint of the current context; none without a context, or for `default`.
fn from_context(environment: &Environment, tls: bool) -> Result<Option<(Endpoint, EndpointOrigin)>, Error> {
    let Some(folder) = docker_config(environment) else { return Ok(None) };
    let Some(name) = context_name(environment, &folder)? else {
        return Ok(None);
    };
    let id = hex::encode(Sha256::digest(&name));
    let path = folder.join("contexts/meta").join(&id).join("meta.json");
    let metadata: ContextMetadata = read_json(&path)?.ok_or_else(|| Error::Context {
        name: name.clone(),
        path: path.clone(),
        source: Box::new(io::Error::from(io::ErrorKind::NotFound)),
    })?;
    let Some(host) = metadata.endpoints.docker.map(|endpoint| endpoint.host).filter(|host| !host.is_empty()) else {
        return Ok(None);
    };
    // A context keeps the certificates of its endpoint beside its metadata.
    let tls = tls || folder.join("contexts/tls").join(&id).join("docker").is_dir();
    let origin = EndpointOrigin::Context(name);
    Ok(Some((parse(&host, tls, &origin)?, origin)))
}

fn context_name(environment: &Environment, folder: &Path) -> Result<Option<String>, Error> {
    let name = match set(&environment.docker_context) {
        Some(name) => Some(name.to_owned()),
        None => read_json::<ConfigFile>(&folder.join("config.json"))?.and_then(|config| config.current_context),
    };
    Ok(name.filter(|name| !name.is_empty() && name != "default"))
}

/// Reads a JSON file of the docker program; none if it does not exist.
fn read_json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Error> {
    let fail =
        |source: Box<dyn std::error::Error + Send + Sync>| Error::Configuration { path: path.to_owned(), source };
    match tierce_bounded::bytes(path, &tierce_bounded::SETTINGS) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| fail(Box::new(error))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(fail(Box::new(error))),
    }
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
