//! Errors of reading a stored image.

use std::io;
use std::path::PathBuf;

/// An error of reading a stored image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image is missing or damaged, or is not an image.
    #[error("failed to read the image `{name}`: {problem}")]
    Image {
        /// The image, as the caller named it.
        name: String,
        /// The cause.
        problem: String,
        /// The edit or command that helps.
        help: Option<String>,
    },
    /// The folder for large files is unusable.
    #[error("failed to {verb} `{}`", path.display())]
    Scratch {
        /// The operation: "write into".
        verb: &'static str,
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The user pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}
