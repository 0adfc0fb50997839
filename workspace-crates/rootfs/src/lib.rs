//! A root filesystem as data: its tree, its archive's index, the closure of what a program reaches.
//!
//! The way of the data: the archive of a root filesystem is indexed once ([`Index::of_archive`]); the programs are put into
//! the index ([`Index::insert_file`]); [`closure()`] says which paths an image of them needs, and [`packages()`] which one of all
//! packages has, each with its [`Reason`]; [`Index::select`] makes the image's own index of these, [`Closure::add_made`] gives it what no package has, such as a linker cache; [`layers()`]
//! assigns it to layers, and [`report`] sums it up. Two images are put beside each other by [`compare()`]. No step reads the clock, the environment, a file or the network: archives
//! and files come as readers.

mod archive;
mod base;
mod closure;
mod compare;
mod content;
mod content_difference;
mod error;
mod follow;
mod foreign;
pub mod gconv;
mod header_field;
mod hidden;
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
pub mod report;
mod search;
mod tree;

pub use archive::Limits;
pub use base::{ACCOUNTS, Base, Changes};
pub use closure::{Closure, Finding, Reason, Start, Told, Via, closure, packages};
pub use compare::{Difference, FileDifference, Placed, compare, stack};
pub use content::{FileContent, Format, Source};
pub use content_difference::{ByteDifference, ContentDifference, Part, Place, SectionDifference, content_difference};
pub use error::Error;
pub use foreign::Completed;
pub use header_field::header_field;
pub use hidden::HiddenChoices;
pub use index::Index;
pub use layers::{Layer, layers};
pub use ld_cache::LdCache;
pub use loader::Loader;
pub use missing::{Missing, Rejected, Rejection, Wanted};
pub use nearest::nearest;
pub use node::{Node, NodeKind};
pub use patterns::{Globs, Patterns};
pub use tree::{FileTree, Resolved};
