//! What the steps do, one module a part of the way.

pub(crate) mod below;
pub(crate) mod binpkgs;
pub(crate) mod builder;
pub(crate) mod cargo_call;
pub(crate) mod compile;
pub(crate) mod debian;
pub(crate) mod deliver;
mod finish;
pub(crate) mod follower;
pub(crate) mod hooks;
mod missing;
pub(crate) mod overlay;
pub(crate) mod pack;
pub(crate) mod packages;
pub(crate) mod probe;
pub(crate) mod resolve;
pub(crate) mod root;
pub(crate) mod root_digests;
mod run_time;
pub(crate) mod source_mounts;
pub(crate) mod sources;
pub(crate) mod target_folder;
pub(crate) mod transfer;
pub(crate) mod tree;
pub(crate) mod unmerge;
pub(crate) mod warm;
