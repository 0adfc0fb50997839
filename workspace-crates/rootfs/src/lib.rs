//! A root filesystem as data: its tree, its archive's index, the closure of a program.
//!
//! The data flow:
//!
//! 1. [`Index::of_archive`] indexes the archive of a root filesystem once; [`Index::insert_file`] adds the programs.
//! 2. [`closure()`] finds the paths that an image of programs needs, [`packages()`] those of an image of all packages. Each path
//!    has a [`Reason`].
//! 3. [`Index::select`] makes the image's own index, [`Closure::add_made`] adds generated files such as the linker cache.
//! 4. [`layers()`] assigns the paths to layers, [`report`] sums sizes, [`compare()`] compares two images.
//!
//! No step reads the clock, the environment, a file or the network: archives and files are passed as readers.

mod archive;
mod base;
mod closure;
mod compare;
mod content;
mod content_difference;
mod engine;
mod error;
mod finding;
mod follow;
mod foreign;
mod foreign_libc;
pub mod gconv;
mod header_field;
mod index;
pub mod layers;
pub mod ld_cache;
mod loader;
mod missing;
pub mod name_service;
mod nearest;
mod node;
mod packages;
pub mod path;
mod patterns;
mod pax;
mod reason;
pub mod report;
mod runtime_deps;
mod search;
mod selection;
mod tree;

pub use archive::Limits;
pub use base::{ACCOUNTS, Base, Changes};
pub use closure::Closure;
pub use compare::{Difference, FileDifference, Placed, compare, stack};
pub use content::{FileContent, Format, Source};
pub use content_difference::{ByteDifference, ContentDifference, Part, Place, SectionDifference, content_difference};
pub use engine::is_of_engine;
pub use error::Error;
pub use finding::Finding;
pub use foreign::Completed;
pub use foreign_libc::RestOfLibc;
pub use header_field::header_field;
pub use index::Index;
pub use layers::{Layer, layers};
pub use ld_cache::LdCache;
pub use loader::Loader;
pub use missing::{Missing, Rejected, Rejection, Wanted};
pub use nearest::{nearest, suggestions};
pub use node::{Node, NodeKind};
pub use patterns::{Globs, Patterns};
pub use reason::{Evidence, Reason, Via};
pub use runtime_deps::RuntimeDepChoices;
pub use selection::{Start, closure, packages};
pub use tree::{FileTree, Resolved};
