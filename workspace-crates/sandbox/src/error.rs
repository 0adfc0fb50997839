//! The errors of a sandbox.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The error of a sandbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel, or what surrounds this process, refuses a sandbox.
    #[error("the sandbox failed to {what}")]
    Refused {
        /// The operation, as an infinitive.
        what: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// A file of the host or of the root prevents the sandbox.
    #[error("the sandbox failed to {what} `{}`", path.display())]
    File {
        /// The operation, as an infinitive.
        what: String,
        /// The file or folder.
        path: PathBuf,
        /// The kernel's reason.
        source: io::Error,
    },
    /// The root does not have the program, or the program cannot start.
    #[error("the sandbox failed to start `{program}`")]
    Start {
        /// The program.
        program: String,
        /// The kernel's reason.
        source: io::Error,
    },
    /// `newuidmap` or `newgidmap` failed.
    #[error("`{program}` failed to map the users of the sandbox: {reason}")]
    Mapping {
        /// The program.
        program: &'static str,
        /// Its output.
        reason: String,
    },
    /// `newuidmap` or `newgidmap` did not end in time. It may wait for a server, and succeed later.
    #[error("`{program}` did not map the users of the sandbox within {seconds} seconds")]
    MappingTimedOut {
        /// The program.
        program: &'static str,
        /// The time limit.
        seconds: u64,
    },
    /// The kernel killed the processes of the sandbox for lack of memory.
    #[error("the sandbox was killed for lack of memory{}", limit_in_words(*limit))]
    OutOfMemory {
        /// The most memory that the sandbox might use, in bytes.
        limit: Option<u64>,
    },
    /// The sandbox did not start in time.
    #[error("the sandbox did not start within {seconds} seconds")]
    TimedOut {
        /// The time limit.
        seconds: u64,
    },
    /// Something killed the sandbox's own processes.
    #[error("the sandbox ended unexpectedly")]
    Killed,
    /// The caller interrupted the work.
    #[error("interrupted")]
    Interrupted,
}

/// Returns a limit of memory as a part of a sentence: ` of 14.4 GB`.
fn limit_in_words(limit: Option<u64>) -> String {
    const TENTH: u64 = 100_000_000;
    limit.map(|bytes| format!(" of {}.{} GB", bytes / TENTH / 10, bytes / TENTH % 10)).unwrap_or_default()
}

/// A failure in one of the sandbox's processes, on its way to the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The operation, as an infinitive.
    pub(crate) what: String,
    pub(crate) path: Option<PathBuf>,
    /// The program that did not start.
    pub(crate) program: Option<String>,
    /// The operating system's number, if the error has one.
    pub(crate) errno: Option<i32>,
    /// The error in words.
    pub(crate) reason: String,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, error: impl Into<io::Error>) -> Failure {
        let error = error.into();
        let (errno, reason) = (error.raw_os_error(), error.to_string());
        Failure { what: what.into(), path: None, program: None, errno, reason }
    }

    pub(crate) fn at(what: impl Into<String>, path: impl Into<PathBuf>, error: impl Into<io::Error>) -> Failure {
        // Messages are UTF-8, names of files need not be.
        let path = PathBuf::from(path.into().to_string_lossy().into_owned());
        Failure { path: Some(path), ..Failure::new(what, error) }
    }
}

impl From<Failure> for Error {
    fn from(Failure { what, path, program, errno, reason }: Failure) -> Error {
        let source = errno.map_or_else(|| io::Error::other(reason), io::Error::from_raw_os_error);
        match (program, path) {
            (Some(program), _) => Error::Start { program, source },
            (None, Some(path)) => Error::File { what, path, source },
            (None, None) => Error::Refused { what, source },
        }
    }
}
