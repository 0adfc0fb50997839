//! Portage's words as types: atoms, USE flags, configuration files, the installed-package database, emerge's answers.
//!
//! Everything here is text to data and data to text; nothing runs Portage. "PMS" in these pages is the Package Manager
//! Specification, EAPI 8.

mod atom;
mod binpkg;
mod config;
mod digest;
mod error;
mod failure;
mod output;
mod package_name;
mod resolution;
mod syntax;
mod unmerge;
mod use_flag;
mod vdb;
mod version;
mod wire;

pub use atom::{Atom, Operator, SlotDependency, UseDependency, VersionRequirement};
pub use binpkg::binpkg_key;
pub use config::{
    ConfigContent, ConfigFile, Keyword, License, Machine, Patch, PortageConfig, Repository, VariableName, VariableValue,
};
pub use error::Error;
pub use failure::{Failure, FailureKind};
pub use output::{Progress, ProgressEvent, ProgressItem, relevant_lines};
pub use package_name::{BareName, CategoryName, Cpv, PackageName, RepositoryName, SlotName};
pub use resolution::{Answer, Request, Resolution, ResolvedPackage, SourceFile};
pub use syntax::SyntaxError;
pub use unmerge::{Lacking, Unmerged};
pub use use_flag::{UseFlag, UseSetting};
pub use vdb::{
    ContentsEntry, ContentsKind, DATABASE, InstalledDatabase, InstalledPackage, NeededEntry, Owners, Stub,
    parse_contents, parse_needed, parse_provides, stub_version,
};
pub use version::Version;
pub use wire::{AbsolutePath, FileName, Hex512, HexDigest, RelativePath, Sha256Hex, SourceUri};

/// What every ROOT has, as the resolver has it.
pub const SYSTEM: [&str; 3] = ["sys-apps/baselayout", "sys-libs/glibc", "sys-devel/gcc"];
/// The resolver: `python3 resolve.py` in a builder reads a [`Request`] and writes an [`Answer`].
pub const RESOLVE_PY: &str = include_str!("resolve.py");

/// Unmerges packages from a copy of a ROOT in a builder, and writes an [`Unmerged`].
pub const UNMERGE_PY: &str = include_str!("unmerge.py");

/// Runs emerge in a builder; its calls are described at its beginning.
pub const EMERGE_SH: &str = include_str!("emerge.sh");
