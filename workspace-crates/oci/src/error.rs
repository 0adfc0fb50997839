//! What can go wrong while writing an image.

use std::io;

/// An error of this crate.
///
/// After an error of an archive writer the bytes written so far are no whole archive and have to be thrown away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An entry that an archive cannot hold, or must not.
    #[error("failed to pack `{path}`: {reason}")]
    Entry {
        /// Path of the entry inside the root filesystem.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An entry of a layer that does not come after the one before it.
    #[error(
        "failed to pack `{path}`: it has to come before `{previous}`, entries are sorted by the bytes of their paths"
    )]
    Order {
        /// Path of the entry.
        path: String,
        /// Path of the entry before it.
        previous: String,
    },
    /// A hard link whose target is no regular file that the same layer holds before it.
    #[error("failed to pack `{path}`: its target `{target}` is no regular file before it in the same layer")]
    HardLink {
        /// Path of the link.
        path: String,
        /// Path that it should be a further name of.
        target: String,
    },
    /// Content that is shorter or longer than its entry says.
    #[error("failed to pack `{path}`: its content is {found} than the {expected} bytes that were announced")]
    ContentLength {
        /// Path of the entry.
        path: String,
        /// Announced length in bytes.
        expected: u64,
        /// `shorter` or `longer`.
        found: &'static str,
    },
    /// The content of an entry could not be read.
    #[error("failed to read `{path}`")]
    Read {
        /// Path of the entry inside the archive.
        path: String,
        /// What the reader said.
        #[source]
        source: io::Error,
    },
    /// The archive could not be written.
    #[error("failed to write the archive")]
    Write {
        /// What the writer said.
        #[source]
        source: io::Error,
    },
    /// Text that is no sha256 digest.
    #[error("failed to parse digest `{text}`: expected `sha256:` and 64 lower-case hexadecimal digits")]
    Digest {
        /// The text.
        text: String,
    },
    /// A time that RFC 3339 cannot write.
    #[error("failed to write time `{seconds}` (seconds since 1970): the year lies beyond 9999")]
    Time {
        /// Seconds since 1970-01-01T00:00:00Z.
        seconds: u64,
    },
    /// A name that an image in an index cannot have.
    #[error("failed to name an image `{name}`: {reason}")]
    Name {
        /// The name or reference.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An uncompressed layer whose digest is not its diffID.
    #[error("failed to assemble an image: uncompressed layer `{digest}` claims the diffID `{diff_id}`")]
    DiffId {
        /// Digest of the blob.
        digest: String,
        /// Digest of its uncompressed content as claimed.
        diff_id: String,
    },
    /// The config of an image that is not one.
    #[error("failed to read the image's config")]
    Config {
        /// What the JSON parser said.
        #[source]
        source: serde_json::Error,
    },
    /// An `index.json` that is not one.
    #[error("failed to read `index.json`: {reason}")]
    Index {
        /// What is wrong with it.
        reason: &'static str,
        /// What the JSON parser said, if it got that far.
        #[source]
        source: Option<serde_json::Error>,
    },
}

impl Error {
    pub(crate) fn entry(path: &str, reason: &'static str) -> Self {
        Self::Entry { path: path.to_owned(), reason }
    }

    pub(crate) fn write(source: io::Error) -> Self {
        Self::Write { source }
    }
}
