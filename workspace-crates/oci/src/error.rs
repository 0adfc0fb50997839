//! The errors of this crate.

use std::io;

/// An error of reading or writing an image.
///
/// After an error of an archive writer, the archive is incomplete: discard it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An entry that an archive cannot or must not contain.
    #[error("failed to pack `{path}`: {reason}")]
    Entry {
        /// Path of the entry inside the root filesystem.
        path: String,
        /// The problem, as the end of a sentence.
        reason: &'static str,
    },
    /// An entry of a layer that sorts before the previous one.
    #[error(
        "failed to pack `{path}`: it has to come before `{previous}`, entries are sorted by the bytes of their paths"
    )]
    Order {
        /// Path of the entry.
        path: String,
        /// Path of the entry before it.
        previous: String,
    },
    /// A hard link whose target is not an earlier regular file of the same layer.
    #[error("failed to pack `{path}`: its target `{target}` is no regular file before it in the same layer")]
    HardLink {
        /// Path of the link.
        path: String,
        /// Path of the file that it links to.
        target: String,
    },
    /// Content whose length is not the size of its entry.
    #[error("failed to pack `{path}`: its content is {found} than the {expected} bytes that were announced")]
    ContentLength {
        /// Path of the entry.
        path: String,
        /// The entry's size in bytes.
        expected: u64,
        /// `shorter` or `longer`.
        found: &'static str,
    },
    /// The content of an entry could not be read.
    #[error("failed to read `{path}`")]
    Read {
        /// Path of the entry inside the archive.
        path: String,
        /// The reader's error.
        #[source]
        source: io::Error,
    },
    /// The archive could not be written.
    #[error("failed to write the archive")]
    Write {
        /// The writer's error.
        #[source]
        source: io::Error,
    },
    /// Text that is no sha256 digest.
    #[error("failed to parse digest `{text}`: expected `sha256:` and 64 lower-case hexadecimal digits")]
    Digest {
        /// The text.
        text: String,
    },
    /// A time that RFC 3339 cannot express.
    #[error("failed to write time `{seconds}` (seconds since 1970): the year lies beyond 9999")]
    Time {
        /// Seconds since 1970-01-01T00:00:00Z.
        seconds: u64,
    },
    /// A name or reference that is not valid for an image.
    #[error("failed to name an image `{name}`: {reason}")]
    Name {
        /// The name or reference.
        name: String,
        /// The problem, as the end of a sentence.
        reason: &'static str,
    },
    /// An uncompressed layer whose digest is not its diffID.
    #[error("failed to assemble an image: uncompressed layer `{digest}` claims the diffID `{diff_id}`")]
    DiffId {
        /// Digest of the blob.
        digest: String,
        /// The claimed digest of its uncompressed content.
        diff_id: String,
    },
    /// A config that does not parse.
    #[error("failed to read the image's config")]
    Config {
        /// The JSON parser's error.
        #[source]
        source: serde_json::Error,
    },
    /// An `index.json` that is malformed.
    #[error("failed to read `index.json`: {reason}")]
    Index {
        /// The problem, as the end of a sentence.
        reason: &'static str,
        /// The JSON parser's error, if the text is not JSON.
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
