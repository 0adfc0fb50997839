//! Why a lock cannot be read, where, and what to do.

use std::ops::Range;

use super::LOCK_VERSION;

/// Why a lock could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A merge has left both sides in it.
    #[error("a merge has left its conflict markers")]
    Conflict {
        /// The first marker.
        span: Range<usize>,
    },
    /// The text is not TOML or not a lock.
    #[error("{}", .0.message().lines().next().unwrap_or_default())]
    Malformed(Box<toml::de::Error>),
    /// Another version of Tierce wrote it.
    #[error("the lock has version {found}; this Tierce reads version {LOCK_VERSION}")]
    Version {
        /// The version that the file names.
        found: u32,
        /// Where it does.
        span: Range<usize>,
    },
    /// Its parts do not fit together.
    #[error("{message}")]
    Contradiction {
        /// What does not fit.
        message: String,
        /// The line to blame.
        span: Range<usize>,
    },
}

impl LockError {
    /// The bytes of the text to blame, where they are known.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            LockError::Malformed(error) => error.span(),
            LockError::Conflict { span } | LockError::Version { span, .. } | LockError::Contradiction { span, .. } => {
                Some(span.clone())
            }
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            LockError::Conflict { .. } => {
                "take either side, `git checkout --ours Tierce.lock` say, and run `cargo xtask image`: what does not fit any \
                 more is resolved anew"
            }
            LockError::Version { found, .. } if *found > LOCK_VERSION => "update the tierce dependency of the xtask",
            LockError::Malformed(_) | LockError::Version { .. } | LockError::Contradiction { .. } => {
                "restore it from version control, or delete it to resolve anew"
            }
        }
    }

    /// Finds what `git merge` writes into a file that it cannot merge.
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
