//! Portage's data as types: atoms, USE flags, configuration files, the installed-package database, emerge's answers.
//!
//! This crate parses and writes text; it does not run Portage. "PMS" is the Package Manager Specification, EAPI 8.

mod atom;
mod binpkg;
mod config;
mod digest;
mod error;
mod failure;
mod features;
mod manifest;
mod origin;
mod output;
mod package_name;
mod resolution;
mod search;
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
pub use features::{breaking_feature, features_without_effect};
pub use manifest::{
    ManifestAnswer, ManifestEntry, ManifestRequest, NamedSource, PackageSources, manifest_sources, manifest_text,
};
pub use origin::with_dependencies;
pub use output::{PackageLog, Progress, ProgressEvent, ProgressItem, followed_line, relevant_lines};
pub use package_name::{BareName, CategoryName, Cpv, PackageName, RepositoryName, SlotName, without_version};
pub use resolution::{Answer, Request, Resolution, ResolvedPackage, SourceFile};
pub use search::{FlagSource, FlagState, FoundPackage, PackageFlags, PackageVersion, SearchAnswer, SearchRequest};
pub use syntax::SyntaxError;
pub use unmerge::{Lacking, Unmerged};
pub use use_flag::{UseFlag, UseSetting};
pub use vdb::{
    ContentsEntry, ContentsKind, DATABASE, InstalledDatabase, InstalledPackage, NeededEntry, Owners, Stub,
    parse_contents, parse_needed, parse_provides, stub_version,
};
pub use version::Version;
pub use wire::{AbsolutePath, FileName, Hex512, HexDigest, RelativePath, Sha256Hex, SourceUri};

/// The packages of every ROOT, the same as in the resolver.
pub const SYSTEM: [&str; 3] = ["sys-apps/baselayout", "sys-libs/glibc", "sys-devel/gcc"];
/// The resolver: `python3 resolve.py` in a builder reads a [`Request`] and writes an [`Answer`].
pub const RESOLVE_PY: &str = include_str!("resolve.py");

/// Lists the sources of a repository's ebuilds: reads a [`ManifestRequest`] and writes a [`ManifestAnswer`]. It imports
/// [`RESOLVE_PY`].
pub const MANIFEST_PY: &str = include_str!("manifest.py");

/// Finds packages in the builder's repositories, and answers a [`SearchRequest`]. It is beside [`RESOLVE_PY`].
pub const SEARCH_PY: &str = include_str!("search.py");

/// Unmerges packages from a copy of a ROOT in a builder, and writes an [`Unmerged`].
pub const UNMERGE_PY: &str = include_str!("unmerge.py");

/// Runs emerge without shells that do nothing; `emerge.sh root` runs it.
pub const MERGE_ROOT_PY: &str = include_str!("merge_root.py");

/// Passes on the logs of packages that emerge compiles; `emerge.sh` runs it, and [`followed_line`] reads its lines.
pub const FOLLOW_LOGS_PY: &str = include_str!("follow_logs.py");

/// Runs emerge in a builder; its first comment describes the calls.
pub const EMERGE_SH: &str = include_str!("emerge.sh");
