//! The specification of a workspace, valid by construction: its users need not check it again.

mod accounts;
mod hooks;
mod image_test;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use globset::Glob;
use tierce_portage::{Atom, PackageName, RepositoryName, UseSetting};
use tierce_runtime_deps::RuntimeDep;

pub use accounts::{AccountsSpec, GroupSpec, UserSpec};
pub use hooks::{Hook, HookSpec, HooksSpec};

use crate::{
    PackageFacts, Preset,
    place::{Located, Place},
    values::{
        ByteSize, CharsetName, FileCapabilities, ImageName, ImagePath, ImageReference, InnerPath, LocaleName, Mode,
        Port, RunUser, Signal, Tag, UserGroup, ZoneName,
    },
};

pub use image_test::{
    ExpectedContent, ExpectedFile, ExpectedStop, ExpectedText, HttpTest, ServiceTest, TestInput, TestRun, TestSpec,
};

/// The content of all image tables of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceSpec {
    /// The images, by name; empty if there is no table.
    pub images: Vec<ImageSpec>,
    /// The image with debugging tools, which every workspace has. It is not one of `images`: Tierce builds it only if something
    /// names it.
    pub toolbox: ImageSpec,
    /// The image that provides the tools of a debugging session.
    pub debug_image: DebugImage,
    /// The root filesystem that Portage runs in.
    pub builder: BuilderBase,
    /// Ebuild repositories besides the builder's own; a later one has priority over an earlier one.
    pub repositories: Vec<RepositorySpec>,
    /// Portage's profile; `None` selects the builder's own.
    pub portage_profile: Option<Located<PortageProfile>>,
    /// Variables of make.conf, without those that Tierce sets itself.
    pub make_conf: BTreeMap<String, Located<String>>,
    /// The release of Debian that the builder `debian` is made of.
    pub debian_suite: DebianSuite,
    /// The engine that opens builders.
    pub engine: EngineChoice,
    /// The address of a Debian mirror.
    pub debian_mirror: Option<Located<String>>,
    /// The address of a mirror of Debian's security updates.
    pub debian_security_mirror: Option<Located<String>>,
    /// Whether the mirrors are snapshots, which may be older than an earlier run's indexes.
    pub debian_snapshot: bool,
    /// The address of a Python package index.
    pub python_index: Option<Located<String>>,
}

impl WorkspaceSpec {
    /// Returns the images and the toolbox.
    pub fn all_images(&self) -> impl Iterator<Item = &ImageSpec> {
        self.images.iter().chain([&self.toolbox])
    }

    /// Returns these images and the workspace images that they or their builders start from, each after its bases.
    pub fn with_bases<'s>(&'s self, images: &[&'s ImageSpec]) -> Vec<&'s ImageSpec> {
        let mut ordered = Vec::new();
        images.iter().for_each(|image| self.add_with_bases(image, &mut ordered));
        ordered
    }

    fn add_with_bases<'s>(&'s self, image: &'s ImageSpec, ordered: &mut Vec<&'s ImageSpec>) {
        if ordered.iter().any(|other| other.name == image.name) {
            return;
        }
        for below in image.bases().filter_map(|name| self.image(name.as_str())) {
            self.add_with_bases(below, ordered);
        }
        ordered.push(image);
    }

    /// Returns the image of this name, which may be the toolbox.
    pub fn image(&self, name: &str) -> Option<&ImageSpec> {
        self.all_images().find(|image| image.name.as_str() == name)
    }
}

/// A release of Debian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DebianSuite {
    /// Debian 13.
    #[default]
    Trixie,
    /// Debian 12.
    Bookworm,
}

impl DebianSuite {
    /// Every release.
    pub const ALL: [Self; 2] = [Self::Trixie, Self::Bookworm];

    /// Its codename, as the key and a mirror have it.
    pub fn codename(self) -> &'static str {
        match self {
            Self::Trixie => "trixie",
            Self::Bookworm => "bookworm",
        }
    }
}

/// A choice of the engine that opens builders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The sandbox where the machine offers one, otherwise the daemon.
    #[default]
    Auto,
    /// Namespaces of this machine's kernel.
    Sandbox,
    /// Containers of the daemon.
    Docker,
}

impl EngineChoice {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Sandbox, Self::Docker];

    /// Its name, as the key and the command line have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Sandbox => "sandbox",
            Self::Docker => "docker",
        }
    }
}

/// The image that provides the tools of a debugging session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DebugImage {
    /// An image of the workspace, which [`WorkspaceSpec::image`] returns.
    OfWorkspace(ImageName),
    /// An external image.
    Reference(Located<ImageReference>),
}

/// The root filesystem that Portage runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuilderBase {
    /// Debian with Portage, built by Tierce.
    Debian,
    /// An image with emerge.
    Image(Located<ImageReference>),
    /// A root filesystem with emerge, as an archive or a folder of the host.
    RootFilesystem(Located<Utf8PathBuf>),
}

/// An ebuild repository of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySpec {
    /// Its name, unique in the workspace and different from the embedded repository's.
    pub name: Located<RepositoryName>,
    /// Its folder on the host, relative to the workspace's root.
    pub path: Located<Utf8PathBuf>,
    /// The masters that replace those of its metadata/layout.conf.
    pub masters: Option<Vec<Located<RepositoryName>>>,
}

/// A profile of an ebuild repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortageProfile {
    /// The repository that contains it.
    pub repository: RepositoryName,
    /// Its path below the repository's `profiles`, relative and normalised.
    pub path: String,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSpec {
    /// Its name, unique in the workspace.
    pub name: ImageName,
    /// The key of its table, in the header. Errors without a more exact place point here.
    pub place: Place,
    /// The image that it starts from.
    pub base: Base,
    /// The workspace image whose builder its own starts from. Neither this nor [`Self::base`] forms a cycle.
    pub builder_base: Option<Located<ImageName>>,
    /// Its Rust program; `None` for an image of packages alone.
    pub program: Option<ProgramSpec>,
    /// The packages that Portage builds for it, and their settings.
    pub emerge: EmergeSpec,
    /// Its files.
    pub content: ContentSpec,
    /// Its scripts.
    pub hooks: HooksSpec,
    /// Its run configuration.
    pub config: ConfigSpec,
    /// Its tags, at least one.
    pub tags: Vec<Located<Tag>>,
    /// Its tests, sorted by name.
    pub tests: Vec<TestSpec>,
    /// Its size limits, at most one for each owner.
    pub max_size: Vec<SizeLimit>,
}

/// The size limit of an image, or of one owner's files in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeLimit {
    /// `category/name`, or the name that reports use for files from no package; `None` for the whole image.
    pub owner: Option<String>,
    /// The limit.
    pub most: Located<ByteSize>,
}

impl ImageSpec {
    /// Returns the images of the workspace that it or its builder starts from.
    pub fn bases(&self) -> impl Iterator<Item = &ImageName> {
        self.base.image().into_iter().chain(self.builder_base.as_ref().map(|name| &name.value))
    }
}

/// The image that another image starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// No image: the image starts empty.
    Scratch,
    /// All layers of another image of the workspace. The chain of bases has no cycle.
    Image(Located<ImageName>),
    /// All layers of an external image, which the daemon has or can pull.
    Foreign(Located<ImageReference>),
}

impl Base {
    /// Returns the name of a base of the workspace.
    pub fn image(&self) -> Option<&ImageName> {
        match self {
            Base::Scratch | Base::Foreign(_) => None,
            Base::Image(name) => Some(&name.value),
        }
    }

    /// Returns the reference of an external base.
    pub fn foreign(&self) -> Option<&Located<ImageReference>> {
        match self {
            Base::Foreign(reference) => Some(reference),
            Base::Scratch | Base::Image(_) => None,
        }
    }
}

/// The Rust program of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramSpec {
    /// The Cargo.toml of its package, which contains the image's table.
    pub cargo_toml: Arc<Utf8Path>,
    /// Its package.
    pub package: PackageFacts,
    /// The options of its cargo build.
    pub cargo: CargoSpec,
}

/// The packages that Portage builds for an image, and their settings. Entries by package keep their order in /etc/portage: the
/// image's entries follow those of the workspace, so that the image's win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergeSpec {
    /// Packages that emerge installs into ROOT.
    pub packages: Vec<Located<Atom>>,
    /// The packages that a key other than `packages` added, each with that key.
    pub by_key: Vec<(Atom, &'static str)>,
    /// Packages that emerge installs into the builder alone.
    pub build_packages: Vec<Located<Atom>>,
    /// USE settings for every package; each flag once.
    pub use_settings: Vec<Located<UseSetting>>,
    /// USE settings by package; each flag once for an atom.
    pub package_use: Vec<ForAtom<Vec<Located<UseSetting>>>>,
    /// Accepted keywords by package.
    pub package_keywords: Vec<ForAtom<Vec<Located<String>>>>,
    /// Packages that Portage must not use.
    pub package_mask: Vec<Located<Atom>>,
    /// Packages that Portage may use although the profile masks them.
    pub package_unmask: Vec<Located<Atom>>,
    /// Build variables by package, without those that Tierce sets itself.
    pub package_env: Vec<ForAtom<BTreeMap<String, Located<String>>>>,
    /// Accepted licences by package.
    pub package_license: Vec<ForAtom<Vec<Located<String>>>>,
    /// Patches by package, in the order of their application; each ends in .patch or .diff, as Portage requires.
    pub patches: Vec<ForAtom<Vec<Located<InnerPath>>>>,
}

/// A setting for the packages that an atom matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForAtom<T> {
    /// The atom.
    pub atom: Located<Atom>,
    /// The setting.
    pub value: T,
}

/// The options of an image's cargo build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CargoSpec {
    /// Names of the package's binaries, at least one, each once. Binaries by default have the image's place.
    pub bins: Vec<Located<String>>,
    /// Features to enable: those of the package, or `dependency/feature`.
    pub features: Vec<Located<String>>,
    /// Whether the package's default features are enabled.
    pub default_features: bool,
    /// Cargo's profile; `None` means `release`.
    pub profile: Option<Located<String>>,
    /// The value of `-C target-cpu`; never `native`, which differs between machines.
    pub target_cpu: Option<Located<String>>,
    /// Files and folders outside of all packages that the build reads, below the folders of their Cargo.tomls.
    pub sources: Vec<Located<Utf8PathBuf>>,
    /// Whether build scripts may write into the sources.
    pub write_sources: bool,
}

impl CargoSpec {
    /// Returns the name of cargo's profile.
    pub fn profile_name(&self) -> &str {
        self.profile.as_ref().map_or("release", |profile| &profile.value)
    }
}

/// The files of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentSpec {
    /// The files of ROOT that Tierce selects.
    pub include: Include,
    /// Files of ROOT that go in even if nothing reaches them or a preset excludes them.
    pub keep: Vec<Located<Keep>>,
    /// Files of ROOT that stay out even if something reaches them.
    pub prune: Vec<Located<Glob>>,
    /// Packages that Tierce unmerges from a copy of ROOT before it selects files.
    pub unmerge: Vec<Located<Atom>>,
    /// Files and run-time dependencies that may lack something.
    pub allow_missing: Vec<Located<AllowMissing>>,
    /// Run-time needs beyond the linked libraries.
    pub run_time: RunTimeSpec,
    /// Files and folders of the host.
    pub files: Vec<FileSpec>,
    /// Folders to create, each path once.
    pub directories: Vec<DirectorySpec>,
    /// Links to create, each path once. No link has the path of a file or folder.
    pub symlinks: Vec<SymlinkSpec>,
    /// Users and groups to create.
    pub accounts: AccountsSpec,
    /// Capabilities of programs, by path.
    pub capabilities: Vec<CapabilitySpec>,
    /// Globs of paths to remove from the image, no matter which key or package added them.
    pub remove: Vec<Located<Glob>>,
    /// The symbols to strip from ELF files.
    pub strip: Strip,
}

/// The files of ROOT that Tierce selects for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// The files that the binaries reach. The image needs a program for this.
    Closure,
    /// All files of the packages, except those of the [`PRESETS`](crate::PRESETS).
    Packages,
}

/// An entry of `keep`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The files that a glob matches.
    Glob(Glob),
    /// The files that a preset would exclude.
    Preset(&'static Preset),
}

/// An entry of `allow-missing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowMissing {
    /// The needs of the files that a glob matches.
    Glob(Glob),
    /// A run-time dependency.
    RuntimeDep(&'static RuntimeDep),
    /// A package of `packages` without a file in the image.
    Package(PackageName),
}

/// The run-time needs of an image beyond its linked libraries. [`EmergeSpec::packages`] contains the packages that serve them,
/// each with the place of its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunTimeSpec {
    /// The place of `strict = true`, which turns warnings about missing files into errors.
    pub strict: Option<Place>,
    /// Locales besides C.
    pub locales: Vec<Located<LocaleName>>,
    /// The local time zone.
    pub timezone: Option<Located<ZoneName>>,
    /// Character sets that iconv converts, besides those that libc contains.
    pub gconv: Vec<Located<CharsetName>>,
    /// Whether the image has the certificates that TLS trusts. By default, it has them if a program needs them and ROOT has them.
    pub ca_certificates: Option<bool>,
}

/// A file or folder of the host that goes into the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// Its place on the host. The text stays inside its folder; reading does not check whether it exists or links elsewhere.
    pub from: Located<InnerPath>,
    /// The path in the image of the file or folder itself.
    pub to: Located<ImagePath>,
    /// The mode of the file, or of each file of the folder.
    pub mode: Option<Mode>,
    /// The owner of every entry.
    pub owner: UserGroup,
}

/// A folder to create in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySpec {
    /// Its path.
    pub path: Located<ImagePath>,
    /// Its mode.
    pub mode: Mode,
    /// Its owner.
    pub owner: UserGroup,
}

/// A link to create in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymlinkSpec {
    /// Its path.
    pub path: Located<ImagePath>,
    /// Its target, not empty, at most as long as a path, without control characters.
    pub target: Located<String>,
}

/// The capabilities of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilitySpec {
    /// The path of the file, or of a link to it.
    pub path: Located<ImagePath>,
    /// The capabilities.
    pub capabilities: FileCapabilities,
}

/// The symbols to strip from ELF files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strip {
    /// No symbols.
    None,
    /// Debugging information, as `strip --strip-debug`.
    Debuginfo,
    /// Debugging information and the symbol table, as `strip --strip-all`.
    Symbols,
}

/// The run configuration of an image, as in the OCI image configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSpec {
    /// The program and its first arguments. Empty only if `cmd` is not, or if an external base may define it. A default has the
    /// image's place.
    pub entrypoint: Located<Vec<String>>,
    /// Arguments that `docker run` may replace.
    pub cmd: Vec<String>,
    /// Environment variables.
    pub env: BTreeMap<String, Located<String>>,
    /// Files with further variables, the weakest first; `env` overrides all of them.
    pub env_files: Vec<Located<InnerPath>>,
    /// Ports, each once.
    pub expose: Vec<Port>,
    /// Folders with content that outlives the container, each once.
    pub volumes: Vec<Located<ImagePath>>,
    /// The working directory of the program.
    pub workdir: Option<Located<ImagePath>>,
    /// The user that the program runs as; `None` means root.
    pub user: Option<Located<RunUser>>,
    /// Labels, without those that Tierce sets itself.
    pub labels: BTreeMap<String, Located<String>>,
    /// The signal that asks the program to stop.
    pub stop_signal: Option<Signal>,
    /// The health check that the daemon runs.
    pub healthcheck: Option<Located<HealthCheck>>,
    /// Whether the table disables the health check, including that of an external base.
    pub no_healthcheck: bool,
    /// Whether the table sets an empty entrypoint, which also replaces that of an external base.
    pub no_entrypoint: bool,
    /// Whether an external base may supply values that the table lacks.
    pub on_foreign: bool,
}

/// The daemon's check that a program is healthy. `None` selects the daemon's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// The command that the daemon runs in the container, without a shell; not empty.
    pub command: Vec<String>,
    /// Whether the command is Tierce's probe, which the image then contains at [`PROBE_PATH`](crate::PROBE_PATH).
    pub is_probe: bool,
    /// The time between two checks.
    pub interval: Option<Duration>,
    /// The time after which a check fails.
    pub timeout: Option<Duration>,
    /// The time after the start during which failures do not count.
    pub start_period: Option<Duration>,
    /// The number of failures in a row that make the program unhealthy.
    pub retries: Option<u32>,
}

impl ImageSpec {
    /// Returns the references of the image in a daemon, one for each tag. Tierce prints the first one.
    pub fn references(&self) -> Vec<String> {
        let reference = |tag: &Tag| match tag.as_str().contains(':') {
            true => tag.to_string(),
            false => format!("{}:{tag}", self.name),
        };
        self.tags.iter().map(|tag| reference(&tag.value)).collect()
    }
}

impl WorkspaceSpec {
    /// Returns the name of an image inside a layout, the `NAME` of `oci:DIR:NAME` that skopeo looks for: its tag, with its name
    /// before it unless it is the only image of the workspace.
    pub fn layout_name(&self, image: &ImageSpec) -> String {
        match self.images.as_slice() {
            [only] if only.name == image.name => image.tags[0].value.to_string(),
            _ => image.references().remove(0),
        }
    }
}
