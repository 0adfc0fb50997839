//! The verbs of the program, one file a command, and the parts that several commands share.

pub(super) mod build;
pub(super) mod clean;
mod compare;
pub(super) mod contents;
pub(super) mod debug;
pub(super) mod doctor;
mod feature_warnings;
pub(super) mod graph;
pub(super) mod list;
mod lock_changes;
mod machine;
pub(super) mod manifest;
pub(super) mod new;
mod no_deps;
mod package_report;
mod repair;
pub(super) mod report;
pub(super) mod run_plans;
mod scratch;
pub(super) mod shell;
pub(super) mod size;
pub(super) mod stored_image;
pub(super) mod test;
mod tidy;
pub(super) mod update;
mod use_warnings;
pub(super) mod verify;
