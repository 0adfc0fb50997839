//! The errors of this crate.

use crate::missing::{Missing, list};

/// An error of reading or changing a root filesystem.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path that a tree cannot contain: see [`crate::path::normalize`].
    #[error("failed to use `{path}` as a path inside the root filesystem")]
    Path {
        /// The path as given.
        path: String,
    },
    /// A path that leads to nothing.
    #[error("failed to resolve `{path}`: there is no `{at}`")]
    NotFound {
        /// The requested path.
        path: String,
        /// The first absent path on the way, links followed.
        at: String,
    },
    /// A path that passes something other than a directory.
    #[error("failed to resolve `{path}`: `{at}` is not a directory")]
    NotADirectory {
        /// The requested path.
        path: String,
        /// The path of that entry.
        at: String,
    },
    /// A path with more links than Linux follows.
    #[error("failed to resolve `{path}`: it passes more than {limit} symbolic links")]
    LinkLoop {
        /// The requested path.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// An entry that contradicts the rest of its tree.
    #[error("failed to put `{path}` into the file tree: {problem}")]
    Insert {
        /// The entry.
        path: String,
        /// The contradiction.
        problem: String,
    },
    /// An entry of an archive that a root filesystem cannot have.
    #[error("failed to index `{entry}` of the archive: {problem}")]
    Entry {
        /// The entry's name, with U+FFFD for bytes that are not UTF-8.
        entry: String,
        /// The problem.
        problem: String,
    },
    /// An archive or a file that could not be read.
    #[error("failed to read {what}")]
    Read {
        /// Its name in the message.
        what: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A malformed linker cache.
    #[error("failed to read the linker cache: {problem}")]
    LdCache {
        /// The problem.
        problem: String,
    },
    /// A malformed glob of the user's.
    #[error("failed to read the pattern `{pattern}`")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// The cause.
        #[source]
        source: globset::Error,
    },
    /// Everything that programs and libraries need and that is absent.
    #[error("{}", list(.0))]
    Missing(Vec<Missing>),
}
