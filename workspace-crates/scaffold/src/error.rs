//! Errors of drafts.

use camino::Utf8PathBuf;

/// The reason why there is no draft.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// A file to edit is not TOML.
    #[error("failed to edit `{file}`: it is not TOML: {reason}")]
    Syntax {
        /// Its path, relative to the workspace's root.
        file: Utf8PathBuf,
        /// The message of the parser.
        reason: String,
    },
    /// An insertion would change other values of a file, or the file has the key in another form.
    #[error("failed to add this to `{file}`, because `{key}` has another form there:\n  {text}")]
    Form {
        /// Its path, relative to the workspace's root.
        file: Utf8PathBuf,
        /// The key, dotted.
        key: String,
        /// The text to insert.
        text: String,
    },
    /// An invalid name, port or atom.
    #[error("{problem}")]
    Name {
        /// The problem, with the name in it.
        problem: String,
        /// A way to a valid one.
        help: Option<String>,
    },
}

impl Error {
    /// Returns the advice of an error.
    pub fn help(&self) -> Option<String> {
        match self {
            Error::Syntax { .. } => None,
            Error::Form { .. } => Some("add it by hand; nothing was written".into()),
            Error::Name { help, .. } => help.clone(),
        }
    }
}
