//! What can go wrong between this process and the daemon, told apart so that each has its own advice.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use bollard::errors::Error as Client;

use crate::{Endpoint, EndpointOrigin};

/// What the daemon said when it refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Answer {
    /// The HTTP status; none where the refusal came inside of a stream that had begun with success.
    pub status: Option<u16>,
    /// The daemon's own words.
    pub message: String,
}

/// Why an operation on the daemon failed. [`Error::help`] says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `DOCKER_HOST` or a context's host is malformed or of a kind that is not supported.
    #[error("failed to use {origin} `{value}`: {reason}")]
    Endpoint {
        /// The address as it was given.
        value: String,
        /// Who gave it.
        origin: EndpointOrigin,
        /// What is wrong with it.
        reason: String,
    },
    /// The chosen context of the docker program does not exist.
    #[error("failed to find the Docker context `{name}` ({})", path.display())]
    Context {
        /// The context's name.
        name: String,
        /// Where its metadata should be.
        path: PathBuf,
        /// What reading it gave.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A file of the docker program's configuration cannot be read or is malformed.
    #[error("failed to read `{}`", path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What reading it gave.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// There is no socket of a daemon where one was expected.
    #[error("failed to find a Docker or Podman socket at {}", list(tried))]
    NoSocket {
        /// The places, in the order in which they were looked at.
        tried: Vec<PathBuf>,
        /// Who named them.
        origin: EndpointOrigin,
    },
    /// The socket is there, but this user may not open it.
    #[error("failed to open `{}`: permission denied", socket.display())]
    PermissionDenied {
        /// The socket.
        socket: PathBuf,
    },
    /// Nobody listens.
    #[error("failed to connect to `{endpoint}` (from {origin})")]
    NotRunning {
        /// The daemon's address.
        endpoint: Endpoint,
        /// Who gave it.
        origin: EndpointOrigin,
        /// What connecting gave.
        source: io::Error,
    },
    /// Somebody listens who does not speak the Docker Engine API.
    #[error("failed to talk to `{endpoint}` (from {origin}): it does not answer as a Docker or Podman daemon does")]
    NotDocker {
        /// The address.
        endpoint: Endpoint,
        /// Who gave it.
        origin: EndpointOrigin,
        /// What came instead.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The daemon is older than what is needed.
    #[error("failed to use `{endpoint}`: it speaks version {version} of the Docker Engine API, {needed} is needed")]
    TooOld {
        /// The daemon's address.
        endpoint: Endpoint,
        /// The version that it speaks at most.
        version: String,
        /// The version that is needed at least.
        needed: &'static str,
    },
    /// The runtime of this crate could not be started.
    #[error("failed to start the threads that talk to the daemon")]
    Runtime(#[source] io::Error),
    /// The connection broke or the daemon did not answer in time: most likely it was stopped.
    #[error("failed to {action}: the connection to the daemon was lost")]
    Lost {
        /// What was being done.
        action: String,
        /// What the connection gave.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The connection ended while something went on in the daemon of which the end is not known: most likely the daemon
    /// was stopped or killed. A container may go on, or stay behind.
    #[error("failed to {action}: the daemon went away in the middle")]
    LostMidway {
        /// What was being done.
        action: String,
        /// What the connection gave.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The flag given to [`crate::Docker::connect`] was raised.
    #[error("interrupted")]
    Interrupted,
    /// The image, container, volume or path does not exist.
    #[error("failed to {action}: there is no such thing")]
    NotFound {
        /// What was being done.
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The start of an id fits several things.
    #[error("failed to {action}: several have an id that begins like this")]
    Ambiguous {
        /// What was being done.
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// A container of this name exists already.
    #[error("failed to {action}: the name is taken")]
    NameInUse {
        /// What was being done.
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The daemon's disk is full.
    #[error("failed to {action}: the daemon's disk is full")]
    NoSpace {
        /// What was being done.
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The source of a bind mount does not exist on the daemon's host.
    #[error("failed to {action}: the daemon does not find a folder that is to be mounted")]
    MountSource {
        /// What was being done.
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The program to run does not exist in the container. A shell gives the code 127 then.
    #[error("failed to {action}: its command is not there")]
    ProgramNotFound {
        /// What was being done.
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The program to run is not executable. A shell gives the code 126 then.
    #[error("failed to {action}: its command cannot be executed")]
    NotExecutable {
        /// What was being done.
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// Any other refusal of the daemon.
    #[error("failed to {action}")]
    Refused {
        /// What was being done.
        action: String,
        /// The daemon's words.
        source: Answer,
    },
    /// The daemon answered with something that this crate does not understand.
    #[error("failed to {action}: the daemon's answer is not understood")]
    Unexpected {
        /// What was being done.
        action: String,
        /// What is wrong with it.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// What was to be sent to the daemon could not be read.
    #[error("failed to {action}: its data cannot be read")]
    Read {
        /// What was being done.
        action: String,
        /// The reader's error.
        source: io::Error,
    },
    /// A name or reference that the daemon's API cannot carry.
    #[error("failed to use `{name}` as {kind}")]
    Name {
        /// What was given.
        name: String,
        /// What it should have been: "an image reference", "a container name".
        kind: &'static str,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ")
}

impl Error {
    /// What the user can do about it, where there is something.
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
                 or set DOCKER_HOST to where it listens"
            }
            Self::NoSocket { .. } => {
                "start the daemon that listens there, or unset DOCKER_HOST to use the usual socket"
            }
            Self::PermissionDenied { .. } => {
                "join the group of the socket (`sudo usermod -aG docker \"$USER\"`, then log in again), \
                 or use rootless Docker or Podman"
            }
            Self::NotRunning { .. } => "start it: `systemctl start docker`, or `systemctl --user start podman.socket`",
            Self::NotDocker { .. } => "DOCKER_HOST, or the Docker context, names something else: `docker context ls`",
            Self::TooOld { .. } => "upgrade to Docker 20.10 or Podman 4.0, or later",
            Self::Lost { .. } | Self::LostMidway { .. } => {
                "look at the daemon's log (`journalctl -u docker`), then run again"
            }
            Self::NoSpace { .. } => "see `docker system df`; `docker system prune` frees what nothing uses",
            Self::MountSource { .. } => {
                "the daemon must see this machine's files: a remote daemon, or one in a virtual machine that does not \
                 share the folder, does not"
            }
            _ => return None,
        })
    }

    /// Classifies what the HTTP client gave while doing `action` ("create the container `x`").
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
            other => Self::Lost { action, source: Box::new(other) },
        }
    }

    /// The same, of something that went on in the daemon already.
    pub(crate) fn midway(self) -> Self {
        match self {
            Self::Lost { action, source } => Self::LostMidway { action, source },
            other => other,
        }
    }

    /// Tells the daemon's refusals apart: by the status where it says enough, else by words that have been stable.
    pub(crate) fn from_answer(action: String, source: Answer) -> Self {
        let words = source.message.to_ascii_lowercase();
        let says = |any: &[&str]| any.iter().any(|phrase| words.contains(phrase));
        if says(&["no space left on device", "disk quota exceeded"]) {
            Self::NoSpace { action, source }
        } else if says(&["bind source path does not exist", "statfs /"]) {
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
