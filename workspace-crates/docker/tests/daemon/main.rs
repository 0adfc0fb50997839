//! Tests with a real daemon: Docker's, or whichever `DOCKER_HOST` names. They fail where there is none.

mod connect;
mod containers;
mod conversations;
mod foreign;
mod images;
mod lost;
mod mounts;
mod support;
