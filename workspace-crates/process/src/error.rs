//! What can go wrong with programs of the host.

use std::fmt;
use std::io;
use std::time::Duration;

use camino::Utf8PathBuf;

/// Why a program of the host did not do its part.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host does not have it.
    #[error("failed to find `{program}` on this host: {help}")]
    NotFound {
        /// Its name.
        program: String,
        /// How it comes to be there.
        help: &'static str,
    },
    /// It is there, but does not start.
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
    /// Cargo.lock is missing or not up to date, and may not be written.
    #[error("Cargo.lock has to change, and --locked forbids it")]
    CargoLock,
    /// The user asked to stop while it ran. It runs no more.
    #[error("interrupted while `{program}` ran")]
    Interrupted {
        /// The program, and its subcommand.
        program: String,
    },
    /// It took too long, and was killed.
    #[error("failed to finish `{program}` within {} s", .limit.as_secs())]
    TimedOut {
        /// The program, and its subcommand.
        program: String,
        /// How long it was given.
        limit: Duration,
    },
    /// It succeeded, but its output is not what it is documented to be.
    #[error("failed to read the output of `{program}`: {reason}")]
    Output {
        /// The program, and its subcommand.
        program: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The Rust toolchain of the host cannot work in a builder.
    #[error("failed to use the Rust toolchain in `{sysroot}`: {reason}; {help}")]
    Toolchain {
        /// What rustc calls its sysroot.
        sysroot: Utf8PathBuf,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        help: &'static str,
    },
    /// A signed file is not signed by whom it should be.
    #[error("failed to verify the signature of `{file}`: {reason}")]
    Signature {
        /// The signed file.
        file: Utf8PathBuf,
        /// What gpgv found.
        reason: SignatureProblem,
    },
    /// The host's pip has no such file to offer.
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
    /// A file is not the one that was asked for.
    #[error("failed to check `{file}`: its SHA-256 is {found}, not {expected}")]
    Digest {
        /// Its name.
        file: String,
        /// In lower-case hexadecimal digits.
        expected: String,
        /// In lower-case hexadecimal digits.
        found: String,
    },
    /// A configuration file of cargo's is no TOML, or a value in it has the wrong type.
    #[error("failed to read cargo's configuration `{file}`: {reason}")]
    Config {
        /// The file.
        file: Utf8PathBuf,
        /// What is wrong where.
        reason: String,
    },
    /// A file or folder of the host.
    #[error("failed to {verb} `{path}`")]
    File {
        /// What was tried: `read`, `write`, …
        verb: &'static str,
        /// The file or folder.
        path: Utf8PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// What is wrong with a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureProblem {
    /// There is none, or more than the one that is expected.
    Malformed,
    /// The text is not the one that was signed.
    Bad,
    /// None of the keys that signed it is in the keyring: the ids of those keys.
    UnknownKeys(Vec<String>),
    /// The signature, or the key that made it, has expired or was revoked.
    Expired,
    /// Anything else, in gpgv's words.
    Other(Vec<String>),
}

impl fmt::Display for SignatureProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => formatter.write_str("it is no clear-signed text"),
            Self::Bad => formatter.write_str("the text is not the one that was signed"),
            Self::UnknownKeys(keys) => write!(formatter, "it was signed by unknown keys ({})", keys.join(", ")),
            Self::Expired => formatter.write_str("the signature or its key has expired or was revoked"),
            Self::Other(lines) => write!(formatter, "gpgv could not tell{}", Lines(lines)),
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
