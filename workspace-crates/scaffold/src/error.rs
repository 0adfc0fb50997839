//! Why nothing can be drafted.

use camino::Utf8PathBuf;

/// Why nothing can be drafted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// A file that is to be edited is no TOML.
    #[error("failed to edit `{file}`: it is not TOML: {reason}")]
    Syntax {
        /// From the workspace's root.
        file: Utf8PathBuf,
        /// The parser's words.
        reason: String,
    },
    /// A file is written in a way into which nothing can be inserted that would mean what is asked for.
    #[error("failed to add this to `{file}`, as `{key}` stands there in another form:\n  {text}")]
    Form {
        /// From the workspace's root.
        file: Utf8PathBuf,
        /// The key, dotted.
        key: String,
        /// What was to be inserted.
        text: String,
    },
    /// A name that is none.
    #[error("{problem}")]
    Name {
        /// What is wrong with it.
        problem: String,
        /// What to do.
        help: Option<String>,
    },
}

impl Error {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Error::Syntax { .. } => None,
            Error::Form { .. } => Some("add it by hand; nothing was written".into()),
            Error::Name { help, .. } => help.clone(),
        }
    }
}
