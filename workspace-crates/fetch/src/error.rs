//! Why a file could not be had.

use std::io;
use std::path::{Path, PathBuf};

use crate::{Download, masked};

/// An error of one download: which file, and why.
#[derive(Debug, thiserror::Error)]
#[error("failed to fetch `{name}`")]
pub struct Error {
    /// The file's [`Download::name`]; "files" when the whole fetch was interrupted.
    pub name: String,
    /// Why.
    #[source]
    pub kind: ErrorKind,
}

/// Why a download failed. URLs are without credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// It is not there, and [`crate::Options::offline`] forbids to download it.
    #[error("it is not at `{}` and the network is not to be used; run once without --offline", .destination.display())]
    Offline {
        /// Where it was looked for.
        destination: PathBuf,
    },
    /// No mirror has it.
    #[error("`{url}` does not exist (status {status})")]
    NotFound {
        /// The mirror that was asked last.
        url: String,
        /// 404 or 410.
        status: u16,
    },
    /// The server refuses, or goes on failing.
    #[error("`{url}` answered with status {status}{}", if *.status == 401 || *.status == 403 { "; check the credentials and the URL" } else { "" })]
    Status {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The content is not what was expected.
    #[error("`{url}` has the {algorithm} digest {found}, not {expected}; the mirror serves another file")]
    Digest {
        /// Where the content came from.
        url: String,
        /// "SHA-256", "SHA-512" or "BLAKE2b".
        algorithm: &'static str,
        /// In lower-case hexadecimal digits.
        expected: String,
        /// In lower-case hexadecimal digits.
        found: String,
    },
    /// The content is longer or shorter than expected.
    #[error("`{url}` has {found} bytes, not {expected}; the mirror serves another file")]
    Size {
        /// Where the content came from.
        url: String,
        /// In bytes.
        expected: u64,
        /// In bytes; "at least" where reading stopped.
        found: u64,
    },
    /// No connection, or one that broke again and again.
    #[error("`{url}` cannot be reached: {why}; check the network, and the proxy settings in the environment")]
    Network {
        /// The URL.
        url: String,
        /// The cause in one line.
        why: String,
    },
    /// The server redirects to where this one does not follow.
    #[error("`{url}` {why}")]
    Redirect {
        /// The URL that was asked for.
        url: String,
        /// Where it leads: "redirects from https to http".
        why: &'static str,
    },
    /// The disk is full.
    #[error("no space is left for `{}`", .path.display())]
    DiskFull {
        /// The file that was written.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file cannot be read or written.
    #[error("failed to {verb} `{}`", .path.display())]
    Io {
        /// "create", "write", "read", "lock", "rename".
        verb: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The request itself is wrong: no URL, no checksum, a malformed checksum.
    #[error("{why}")]
    Request {
        /// What is wrong.
        why: String,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    pub(crate) fn new(item: &Download, kind: ErrorKind) -> Self {
        Self { name: item.name.clone(), kind }
    }

    pub(crate) fn interrupted() -> Self {
        Self { name: "files".to_owned(), kind: ErrorKind::Interrupted }
    }
}

impl ErrorKind {
    /// The error of a file operation; a full disk is told apart.
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path, source },
            _ => Self::Io { verb, path, source },
        }
    }

    pub(crate) fn status(url: &str, status: u16) -> Self {
        let url = masked(url);
        match status {
            404 | 410 => Self::NotFound { url, status },
            _ => Self::Status { url, status },
        }
    }
}
