//! Errors of the daemon. Each kind has its own help.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use bollard::errors::Error as Client;

use crate::{Endpoint, EndpointOrigin};

/// The daemon's refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Answer {
    /// The HTTP status; none for a refusal inside of a stream that began with success.
    pub status: Option<u16>,
    /// The daemon's own words.
    pub message: String,
}

/// An error of an operation on the daemon. [`Error::help`] has the advice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `DOCKER_HOST` or a context's host is malformed or of a kind that is not supported.
    #[error("failed to use {origin} `{value}`: {reason}")]
    Endpoint {
        /// The address as given.
        value: String,
        /// Its source.
        origin: EndpointOrigin,
        /// The cause.
        reason: String,
    },
    /// The chosen context of the docker program does not exist.
    #[error("failed to find the Docker context `{name}` ({})", path.display())]
    Context {
        /// The context's name.
        name: String,
        /// The expected file of its metadata.
        path: PathBuf,
        /// The error of the read.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A file of the docker program's configuration cannot be read or is malformed.
    #[error("failed to read `{}`", path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// The error of the read.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// No socket exists at the expected paths.
    #[error("failed to find a Docker or Podman socket at {}", list(tried))]
    NoSocket {
        /// The paths, in their order.
        tried: Vec<PathBuf>,
        /// Their source.
        origin: EndpointOrigin,
    },
    /// The socket exists, but this user may not open it.
    #[error("failed to open `{}`: permission denied", socket.display())]
    PermissionDenied {
        /// The socket.
        socket: PathBuf,
    },
    /// The daemon does not run.
    #[error("failed to connect to `{endpoint}` (from {origin})")]
    NotRunning {
        /// The daemon's address.
        endpoint: Endpoint,
        /// Its source.
        origin: EndpointOrigin,
        /// The error of the connection.
        source: io::Error,
    },
    /// The server does not speak the Docker Engine API.
    #[error("failed to talk to `{endpoint}` (from {origin}): it does not answer as a Docker or Podman daemon does")]
    NotDocker {
        /// The address.
        endpoint: Endpoint,
        /// Its source.
        origin: EndpointOrigin,
        /// The problem of its answer.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The daemon is too old.
    #[error("failed to use `{endpoint}`: it speaks version {version} of the Docker Engine API, {needed} is needed")]
    TooOld {
        /// The daemon's address.
        endpoint: Endpoint,
        /// Its latest version.
        version: String,
        /// The minimum version.
        needed: &'static str,
    },
    /// The runtime of this crate could not be started.
    #[error("failed to start the threads that talk to the daemon")]
    Runtime(#[source] io::Error),
    /// The daemon accepts connections, but does not answer: it is stopped, hangs or has no processor.
    #[error("failed to get an answer from the daemon at `{endpoint}` within {} s", limit.as_secs())]
    Silent {
        /// The daemon's address.
        endpoint: Endpoint,
        /// The time for an answer.
        limit: Duration,
    },
    /// The connection broke or the daemon did not answer in time: most likely it was stopped.
    #[error("failed to {action}: the connection to the daemon was lost")]
    Lost {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The error of the connection.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The connection ended during an operation, so its result is unknown: most likely the daemon was stopped or killed. A
    /// container may go on, or stay behind.
    #[error("failed to {action}: the daemon went away in the middle")]
    LostMidway {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The error of the connection.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The flag of [`crate::Docker::connect`] was set.
    #[error("interrupted")]
    Interrupted,
    /// The image, container, volume or path does not exist.
    #[error("failed to {action}: it does not exist")]
    NotFound {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// Several ids begin like this.
    #[error("failed to {action}: several ids begin like this")]
    Ambiguous {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// A container of this name exists already.
    #[error("failed to {action}: the name is taken")]
    NameInUse {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The daemon's disk is full.
    #[error("failed to {action}: the daemon's disk is full")]
    NoSpace {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The source of a bind mount does not exist on the daemon's host.
    #[error("failed to {action}: the daemon cannot find a folder to mount")]
    MountSource {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The program to run does not exist in the container. A shell's exit code is 127 then.
    #[error("failed to {action}: its command does not exist")]
    ProgramNotFound {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The program to run is not executable. A shell's exit code is 126 then.
    #[error("failed to {action}: its command cannot be executed")]
    NotExecutable {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// Any other refusal of the daemon.
    #[error("failed to {action}")]
    Refused {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The daemon's answer breaks its documented format.
    #[error("failed to {action}: the daemon's answer is invalid")]
    Unexpected {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The problem.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The data for the daemon could not be read.
    #[error("failed to {action}: its data cannot be read")]
    Read {
        /// The operation, for example "create the container `x`".
        action: String,
        /// The reader's error.
        source: io::Error,
    },
    /// A name or reference that the daemon's API cannot carry.
    #[error("failed to use `{name}` as {kind}")]
    Name {
        /// The text.
        name: String,
        /// The expected kind: "an image reference", "a container name".
        kind: &'static str,
    },
}

/// Whether an answer exceeded its limit.
fn is_too_large(error: &(dyn StdError + 'static)) -> bool {
    let is_limit = |error: &io::Error| error.kind() == io::ErrorKind::FileTooLarge;
    let mut error = Some(error);
    while let Some(one) = error {
        if one.downcast_ref().is_some_and(is_limit) {
            return true;
        }
        error = one.source();
    }
    false
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// The advice for the user, if any.
    pub fn help(&self) -> Option<&'static str> {
        Some(match self {
            Self::Endpoint { origin: EndpointOrigin::DockerHost, .. } => {
                "unset DOCKER_HOST to use the local daemon, or set it to `unix:///path/to/docker.sock` or `tcp://127.0.0.1:2375`"
            }
            Self::Endpoint { .. } | Self::Context { .. } => {
                "choose a context with a local socket: `docker context ls`, `docker context use default`"
            }
            Self::NoSocket { origin: EndpointOrigin::Default, .. } => {
                "install and start Docker or Podman (`systemctl start docker`, `systemctl --user start podman.socket`), \
                 or set DOCKER_HOST to its address"
            }
            Self::NoSocket { .. } => {
                "start the daemon that listens there, or unset DOCKER_HOST to use the usual socket"
            }
            Self::PermissionDenied { .. } => {
                "join the group of the socket (`sudo usermod -aG docker \"$USER\"`, then log in again), \
                 or use rootless Docker or Podman"
            }
            Self::NotRunning { .. } => "start it: `systemctl start docker`, or `systemctl --user start podman.socket`",
            Self::NotDocker { .. } => "set DOCKER_HOST or the Docker context to a daemon: `docker context ls`",
            Self::TooOld { .. } => "upgrade to Docker 20.10 or Podman 4.0, or later",
            Self::Silent { .. } => {
                "check whether `docker version` answers; if it does not, restart the daemon (`systemctl restart docker`), \
                 then run again"
            }
            Self::Lost { .. } | Self::LostMidway { .. } => {
                "read the daemon's log (`journalctl -u docker`), then run again"
            }
            Self::NoSpace { .. } => "run `docker system df`; `docker system prune` removes unused objects",
            Self::MountSource { .. } => {
                "use a daemon that sees this machine's files, or share the folder with the virtual machine of the daemon"
            }
            _ => return None,
        })
    }

    /// Classifies an error of the HTTP client during `action` ("create the container `x`").
    pub(crate) fn from_client(action: impl Into<String>, error: Client) -> Self {
        let action = action.into();
        match error {
            Client::DockerResponseServerError { status_code, message } => {
                Self::from_answer(action, Answer { status: Some(status_code), message })
            }
            Client::DockerStreamError { error } => Self::from_answer(action, Answer { status: None, message: error }),
            Client::JsonDataError { .. } | Client::JsonSerdeError { .. } => {
                Self::Unexpected { action, source: Box::new(error) }
            }
            other if is_too_large(&other) => Self::Unexpected { action, source: Box::new(other) },
            other => Self::Lost { action, source: Box::new(other) },
        }
    }

    /// Turns [`Self::Lost`] into [`Self::LostMidway`], for an operation that had begun.
    pub(crate) fn midway(self) -> Self {
        match self {
            Self::Lost { action, source } => Self::LostMidway { action, source },
            other => other,
        }
    }

    /// Classifies the daemon's refusal by its status, else by stable words of its message.
    pub(crate) fn from_answer(action: String, source: Answer) -> Self {
        let words = source.message.to_ascii_lowercase();
        let says = |any: &[&str]| any.iter().any(|phrase| words.contains(phrase));
        if says(&["no space left on device", "disk quota exceeded"]) {
            Self::NoSpace { action, source }
        } else if says(&["bind source path does not exist", "statfs /", "mounts denied"]) {
            Self::MountSource { action, source }
        } else if says(&["is already in use by"]) {
            Self::NameInUse { action, source }
        } else if says(&["executable file not found"]) || says(&["exec: ", "exec /"]) && says(&["no such file or dir"])
        {
            Self::ProgramNotFound { action, source }
        } else if says(&["exec format error", "oci runtime exec failed"])
            || says(&["exec: ", "exec /"]) && says(&["permission denied", "is a directory"])
        {
            Self::NotExecutable { action, source }
        } else if says(&["multiple ids found", "more than one result for container"]) {
            Self::Ambiguous { action, source }
        } else if source.status == Some(404) || says(&["no such container", "not found: layer not known"]) {
            Self::NotFound { action, source }
        } else {
            Self::Refused { action, source }
        }
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
