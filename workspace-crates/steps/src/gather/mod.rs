//! Gathers what a plan depends on besides the tables: files, patches, profiles, recipes, images in the daemon.

mod cargo_target;
pub(super) mod crates;
mod facts;
mod profiles;
pub(super) mod program_checks;
pub(super) mod read_files;
pub(super) mod recipes;
mod repositories;
pub(super) mod revision;

pub use facts::gather;
