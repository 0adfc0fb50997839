//! Everything on the user's disk: files, folders, locks, receipts, digests, and the caches that are made of them. The crate also
//! has the [`Error`] of a run and the [`Event`]s of its progress.
//!
//! A finished step leaves a receipt under its key: its result and its duration. Receipts of results that every workspace can
//! use are in the user's cache, the others in the workspace's target folder. Locks are files. The kernel releases them when
//! their process ends, so a killed run blocks no other run.

pub mod answer_cache;
pub mod cache_id;
pub mod damage;
pub mod digests;
mod error;
pub mod failed;
pub mod files;
pub mod lock_file;
pub mod locks;
pub mod metadata_cache;
pub mod owner;
pub mod paths;
pub mod pending_images;
mod permission;
mod progress;
pub mod receipts;
pub mod sealed;
pub mod untrusted;
pub mod written_paths;

pub use error::{Cause, Error, ErrorKind};
pub use progress::{Event, Observer, Unit};
