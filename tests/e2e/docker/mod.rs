//! The crate `docker` with a real daemon: Docker's, or the one that `DOCKER_HOST` names.

mod connect;
mod containers;
mod conversations;
mod foreign;
mod images;
mod lost;
mod mounts;
mod support;
