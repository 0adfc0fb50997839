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
mod endpoint;
mod error;
mod facts;
mod image;
mod labels;
mod reference;
mod run;
mod spec;
mod transfer;
mod volume;

pub use archive::Download;
pub use connection::Docker;
pub use container::{Container, ContainerState, ContainerStatus, ContainerSummary};
pub use endpoint::{Endpoint, EndpointOrigin, Environment};
pub use error::{Answer, Error};
pub use facts::{DaemonFacts, Engine};
pub use image::{Image, ImageChanges, ImageSummary, Loaded, Removal};
pub use run::{Command, Exit, OutputStream};
pub use spec::{ContainerSpec, Mount, Network, Ulimit};
pub use volume::Volume;
