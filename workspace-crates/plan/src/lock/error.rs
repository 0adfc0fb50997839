//! The errors of reading a lock, with their places and fixes.

use std::ops::Range;

use super::LOCK_VERSION;

/// An error of reading a lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The text has the conflict markers of a merge.
    #[error("it has the conflict markers of a merge")]
    Conflict {
        /// The first marker.
        span: Range<usize>,
    },
    /// The text is not TOML or not a lock.
    #[error("{}", .0.message().lines().next().unwrap_or_default())]
    Malformed(Box<toml::de::Error>),
    /// Another version of Tierce wrote it.
    #[error("it has format version {found}; this Tierce reads version {LOCK_VERSION}")]
    Version {
        /// The version that the file names.
        found: u32,
        /// The version's place.
        span: Range<usize>,
    },
    /// The parts of the lock contradict each other.
    #[error("{message}")]
    Contradiction {
        /// The contradiction, as a clause.
        message: String,
        /// The text that causes it.
        span: Range<usize>,
    },
}

impl LockError {
    /// The bytes of the text that cause the error, if known.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            LockError::Malformed(error) => error.span(),
            LockError::Conflict { span } | LockError::Version { span, .. } | LockError::Contradiction { span, .. } => {
                Some(span.clone())
            }
        }
    }

    /// How to fix it.
    pub fn help(&self) -> &'static str {
        match self {
            LockError::Conflict { .. } => {
                "take either side, for example by `git checkout --ours Tierce.lock`, and run `cargo xtask image`, which \
                resolves the images that changed"
            }
            LockError::Version { found, .. } if *found > LOCK_VERSION => "update the tierce dependency of the xtask",
            LockError::Malformed(_) | LockError::Version { .. } | LockError::Contradiction { .. } => {
                "restore it from version control, or delete it to resolve all packages again"
            }
        }
    }

    /// Finds the first conflict marker of `git merge`.
    pub(super) fn conflict(text: &str) -> Option<LockError> {
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let content = line.trim_end();
            if ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker))
                || content == "======="
            {
                return Some(LockError::Conflict { span: start..start + content.len() });
            }
            start += line.len();
        }
        None
    }
}
