//! The Docker and Podman daemon behind a blocking interface.
//!
//! [`Docker::connect`] finds the daemon the way the `docker` program does (`DOCKER_HOST`, the current context, the usual
//! sockets) and speaks the Engine API, version 1.41 or later, to it. Podman's service answers the same API; where it
//! differs, the difference ends here.
//!
//! The crate holds a small runtime of its own and no type of it, nor of the HTTP client, is public. Methods take `&self`
//! and may be called from several threads; none may be called from within an asynchronous runtime. While one waits, the
//! flag that was given to [`Docker::connect`] is looked at, so that Ctrl-C ends an operation within a moment and what it
//! had started in the daemon is stopped and removed.

mod archive;
mod connection;
mod container;
mod credentials;
mod demultiplex;
mod details;
mod endpoint;
mod error;
mod exec;
mod facts;
mod health;
mod image;
mod image_changes;
mod input;
mod interactive;
mod labels;
mod log;
mod mount;
mod namespaces;
mod ports;
mod pull;
mod reference;
mod run;
mod session;
mod spec;
mod state;
mod transfer;
mod volume;
mod wire;

pub use archive::Download;
pub use connection::Docker;
pub use container::Container;
pub use details::{ChangeKind, ContainerDetails, MountDetails};
pub use endpoint::{Endpoint, EndpointOrigin, Environment};
pub use error::{Answer, Error};
pub use exec::Command;
pub use facts::{DaemonFacts, Engine};
pub use health::{Health, HealthStatus, Probe};
pub use image::{Image, ImageSummary, Loaded, Removal};
pub use image_changes::ImageChanges;
pub use input::{Input, InputClosed, InputEvent, InputSender, input};
pub use interactive::Ending;
pub use mount::Mount;
pub use namespaces::{IpcNamespace, NamespaceMode, Network, PidNamespace};
pub use pull::Pulled;
pub use run::{Exit, OutputStream};
pub use spec::{ContainerSpec, Ulimit};
pub use state::{ContainerState, ContainerStatus, ContainerSummary};
pub use volume::Volume;
