//! Debian's package index and packages: which `.deb` files make a root, and the archive of that root.
//!
//! The way of the data, all of it pure (bytes in, bytes out; the caller reads files, the clock and the network):
//!
//! ```text
//! InRelease ──gpgv with [`KEYRING`]──▶ signed text
//! signed text ──[`Release::parse`]──▶ size and SHA256 of the package index
//! package index ──[`PackageIndex::parse`]──▶ packages ──[`closure`]──▶ the [`Deb`]s of a root
//! the files of those Debs + [`wheel::entries`] ──[`write_root`]──▶ one tar of an unpacked root
//! that tar, imported as an image ──[`CONFIGURE_SH`] inside, without a network──▶ a builder's base
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
mod path;
mod relation;
mod release;
mod root;
pub mod sources;
mod status;
mod tree;
mod version;
pub mod wheel;

pub use closure::{Deb, SEEDS, closure, versions};
pub use compression::{decompress, decompress_text};
pub use control::{Paragraph, paragraphs};
pub use entry::{EntryKind, ExtraEntry};
pub use error::Error;
pub use index::{IndexedPackage, PackageIndex};
pub use release::{IndexFile, Release};
pub use root::write_root;
pub use version::Version;

/// Debian's archive keys as a keyring file that gpgv takes: the automatic and the stable release keys of bookworm and
/// trixie, which sign bookworm's `InRelease`. From Debian's package debian-archive-keyring, freed of third-party
/// signatures.
pub const KEYRING: &[u8] = include_bytes!("../keys/debian-archive.gpg");

/// The shell script that finishes an unpacked root: run once, as root, with `/bin/sh`, in a container of the imported tar
/// that has no network. It configures every package, compiles Portage's Python modules and removes what differs from run
/// to run. It ends with a non-zero status if a package is left unconfigured.
pub const CONFIGURE_SH: &str = include_str!("configure.sh");
