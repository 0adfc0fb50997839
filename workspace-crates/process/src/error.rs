//! Errors of programs of the host.

use std::fmt;
use std::io;
use std::time::Duration;

use camino::Utf8PathBuf;

/// An error of a program of the host.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host does not have it.
    #[error("failed to find `{program}` on this host: {help}")]
    NotFound {
        /// Its name.
        program: String,
        /// How to install it.
        help: &'static str,
    },
    /// It exists, but does not start.
    #[error("failed to start `{program}`")]
    Start {
        /// Its name.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// It ended without success.
    #[error("failed to run `{program}`{}{}", Code(*.code), Lines(.lines))]
    Failed {
        /// The program, and its subcommand where that says more.
        program: String,
        /// Its exit code; none if a signal ended it.
        code: Option<i32>,
        /// The lines of its output that matter, as it wrote them.
        lines: Vec<String>,
    },
    /// Cargo.lock is missing or stale, and `--locked` forbids to write it.
    #[error("Cargo.lock has to change, and --locked forbids it")]
    CargoLock,
    /// The user interrupted it. It runs no more.
    #[error("interrupted while `{program}` ran")]
    Interrupted {
        /// The program, and its subcommand.
        program: String,
    },
    /// It exceeded its limit and was killed.
    #[error("failed to finish `{program}` within {} s", .limit.as_secs())]
    TimedOut {
        /// The program, and its subcommand.
        program: String,
        /// The limit.
        limit: Duration,
    },
    /// It succeeded, but its output breaks its documented format.
    #[error("failed to read the output of `{program}`: {reason}")]
    Output {
        /// The program, and its subcommand.
        program: String,
        /// The cause.
        reason: String,
    },
    /// The Rust toolchain of the host cannot work in a builder.
    #[error("failed to use the Rust toolchain in `{sysroot}`: {reason}; {help}")]
    Toolchain {
        /// Its sysroot.
        sysroot: Utf8PathBuf,
        /// The cause.
        reason: String,
        /// An imperative.
        help: &'static str,
    },
    /// A signature is missing, bad, or by an unknown key.
    #[error("failed to verify the signature of `{file}`: {reason}")]
    Signature {
        /// The signed file.
        file: Utf8PathBuf,
        /// gpgv's verdict.
        reason: SignatureProblem,
    },
    /// The index of the host's pip lacks the file.
    #[error("failed to find a wheel of `{name}` {version} in the index of the host's pip{}", Lines(.lines))]
    NotPublished {
        /// The project's name in the index.
        name: String,
        /// Its version.
        version: String,
        /// pip's own words.
        lines: Vec<String>,
    },
    /// The host's pip did not reach its index.
    #[error("failed to reach the index of the host's pip{}", Lines(.lines))]
    Unreachable {
        /// pip's own words.
        lines: Vec<String>,
    },
    /// A file has another digest than expected.
    #[error("failed to check `{file}`: its SHA-256 is {found}, not {expected}")]
    Digest {
        /// Its name.
        file: String,
        /// In lower-case hexadecimal digits.
        expected: String,
        /// In lower-case hexadecimal digits.
        found: String,
    },
    /// A configuration file of cargo is not TOML, or a value in it has the wrong type.
    #[error("failed to read cargo's configuration `{file}`: {reason}")]
    Config {
        /// The file.
        file: Utf8PathBuf,
        /// The key or line, and the cause.
        reason: String,
    },
    /// A file or folder of the host cannot be used.
    #[error("failed to {verb} `{path}`")]
    File {
        /// `read`, `write`, …
        verb: &'static str,
        /// The file or folder.
        path: Utf8PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// Why a signature was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureProblem {
    /// The file has no clear-signed text, or several.
    Malformed,
    /// The text is not the one that was signed.
    Bad,
    /// No key that signed it is in the keyring: the ids of those keys.
    UnknownKeys(Vec<String>),
    /// The signature, or the key that made it, has expired or was revoked.
    Expired,
    /// Anything else, in gpgv's words.
    Other(Vec<String>),
}

impl fmt::Display for SignatureProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => formatter.write_str("it is not one clear-signed text"),
            Self::Bad => formatter.write_str("the text is not the one that was signed"),
            Self::UnknownKeys(keys) => write!(formatter, "it was signed by unknown keys ({})", keys.join(", ")),
            Self::Expired => formatter.write_str("the signature or its key has expired or was revoked"),
            Self::Other(lines) => write!(formatter, "gpgv does not confirm it{}", Lines(lines)),
        }
    }
}

struct Code(Option<i32>);

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(code) => write!(formatter, " (exit code {code})"),
            None => formatter.write_str(" (ended by a signal)"),
        }
    }
}

struct Lines<'a>(&'a [String]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| write!(formatter, "\n  {line}"))
    }
}
