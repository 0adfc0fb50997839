//! Everything that can be wrong with a root filesystem.

use crate::missing::{Missing, list};

/// Why something could not be done with a root filesystem.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path that has no place in a tree: see [`crate::path::normalize`].
    #[error("failed to use `{path}` as a path inside the root filesystem")]
    Path {
        /// The path as it came.
        path: String,
    },
    /// A path leads to nothing.
    #[error("failed to resolve `{path}`: there is no `{at}`")]
    NotFound {
        /// The path that was asked for.
        path: String,
        /// The first component on the way, links followed, that is absent.
        at: String,
    },
    /// A path goes through something that holds no entries.
    #[error("failed to resolve `{path}`: `{at}` is not a directory")]
    NotADirectory {
        /// The path that was asked for.
        path: String,
        /// What stands in the way.
        at: String,
    },
    /// More links than Linux follows.
    #[error("failed to resolve `{path}`: it passes more than {limit} symbolic links")]
    LinkLoop {
        /// The path that was asked for.
        path: String,
        /// Links that are followed.
        limit: usize,
    },
    /// An entry contradicts the rest of its tree.
    #[error("failed to put `{path}` into the file tree: {problem}")]
    Insert {
        /// The entry.
        path: String,
        /// What it contradicts.
        problem: String,
    },
    /// An entry of an archive is not one of a root filesystem.
    #[error("failed to index `{entry}` of the archive: {problem}")]
    Entry {
        /// The entry's name as written, damaged characters replaced.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An archive, or a file, could not be read.
    #[error("failed to read {what}")]
    Read {
        /// What was read.
        what: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A linker cache is not one.
    #[error("failed to read the linker cache: {problem}")]
    LdCache {
        /// What is wrong with it.
        problem: String,
    },
    /// A pattern of the user's is not a glob.
    #[error("failed to read the pattern `{pattern}`")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        #[source]
        source: globset::Error,
    },
    /// What programs and libraries need is not there: all of it, not only the first.
    #[error("{}", list(.0))]
    Missing(Vec<Missing>),
}
