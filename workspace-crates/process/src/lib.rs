//! Programs of the host. No other crate starts them.
//!
//! | module | program | for |
//! |---|---|---|
//! | [`cargo`] | cargo | the description of a workspace, and its dependencies |
//! | [`cargo_config`] | none | the settings of `.cargo/config.toml` that matter to a builder |
//! | [`cargo_profile`] | none | the debugging information of a profile |
//! | [`rustc`] | rustc | the toolchain that a builder mounts |
//! | [`inputs`] | none | the files and variables that decide the answers of cargo and rustc |
//! | [`gpg`] | gpgv | the signed text of a file |
//! | [`pip`] | pip | a wheel from the index of the host's pip |
//! | [`git`] | git | the revision of a checkout |
//! | [`credential_helper`] | docker-credential-NAME | the credentials of a registry |
//!
//! xshell describes programs that answer in an instant; duct streams, interrupts and limits the others. All programs have a limit
//! of their time and of their output, and at the limit their child processes end too. Nothing here writes to the terminal: a
//! program's output goes to a callback or into an [`Error`].

pub mod cargo;
pub mod cargo_config;
pub mod cargo_profile;
pub mod credential_helper;
mod error;
pub mod git;
pub mod gpg;
pub mod inputs;
mod limited;
pub mod pip;
mod run;
pub mod rustc;

pub use error::{Error, SignatureProblem};
pub use run::is_in_path;
