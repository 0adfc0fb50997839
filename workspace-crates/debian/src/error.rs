//! What can go wrong with an index, a package or a root.

use std::io;

/// An error of this crate. None of them is transient: the same input fails again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A control file (deb822) or an `apt` source that breaks its syntax.
    #[error("failed to parse line {line} of `{what}`: {why}")]
    Syntax {
        /// What was parsed: "Packages", "Release", a file name.
        what: String,
        /// The line, from 1.
        line: usize,
        /// The rule that is broken.
        why: String,
    },
    /// A field that is missing or holds something else than its definition allows.
    #[error("failed to read field `{field}` of `{subject}`: {why}")]
    Field {
        /// The package or file whose field it is.
        subject: String,
        /// The field's name.
        field: &'static str,
        /// What is wrong.
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
    /// The mirror serves another release than the one asked for.
    #[error("failed to use the release `{found}` as `{expected}`: the mirror serves another suite under that name")]
    Codename {
        /// The codename asked for.
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
    /// No package satisfies a dependency.
    #[error("failed to satisfy `{relation}`: {why} (required by {chain})")]
    Unsatisfiable {
        /// The dependency as its package writes it.
        relation: String,
        /// What the index offers instead.
        why: String,
        /// Who asks for it: "seed g++ -> g++-12 (= 12.2.0-14)".
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
    /// A `.deb` that is not one, or that holds something a package may not hold.
    #[error("failed to read package `{package}`: {why}")]
    Package {
        /// The package's name.
        package: String,
        /// What is wrong.
        why: String,
    },
    /// Reading a `.deb` failed.
    #[error("failed to read package `{package}`")]
    PackageIo {
        /// The package's name.
        package: String,
        /// The cause; decompression errors come this way too.
        source: io::Error,
    },
    /// Two packages hold the same file and neither says that it replaces the other.
    #[error("failed to unpack `{path}` of `{package}`: `{other}` holds it too")]
    Duplicate {
        /// The path in the root.
        path: String,
        /// The later package.
        package: String,
        /// The earlier one.
        other: String,
    },
    /// A path that leaves the root, or that no file system can hold.
    #[error("failed to place `{path}` of `{package}` in the root: {why}")]
    Path {
        /// The path as the package writes it.
        path: String,
        /// The package, or "extra entries".
        package: String,
        /// What is wrong.
        why: &'static str,
    },
    /// Writing the root's tar failed.
    #[error("failed to write the root's archive")]
    Write(#[source] io::Error),
    /// The portage wheel is not laid out as it is known to be.
    #[error("failed to read the portage wheel: {why}")]
    Wheel {
        /// What is wrong.
        why: String,
    },
    /// Decompression failed, or passed its limit.
    #[error("failed to decompress `{what}`")]
    Decompress {
        /// What was decompressed.
        what: String,
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
