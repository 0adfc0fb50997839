//! The errors of an index, a package or a root.

use std::io;

/// An error of this crate. No error is transient: the same input fails again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A control file (deb822) or an `apt` source that breaks its syntax.
    #[error("failed to parse line {line} of `{name}`: {why}")]
    Syntax {
        /// The text's name: "Packages", "Release", a file name.
        name: String,
        /// The line, from 1.
        line: usize,
        /// The rule that is broken.
        why: String,
    },
    /// A field that is missing or breaks its definition.
    #[error("failed to read field `{field}` of `{subject}`: {why}")]
    Field {
        /// The package or file that has the field.
        subject: String,
        /// The field's name.
        field: &'static str,
        /// The rule that is broken.
        why: String,
    },
    /// A version that breaks Debian policy 5.6.12.
    #[error("failed to parse version `{version}`: {why}")]
    Version {
        /// The text.
        version: String,
        /// The rule that is broken.
        why: &'static str,
    },
    /// The mirror serves another release than the requested one.
    #[error("failed to use the release `{found}` as `{expected}`: the mirror serves another suite under that name")]
    Codename {
        /// The requested codename.
        expected: String,
        /// The codename of the signed text.
        found: String,
    },
    /// `Valid-Until` has passed.
    #[error("failed to trust the release `{codename}`: it expired on {valid_until}; the mirror is out of date")]
    Expired {
        /// The release's codename.
        codename: String,
        /// Its `Valid-Until`, as written.
        valid_until: String,
    },
    /// A newer release of the suite was read before.
    #[error("failed to trust the release `{codename}`: it is {} hours older than the one of an earlier run; the mirror is out of date", .seconds.div_ceil(3600))]
    Older {
        /// The release's codename.
        codename: String,
        /// The time between the two, in seconds.
        seconds: u64,
    },
    /// No package satisfies a dependency.
    #[error("failed to satisfy `{relation}`: {why} (required by {chain})")]
    Unsatisfiable {
        /// The dependency as its package writes it.
        relation: String,
        /// The candidates in the index.
        why: String,
        /// The packages that lead to it: "seed g++ -> g++-12 (= 12.2.0-14)".
        chain: String,
    },
    /// Two packages of the closure exclude each other.
    #[error("failed to put `{package}` and `{other}` into one root: {package} declares `{relation}`")]
    Conflict {
        /// The package that declares the conflict.
        package: String,
        /// The package it excludes.
        other: String,
        /// The relation as it is written.
        relation: String,
    },
    /// A file that is not a `.deb`, or one with content that a package may not have.
    #[error("failed to read package `{package}`: {why}")]
    Package {
        /// The package's name.
        package: String,
        /// The rule that is broken.
        why: String,
    },
    /// Reading a `.deb` failed.
    #[error("failed to read package `{package}`")]
    PackageIo {
        /// The package's name.
        package: String,
        /// The cause, also of a failed decompression.
        source: io::Error,
    },
    /// Two packages hold the same file and neither replaces the other.
    #[error("failed to unpack `{path}` of `{package}`: `{other}` has the same path")]
    Duplicate {
        /// The path in the root.
        path: String,
        /// The later package.
        package: String,
        /// The earlier one.
        other: String,
    },
    /// A path outside of the root, or one that no file system accepts.
    #[error("failed to place `{path}` of `{package}` in the root: {why}")]
    Path {
        /// The path as the package writes it.
        path: String,
        /// The package, or "extra entries".
        package: String,
        /// The rule that is broken.
        why: &'static str,
    },
    /// Writing the root's tar failed.
    #[error("failed to write the root's archive")]
    Write(#[source] io::Error),
    /// The portage wheel does not have the layout of its version.
    #[error("failed to read the portage wheel: {why}")]
    Wheel {
        /// The difference.
        why: String,
    },
    /// Decompression failed or exceeded its limit.
    #[error("failed to decompress `{name}`")]
    Decompress {
        /// The text's name.
        name: String,
        /// The cause.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn package(package: &str, why: impl Into<String>) -> Self {
        Self::Package { package: package.to_owned(), why: why.into() }
    }

    pub(crate) fn field(subject: &str, field: &'static str, why: impl Into<String>) -> Self {
        Self::Field { subject: subject.to_owned(), field, why: why.into() }
    }
}
