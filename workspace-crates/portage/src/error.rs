//! The errors of this crate.

use crate::syntax::SyntaxError;

/// Why something of Portage's could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name, version, atom or setting does not follow its grammar.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),

    /// The resolver's answer is not the JSON that it promises.
    #[error("failed to read the resolver's answer")]
    Answer(#[source] serde_json::Error),

    /// The answer about what was unmerged is not the JSON that it promises.
    #[error("failed to read what unmerging came to")]
    Unmerged(#[source] serde_json::Error),

    /// The resolver's answer contradicts itself.
    #[error("failed to trust the resolver's answer about `{subject}`: {reason}")]
    Contradiction {
        /// The package that it is about.
        subject: String,
        /// What does not fit.
        reason: String,
    },

    /// A file of the installed-package database is malformed.
    #[error("failed to read `{file}` of the installed-package database, line {line}: {reason}")]
    Database {
        /// Path as it was given, without control characters.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong, in one clause.
        reason: String,
    },
}

impl Error {
    /// How to mend it, where that is known.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Syntax(error) => error.help(),
            Self::Answer(_) | Self::Unmerged(_) | Self::Contradiction { .. } | Self::Database { .. } => None,
        }
    }
}
