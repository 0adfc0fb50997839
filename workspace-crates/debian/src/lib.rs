//! Debian's package index and packages: selects the `.deb` files of a root and writes the archive of that root.
//!
//! The data flow. All of it is pure: bytes in, bytes out; the caller reads files, the clock and the network.
//!
//! ```text
//! InRelease of each [`SuitePart`] ──gpgv with [`DebianArchive::keyring`]──▶ signed text
//! signed text ──[`Release::parse`]──▶ size and SHA256 of the package index
//! package indexes ──[`PackageIndex::add`]──▶ packages ──[`closure`]──▶ the [`Deb`]s of a root
//! the files of these Debs + [`wheel::entries`] ──[`write_root`]──▶ one tar of an unpacked root
//! this tar, imported as an image ──[`CONFIGURE_SH`] inside, without a network──▶ a builder's base
//! ```

mod archive;
mod closure;
mod compression;
mod control;
mod deb;
mod entry;
mod error;
#[cfg(test)]
mod fixture;
mod index;
mod inflate;
mod path;
mod relation;
mod release;
mod root;
mod source_index;
pub mod sources;
mod status;
mod suite;
mod tree;
mod version;
pub mod wheel;

pub use closure::{Deb, SEEDS, closure, versions};
pub use compression::{decompress, decompress_text};
pub use control::{Paragraph, paragraphs};
pub use entry::{EntryKind, ExtraEntry};
pub use error::Error;
pub use index::{IndexedPackage, PackageIndex};
pub use inflate::inflate;
pub use release::{IndexFile, Release};
pub use root::write_root;
pub use source_index::{IndexedFile, IndexedSource};
pub use suite::{DebianArchive, SuitePart};
pub use version::Version;

/// The shell script that finishes an unpacked root. Run it once, as root, with `/bin/sh`, in a container of the
/// imported tar without a network. It configures every package, compiles Portage's Python modules and removes the
/// files that differ from run to run. It fails if a package stays unconfigured.
pub const CONFIGURE_SH: &str = include_str!("configure.sh");
