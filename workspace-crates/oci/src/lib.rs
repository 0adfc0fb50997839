//! OCI images: descriptors, config, manifest, index and the deterministic layer writer.
//!
//! The crate turns nodes and content into the bytes of an image. It opens no file:
//!
//! 1. [`LayerWriter`] writes a layer to any [`Write`](std::io::Write) and returns its diffID.
//! 2. [`Image::assemble`] builds config and manifest from an [`ImageConfig`] with its [`Layer`]s.
//! 3. [`layout_files`] lists the files of an image's OCI layout; [`write_docker_archive`] writes the
//!    archive that `docker load`, `podman load` and skopeo read.
//!
//! The same input gives the same bytes. So structs here are serialised with their fields in alphabetical order, and
//! maps are `BTreeMap`s: the bytes do not depend on `serde_json`'s `preserve_order`, which any crate of the build may
//! enable.
//!
//! The documents are structs of this crate, not of `oci-spec`: that crate's maps have no order, it lacks Docker's
//! `Healthcheck`, and it doubles the number of compiled packages (57 instead of 27). Tests parse this crate's output
//! with it.

pub mod annotation;
mod config;
mod config_read;
mod digest;
mod docker_archive;
mod document;
mod error;
mod header;
mod history;
mod image;
mod index;
mod layer;
mod layout;
mod manifest;
mod reference;
mod tar;
mod time;

pub use annotation::Metadata;
pub use config::{Healthcheck, ImageConfig, Runtime};
pub use digest::{Digest, HashingWriter};
pub use docker_archive::{ArchiveUse, write_docker_archive};
pub use document::{DocumentDifference, document_differences};
pub use error::Error;
pub use history::{HistoryEntry, Origin};
pub use image::{Image, Layer};
pub use index::merge_index;
pub use layer::{LayerInfo, LayerWriter};
pub use layout::{LayoutContent, LayoutFile, layout_files};
pub use manifest::{Descriptor, MediaType, Platform};
pub use reference::{Reference, is_path_component, is_tag};
pub use tar::TarWriter;
pub use time::rfc3339;
