//! Programs of the host: the only crate that starts any.
//!
//! | module | program | for |
//! |---|---|---|
//! | [`cargo`] | cargo | what a workspace consists of, and fetching its dependencies |
//! | [`cargo_config`] | none | the settings of `.cargo/config.toml` that matter to a builder |
//! | [`cargo_profile`] | none | what a profile says of debugging information |
//! | [`rustc`] | rustc | the toolchain that a builder mounts |
//! | [`gpg`] | gpgv | the text that a signature covers |
//! | [`pip`] | pip | a wheel from wherever the host's pip gets its own |
//! | [`git`] | git | the revision of a checkout |
//!
//! xshell runs what answers in an instant, duct what is streamed, interrupted or limited in time. Nothing here writes to the
//! terminal: what a program says goes to a callback or into an [`Error`].

pub mod cargo;
pub mod cargo_config;
pub mod cargo_profile;
mod error;
pub mod git;
pub mod gpg;
pub mod pip;
mod run;
pub mod rustc;

pub use error::Error;
