//! Containers of builders: the context and inputs of a step, and the files that go in and out.

mod binpkgs;
pub mod builder_engine;
pub mod cargo_call;
pub mod checked_archive;
pub mod container_files;
pub mod context;
pub mod daemon_engine;
mod downloads;
mod emerge;
pub mod emerge_progress;
mod engines;
pub mod hooks;
pub mod inputs;
mod left_over;
mod levels;
pub mod opening;
pub mod outside;
mod portage;
pub mod root_archive;
pub mod root_digests;
pub mod roots;
mod sandbox_engine;
mod selected_ebuilds;
pub mod source_mounts;
pub mod tail;
pub mod tar_of_files;
pub mod warm;
