//! Judges whether Tierce can build on a machine: [`Facts`] in, a [`Diagnosis`] out.
//!
//! An engine runs the builders: a sandbox of this machine, or a daemon. One of them is enough, so a problem of the other one only
//! degrades a machine.

mod checks;
mod facts;
mod host;
mod judge;
mod kernel_files;
mod sandbox;

pub use checks::{Check, Diagnosis, Engine, State, Subject};
pub use facts::{
    Cache, Cgroups, Choice, Confinement, Daemon, Facts, Folder, Mirror, Probe, Problem, Rust, SubordinateIds,
    UserNamespaces, Workspace,
};
pub use judge::diagnose;
pub use kernel_files::{has_file_system, hides_proc, kernel_version, next_range, seccomp_of};
