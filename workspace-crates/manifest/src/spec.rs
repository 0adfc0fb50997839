//! What a workspace asks for, valid by construction: whoever holds one of these need not check it again.

mod accounts;
mod hooks;
mod image_test;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use globset::Glob;
use tierce_hidden::Hidden;
use tierce_portage::{Atom, RepositoryName, UseSetting};

pub use accounts::{AccountsSpec, GroupSpec, UserSpec};
pub use hooks::{Hook, HookSpec, HooksSpec};

use crate::{
    PackageFacts, Preset,
    place::{Located, Place},
    values::{
        ByteSize, CharsetName, FileCapabilities, ImageName, ImagePath, ImageReference, InnerPath, LocaleName, Mode,
        Port, Signal, Tag, UserGroup, ZoneName,
    },
};

pub use image_test::{
    ExpectedContent, ExpectedFile, ExpectedStop, ExpectedText, HttpTest, ServiceTest, TestInput, TestRun, TestSpec,
};

/// Everything that the Cargo.tomls of a workspace say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceSpec {
    /// The images, by name; empty where there is no table.
    pub images: Vec<ImageSpec>,
    /// The image with tools for debugging, which every workspace has. It is not among `images`: nothing builds it that does not
    /// name it.
    pub toolbox: ImageSpec,
    /// The image whose tools a debugging session brings.
    pub debug_image: DebugImage,
    /// What Portage runs in.
    pub builder: BuilderBase,
    /// Ebuild repositories besides the builder's own; a later one comes before an earlier one.
    pub repositories: Vec<RepositorySpec>,
    /// Portage's profile; the builder's own where there is none.
    pub portage_profile: Option<Located<PortageProfile>>,
    /// Variables of make.conf, none of which Tierce sets itself.
    pub make_conf: BTreeMap<String, Located<String>>,
    /// The address of a mirror of Debian.
    pub debian_mirror: Option<Located<String>>,
    /// The address of a Python package index.
    pub python_index: Option<Located<String>>,
}

impl WorkspaceSpec {
    /// The images and the toolbox.
    pub fn all_images(&self) -> impl Iterator<Item = &ImageSpec> {
        self.images.iter().chain([&self.toolbox])
    }

    /// These images and those of the workspace that they or their builders begin with, each after those.
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

    /// The image of this name, be it the toolbox.
    pub fn image(&self, name: &str) -> Option<&ImageSpec> {
        self.all_images().find(|image| image.name.as_str() == name)
    }
}

/// The image whose tools a debugging session brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DebugImage {
    /// One that the workspace builds: [`WorkspaceSpec::image`] has it.
    OfWorkspace(ImageName),
    /// One from anywhere.
    Reference(Located<ImageReference>),
}

/// What Portage runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuilderBase {
    /// Debian with Portage, made by Tierce.
    Debian,
    /// An image that has emerge.
    Image(Located<ImageReference>),
    /// A root filesystem that has emerge, as an archive or a folder of the host.
    RootFilesystem(Located<Utf8PathBuf>),
}

/// An ebuild repository of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySpec {
    /// Its name; no other repository of the workspace has it, nor the embedded one.
    pub name: Located<RepositoryName>,
    /// Its folder on the host, from the workspace's root on.
    pub path: Located<Utf8PathBuf>,
    /// The masters that are to hold instead of those of its metadata/layout.conf.
    pub masters: Option<Vec<Located<RepositoryName>>>,
}

/// A profile of an ebuild repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortageProfile {
    /// The repository that has it.
    pub repository: RepositoryName,
    /// Its path below the repository's `profiles`, relative and normalised.
    pub path: String,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSpec {
    /// Its name; no other image of the workspace has it.
    pub name: ImageName,
    /// The key of its table, in the header: what to blame where nothing else is.
    pub place: Place,
    /// What it begins with.
    pub base: Base,
    /// The image of the workspace whose builder its own begins with; neither this nor [`Self::base`] leads back here.
    pub builder_base: Option<Located<ImageName>>,
    /// The Rust program that it is made for; none where it consists of packages alone.
    pub program: Option<ProgramSpec>,
    /// What Portage builds for it.
    pub emerge: EmergeSpec,
    /// What goes into it.
    pub content: ContentSpec,
    /// What scripts of the workspace do besides.
    pub hooks: HooksSpec,
    /// How it is run.
    pub config: ConfigSpec,
    /// The tags that it gets, at least one.
    pub tags: Vec<Located<Tag>>,
    /// What is expected of it, by name, in the order of the names.
    pub tests: Vec<TestSpec>,
    /// How large it may be, each owner once.
    pub max_size: Vec<SizeLimit>,
}

/// How large an image may be, or what is of one owner in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeLimit {
    /// `category/name`, or as reports call what is from no package; none for the whole image.
    pub owner: Option<String>,
    /// The most.
    pub most: Located<ByteSize>,
}

impl ImageSpec {
    /// The images of the workspace that it or its builder begins with.
    pub fn bases(&self) -> impl Iterator<Item = &ImageName> {
        self.base.image().into_iter().chain(self.builder_base.as_ref().map(|name| &name.value))
    }
}

/// What an image begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// Nothing.
    Scratch,
    /// All layers of another image of the workspace; the images below each other end somewhere.
    Image(Located<ImageName>),
    /// All layers of an image from anywhere, which the daemon has.
    Foreign(Located<ImageReference>),
}

impl Base {
    /// The image of the workspace that it is.
    pub fn image(&self) -> Option<&ImageName> {
        match self {
            Base::Scratch | Base::Foreign(_) => None,
            Base::Image(name) => Some(&name.value),
        }
    }

    /// The image from anywhere that it is.
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
    /// The Cargo.toml of its package, which has the image's table.
    pub cargo_toml: Arc<Utf8Path>,
    /// Its package.
    pub package: PackageFacts,
    /// What cargo builds of it.
    pub cargo: CargoSpec,
}

/// What Portage builds for an image. Written in this order into the files of /etc/portage, the image's own entries come
/// after those of the workspace and so have the last word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergeSpec {
    /// Into ROOT.
    pub packages: Vec<Located<Atom>>,
    /// Which of them another key than `packages` brings, each with that key.
    pub by_key: Vec<(Atom, &'static str)>,
    /// Into the builder alone.
    pub build_packages: Vec<Located<Atom>>,
    /// For every package; each flag once.
    pub use_settings: Vec<Located<UseSetting>>,
    /// By package; each flag once for an atom.
    pub package_use: Vec<ForAtom<Vec<Located<UseSetting>>>>,
    /// Accepted keywords by package.
    pub package_keywords: Vec<ForAtom<Vec<Located<String>>>>,
    /// What is not to be used.
    pub package_mask: Vec<Located<Atom>>,
    /// What is to be used although it is masked.
    pub package_unmask: Vec<Located<Atom>>,
    /// Variables for the building of single packages, none of which Tierce sets itself.
    pub package_env: Vec<ForAtom<BTreeMap<String, Located<String>>>>,
    /// Accepted licences by package.
    pub package_license: Vec<ForAtom<Vec<Located<String>>>>,
    /// Patches by package, in the order in which they are applied; each ends in .patch or .diff, as Portage wants it.
    pub patches: Vec<ForAtom<Vec<Located<InnerPath>>>>,
}

/// What is said of the packages that an atom stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForAtom<T> {
    /// The packages that it is said of.
    pub atom: Located<Atom>,
    /// What is said.
    pub value: T,
}

/// What cargo builds for an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CargoSpec {
    /// Names of binaries that the package has, at least one, each once. Where they are the default, the place is the
    /// image's.
    pub bins: Vec<Located<String>>,
    /// Features to switch on: those that the package has, or `dependency/feature`.
    pub features: Vec<Located<String>>,
    /// Whether the package's default features are on.
    pub default_features: bool,
    /// cargo's profile; `release` where there is none.
    pub profile: Option<Located<String>>,
    /// What `-C target-cpu` gets; never `native`, which differs from machine to machine.
    pub target_cpu: Option<Located<String>>,
}

impl CargoSpec {
    /// The name of cargo's profile.
    pub fn profile_name(&self) -> &str {
        self.profile.as_ref().map_or("release", |profile| &profile.value)
    }
}

/// What goes into an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentSpec {
    /// What of ROOT goes in by itself.
    pub include: Include,
    /// What of ROOT goes in although nothing reaches it, or a preset leaves it out.
    pub keep: Vec<Located<Keep>>,
    /// What of ROOT stays out although something reaches it.
    pub prune: Vec<Located<Glob>>,
    /// What is unmerged from ROOT before anything is chosen of it.
    pub unmerge: Vec<Located<Atom>>,
    /// What of ROOT may lack something that it needs.
    pub allow_missing: Vec<Located<AllowMissing>>,
    /// What it needs at run time beyond what linking says.
    pub run_time: RunTimeSpec,
    /// Files and folders of the host.
    pub files: Vec<FileSpec>,
    /// Folders that are made, each path once.
    pub directories: Vec<DirectorySpec>,
    /// Links that are made, each path once, and none that is a folder's or a file's.
    pub symlinks: Vec<SymlinkSpec>,
    /// Users and groups that are made.
    pub accounts: AccountsSpec,
    /// What programs may do although their user may not, by path.
    pub capabilities: Vec<CapabilitySpec>,
    /// What is taken out of the image whoever brought it.
    pub remove: Vec<Located<Glob>>,
    /// What is taken out of ELF files.
    pub strip: Strip,
}

/// What of ROOT goes into an image by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// What the binaries reach; only where there are some.
    Closure,
    /// All files of the packages, but for what [`PRESETS`](crate::PRESETS) leave out.
    Packages,
}

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// What a glob matches.
    Glob(Glob),
    /// What a preset would leave out.
    Preset(&'static Preset),
}

/// What may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowMissing {
    /// What files that a glob matches need.
    Glob(Glob),
    /// A hidden dependency.
    Hidden(&'static Hidden),
}

/// What an image needs at run time beyond what linking says. The packages that bring it are among those of
/// [`EmergeSpec::packages`], each with the place of its key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunTimeSpec {
    /// Where it stands that something which might be missing is an error.
    pub strict: Option<Place>,
    /// Locales besides C.
    pub locales: Vec<Located<LocaleName>>,
    /// The local time zone.
    pub timezone: Option<Located<ZoneName>>,
    /// Character sets that iconv converts besides those that libc has in itself.
    pub gconv: Vec<Located<CharsetName>>,
    /// Whether the certificates that TLS trusts go in; where a program asks for them and they are there, if nobody says.
    pub ca_certificates: Option<bool>,
}

/// A file or folder of the host that goes into the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSpec {
    /// Where it is; the text stays inside of its folder, but whether it exists or is a link out has not been looked at.
    pub from: Located<InnerPath>,
    /// The path of the file or folder itself in the image.
    pub to: Located<ImagePath>,
    /// The mode of the file, or of each file of the folder.
    pub mode: Option<Mode>,
    /// The owner of all of it.
    pub owner: UserGroup,
}

/// A folder that is made in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySpec {
    /// Its path.
    pub path: Located<ImagePath>,
    /// Its mode.
    pub mode: Mode,
    /// Its owner.
    pub owner: UserGroup,
}

/// A link that is made in the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymlinkSpec {
    /// Its path.
    pub path: Located<ImagePath>,
    /// Its text, neither empty nor longer than a path, without control characters.
    pub target: Located<String>,
}

/// The capabilities of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapabilitySpec {
    /// The path of the file, or of a link to it.
    pub path: Located<ImagePath>,
    /// What it has.
    pub capabilities: FileCapabilities,
}

/// What is taken out of ELF files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strip {
    /// Nothing.
    None,
    /// Debugging information, as `strip --strip-debug`.
    Debuginfo,
    /// Debugging information and the symbol table, as `strip --strip-all`.
    Symbols,
}

/// How an image is run, as the OCI image configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSpec {
    /// What is started. Empty only where `cmd` is not, or where a base from anywhere may say it. Where it is the default, the place
    /// is the image's.
    pub entrypoint: Located<Vec<String>>,
    /// Arguments that `docker run` may replace.
    pub cmd: Vec<String>,
    /// Variables of the environment.
    pub env: BTreeMap<String, Located<String>>,
    /// Files with further variables, the weakest first; all of them are weaker than `env`.
    pub env_files: Vec<Located<InnerPath>>,
    /// Ports, each once.
    pub expose: Vec<Port>,
    /// Folders whose content outlives the container, each once.
    pub volumes: Vec<Located<ImagePath>>,
    /// The folder that the program starts in.
    pub workdir: Option<Located<ImagePath>>,
    /// Who it runs as; root where there is none.
    pub user: Option<Located<UserGroup>>,
    /// Labels, none of which is Tierce's own.
    pub labels: BTreeMap<String, Located<String>>,
    /// The signal that asks it to stop.
    pub stop_signal: Option<Signal>,
    /// How the daemon finds out whether it is well.
    pub healthcheck: Option<Located<HealthCheck>>,
    /// Whether its table says that nothing does, whatever a base from anywhere says.
    pub no_healthcheck: bool,
    /// Whether its table says that nothing stands before `cmd`, whatever a base from anywhere starts.
    pub no_entrypoint: bool,
    /// Whether a base from anywhere may say what its table does not.
    pub on_foreign: bool,
}

/// How the daemon finds out whether a program is well. What is `None` is the daemon's default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is run in the container, without a shell; not empty.
    pub command: Vec<String>,
    /// Whether that is Tierce's probe, which is to be in the image then, as [`PROBE_PATH`](crate::PROBE_PATH).
    pub is_probe: bool,
    /// The time between two checks.
    pub interval: Option<Duration>,
    /// The time after which a check has failed.
    pub timeout: Option<Duration>,
    /// The time after the start in which failures do not count.
    pub start_period: Option<Duration>,
    /// How many failures in a row make the program unwell.
    pub retries: Option<u32>,
}
