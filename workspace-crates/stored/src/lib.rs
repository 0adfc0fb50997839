//! Reads an image from an OCI layout or an archive of `docker save`, and checks it against the digests of its own documents (OCI
//! image specification 1.1; Docker image specification 1.2).
//!
//! Large content goes into files without names, so memory stays constant. The reader limits the number of layers and entries, the
//! bytes of a layer, and the size of documents.

mod blobs;
mod error;
mod reader;
mod source;

pub use error::Error;
pub use reader::{Reader, Stored, StoredLayer};
pub use source::Source;
