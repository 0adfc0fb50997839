//! The Docker and Podman daemon behind a blocking interface.
//!
//! [`Docker::connect`] finds the daemon as the `docker` program does (`DOCKER_HOST`, the current context, the usual sockets).
//! It needs the Engine API, version 1.41 or later. Podman's service has the same API, and this crate hides the differences.
//!
//! The crate has its own runtime. No type of the runtime or of the HTTP client is public. Methods take `&self` and work from
//! several threads, but not within an asynchronous runtime. A waiting method checks the flag of [`Docker::connect`], so
//! Ctrl-C ends an operation at once, and the crate stops and removes the operation's containers. During a long silence it
//! sends pings, and fails with [`Error::Silent`] if the daemon does not answer them.

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
mod liveness;
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
