//! The image tables of Cargo.toml: from text with spans to an [`ImageSpec`] that is valid by construction.
//!
//! Tables are `[package.metadata.image]` (an image named as its package, or by `name`), `[package.metadata.images.NAME]`
//! (several images of one package), `[workspace.metadata.images.NAME]` (images that consist of packages, without a program) and
//! `[workspace.metadata.image]` (what holds for all of them, merged last). Their keys are [`KEYS`]. One image's table is the
//! library's own, the toolbox's. Everything is pure: the caller reads the files and asks cargo for the facts.
//!
//! The way of the data: text, parsed with spans; a check of every table against the keys, which reports names and types;
//! a reading of the image's table over the workspace's, which reports content. Problems are gathered, never thrown, so that
//! a user sees all of them at once.

mod check;
mod error;
mod keys;
mod node;
mod place;
mod presets;
mod read;
mod schema;
mod spec;
mod values;

use std::sync::Arc;

use camino::Utf8PathBuf;

pub use error::{Error, Errors, Fault, nearest};
pub use keys::{
    BASE_KEYS, BUILDER_KEYS, DIRECTORY_KEYS, FILE_KEYS, GROUP_KEYS, HEALTHCHECK_KEYS, HOOK_KEYS, HTTP_KEYS, INPUT_KEYS,
    KEYS, Key, Merge, REPOSITORY_KEYS, SYMLINK_KEYS, Scope, Shape, TEST_FILE_KEYS, TEST_KEYS, TEXT_KEYS, USER_KEYS,
};
pub use place::{LineColumn, Located, Place};
pub use presets::{PRESETS, Preset};
pub use read::{library_text, read};
pub use schema::schema;
pub use spec::{
    AccountsSpec, AllowMissing, Base, BuilderBase, CapabilitySpec, CargoSpec, ConfigSpec, ContentSpec, DebugImage,
    DirectorySpec, EmergeSpec, ExpectedContent, ExpectedFile, ExpectedStop, ExpectedText, FileSpec, ForAtom, GroupSpec,
    HealthCheck, Hook, HookSpec, HooksSpec, HttpTest, ImageSpec, Include, Keep, PortageProfile, ProgramSpec,
    RepositorySpec, RunTimeSpec, ServiceTest, SizeLimit, Strip, SymlinkSpec, TestInput, TestRun, TestSpec, UserSpec,
    WorkspaceSpec,
};
pub use values::{
    AccountName, ByteSize, CharsetName, FileCapabilities, ImageName, ImagePath, ImageReference, InnerPath, LocaleName,
    Mode, Pattern, Port, Protocol, Signal, Tag, TestName, UserGroup, ZoneName, read_env_file,
};

/// Where the probe of health checks stands in the images that use it.
pub const PROBE_PATH: &str = "/usr/libexec/tierce-probe";

/// The Cargo.tomls of a workspace, and what cargo knows of its packages.
#[derive(Clone, Debug)]
pub struct WorkspaceText {
    /// The one with `[workspace]`. Where it is a package's too, that package stands among the members as well.
    pub root: CargoToml,
    /// The packages of the workspace.
    pub members: Vec<Member>,
}

impl WorkspaceText {
    /// Every file; one that is the root's and a package's comes twice.
    pub fn files(&self) -> impl Iterator<Item = &CargoToml> {
        std::iter::once(&self.root).chain(self.members.iter().map(|member| &member.manifest))
    }

    /// The whole text of the file that `place` lies in; empty for a file that is not one of these.
    pub fn text(&self, place: &Place) -> &str {
        place::text_of(self.files(), place)
    }
}

/// A Cargo.toml as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CargoToml {
    /// Where it lies; messages show it as it is, and relative paths of its tables start from its folder.
    pub path: Utf8PathBuf,
    /// All of it.
    pub text: Arc<str>,
}

/// A package of the workspace.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its Cargo.toml.
    pub manifest: CargoToml,
    /// What cargo says of it.
    pub package: PackageFacts,
    /// The names of its binaries.
    pub binaries: Vec<String>,
    /// The names of its features.
    pub features: Vec<String>,
}

/// What cargo says of a package, with what it inherits from the workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageFacts {
    /// `package.name`
    pub name: String,
    /// `package.version`
    pub version: String,
    /// `package.description`
    pub description: Option<String>,
    /// `package.license`
    pub license: Option<String>,
    /// `package.repository`
    pub repository: Option<String>,
    /// `package.homepage`
    pub homepage: Option<String>,
    /// `package.documentation`
    pub documentation: Option<String>,
    /// `package.authors`
    pub authors: Vec<String>,
}
