//! Errors of downloads.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Download, masked};

/// An error of one download.
#[derive(Debug, thiserror::Error)]
#[error("failed to fetch `{name}`")]
pub struct Error {
    /// The file's [`Download::name`]; "files" when the whole fetch was interrupted.
    pub name: String,
    /// The cause.
    #[source]
    pub kind: ErrorKind,
}

/// Why a download failed. URLs are without credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file is missing, and [`crate::Options::offline`] forbids the download.
    #[error("`{}` does not exist and --offline forbids the download; run once without --offline", .destination.display())]
    Offline {
        /// The missing file.
        destination: PathBuf,
    },
    /// No mirror has it.
    #[error("`{url}` does not exist (status {status})")]
    NotFound {
        /// The last mirror.
        url: String,
        /// 404 or 410.
        status: u16,
    },
    /// The server refuses the request, or fails every time.
    #[error("`{url}` answered with status {status}{}", if *.status == 401 || *.status == 403 { "; check the credentials and the URL" } else { "" })]
    Status {
        /// The URL.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The content has another digest than expected.
    #[error("`{url}` has the {algorithm} digest {found}, not {expected}; the mirror serves another file")]
    Digest {
        /// The mirror.
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
        /// The mirror.
        url: String,
        /// In bytes.
        expected: u64,
        /// In bytes; "at least" where reading stopped.
        found: u64,
    },
    /// No connection, or only broken ones.
    #[error("`{url}` cannot be reached: {why}; check the network, and the proxy settings in the environment")]
    Network {
        /// The URL.
        url: String,
        /// The cause in one line.
        why: String,
    },
    /// The server sends too slowly.
    #[error(
        "`{url}` sent {received} bytes in {} s, and Tierce expects at least {least}; check the network, or name another mirror",
        .window.as_secs()
    )]
    Slow {
        /// The URL.
        url: String,
        /// The bytes in the window.
        received: u64,
        /// The minimum of bytes.
        least: u64,
        /// [`crate::Options::rate_window`]
        window: Duration,
    },
    /// The server redirects to a forbidden URL, or too often.
    #[error("`{url}` {why}")]
    Redirect {
        /// The requested URL.
        url: String,
        /// The problem: "redirects from https to http".
        why: &'static str,
    },
    /// The disk is full.
    #[error("no space is left for `{}`", .path.display())]
    DiskFull {
        /// The file being written.
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
    /// The request is invalid: no URL, no checksum, a malformed checksum.
    #[error("{why}")]
    Request {
        /// The problem.
        why: String,
    },
    /// The caller interrupted the download.
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
    /// The error of a file operation: [`Self::DiskFull`] or [`Self::Io`].
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
