//! The errors of this crate.

use crate::syntax::SyntaxError;

/// An error of reading or writing Portage's data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name, version, atom or setting does not follow its grammar.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),

    /// The resolver's answer is not the JSON of the protocol.
    #[error("failed to read the resolver's answer")]
    Answer(#[source] serde_json::Error),

    /// The answer of `unmerge.py` is not the JSON of the protocol.
    #[error("failed to read the result of unmerging")]
    Unmerged(#[source] serde_json::Error),

    /// The resolver's answer contradicts itself.
    #[error("failed to trust the resolver's answer about `{subject}`: {reason}")]
    Contradiction {
        /// The package with the contradiction.
        subject: String,
        /// The contradiction, in one clause.
        reason: String,
    },

    /// A file of the installed-package database is malformed.
    #[error("failed to read `{file}` of the installed-package database, line {line}: {reason}")]
    Database {
        /// Its path, with control characters escaped.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// The rule that is broken, in one clause.
        reason: String,
    },
}

impl Error {
    /// How to fix it, if known.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Syntax(error) => error.help(),
            Self::Answer(_) | Self::Unmerged(_) | Self::Contradiction { .. } | Self::Database { .. } => None,
        }
    }
}
