//! OCI images: descriptors, config, manifest, index and the deterministic layer writer.
//!
//! The crate turns nodes and content into the bytes of an image and reads nothing by itself:
//!
//! 1. [`LayerWriter`] writes a layer to any [`Write`](std::io::Write) and says its diffID.
//! 2. [`Image::assemble`] makes config and manifest of [`ImageConfig`], whose [`Layer`]s say where they came from.
//! 3. [`layout_files`] lists what an OCI layout of the image consists of; [`write_docker_archive`] writes the
//!    archive that `docker load`, `podman load` and skopeo take.
//!
//! The same input gives the same bytes. So structs here are serialised with their fields in alphabetical order, and
//! maps are `BTreeMap`s: nothing hangs on `serde_json`'s `preserve_order`, which any crate of the build may switch
//! on.
//!
//! The documents are structs of this crate, not of `oci-spec`: that crate's maps have no order, it lacks Docker's
//! `Healthcheck`, and it doubles the packages that have to be compiled (57 instead of 27). Tests parse with it what
//! this crate writes.

pub mod annotation;
mod config;
mod config_read;
mod digest;
mod docker_archive;
mod document;
mod error;
mod header;
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
pub use image::{Image, Layer};
pub use index::merge_index;
pub use layer::{LayerInfo, LayerWriter};
pub use layout::{LayoutContent, LayoutFile, layout_files};
pub use manifest::{Descriptor, MediaType, Platform};
pub use tar::TarWriter;
pub use time::rfc3339;
