//! Reads the image tables of Cargo.toml: from text with spans to an [`ImageSpec`] that is valid by construction.
//!
//! Tierce reads `[package.metadata.image]` (an image named after its package, or by `name`), `[package.metadata.images.NAME]`
//! (several images of one package), `[workspace.metadata.images.NAME]` (images of packages, without a program) and
//! `[workspace.metadata.image]` (defaults for all images, merged last). [`KEYS`] lists their keys. The toolbox's table is
//! embedded in this crate. The crate does no input or output: the caller reads the files and asks cargo for the facts.
//!
//! Reading has three stages. The first parses the text with spans. The second checks every table against [`KEYS`] and reports
//! unknown names and wrong types. The third reads the image's table over the workspace's and reports invalid values. The crate
//! collects all problems, so that the user sees them at once.

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
    AccountsSpec, AllowMissing, Base, BuilderBase, CapabilitySpec, CargoSpec, ConfigSpec, ContentSpec, DebianSuite,
    DebugImage, DirectorySpec, EmergeSpec, EngineChoice, ExpectedContent, ExpectedFile, ExpectedStop, ExpectedText,
    FileSpec, ForAtom, GroupSpec, HealthCheck, Hook, HookSpec, HooksSpec, HttpTest, ImageSpec, Include, Keep,
    PortageProfile, ProgramSpec, RepositorySpec, RunTimeSpec, ServiceTest, SizeLimit, Strip, SymlinkSpec, TestInput,
    TestRun, TestSpec, UserSpec, WorkspaceSpec,
};
pub use values::{
    AccountName, ByteSize, CharsetName, FileCapabilities, ImageName, ImagePath, ImageReference, InnerPath, LocaleName,
    Mode, Pattern, Port, Protocol, RunUser, Signal, Tag, TestName, UserGroup, ZoneName, read_env_file,
};

/// The path of the health check's probe in the images that use it.
pub const PROBE_PATH: &str = "/usr/libexec/tierce-probe";

/// The Cargo.toml files of a workspace, and the facts that cargo reports about its packages.
#[derive(Clone, Debug)]
pub struct WorkspaceText {
    /// The file with `[workspace]`. If it also has `[package]`, that package is one of the members as well.
    pub root: CargoToml,
    /// The packages of the workspace.
    pub members: Vec<Member>,
}

impl WorkspaceText {
    /// Returns every file. A root that is also a package appears twice.
    pub fn files(&self) -> impl Iterator<Item = &CargoToml> {
        std::iter::once(&self.root).chain(self.members.iter().map(|member| &member.manifest))
    }

    /// Returns the whole text of the file of `place`, or an empty string for a file outside of the workspace.
    pub fn text(&self, place: &Place) -> &str {
        place::text_of(self.files(), place)
    }
}

/// The path and text of a Cargo.toml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CargoToml {
    /// Its path. Messages show it unchanged, and relative paths of its tables start at its folder.
    pub path: Utf8PathBuf,
    /// The whole text.
    pub text: Arc<str>,
}

/// A package of the workspace.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its Cargo.toml.
    pub manifest: CargoToml,
    /// The facts that cargo reports about it.
    pub package: PackageFacts,
    /// The names of its binaries.
    pub binaries: Vec<String>,
    /// The names of its features.
    pub features: Vec<String>,
}

/// The facts that cargo reports about a package, including values inherited from the workspace.
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
