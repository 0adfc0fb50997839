//! The content of a builder's /etc/portage, as data.
//!
//! The settings of the machine (the number of jobs, the mirror) are in the same files: the environment would override
//! package.env, where `MAKEOPTS="-j1"` for one package is the usual remedy. Keys leave them out:
//! [`PortageConfig::key_text`] is the text of all files without the machine's settings.

mod inputs;
mod make_conf;
mod render;
mod value;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use crate::atom::Atom;
use crate::package_name::RepositoryName;
use crate::use_flag::UseSetting;
use crate::wire::{AbsolutePath, FileName, RelativePath};

pub use render::{ConfigContent, ConfigFile};
pub use value::{Keyword, License, VariableName, VariableValue};

/// The folder of the mounted repositories in a builder.
const MOUNTED: &str = "/tierce/repositories/";

/// The configuration of Portage for one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortageConfig {
    /// `USE`, for all packages.
    pub use_flags: Vec<UseSetting>,
    /// package.use
    pub package_use: BTreeMap<Atom, Vec<UseSetting>>,
    /// package.accept_keywords; an empty list accepts the testing keyword of the profile's architecture.
    pub package_keywords: BTreeMap<Atom, Vec<Keyword>>,
    /// package.mask
    pub package_mask: Vec<Atom>,
    /// package.unmask
    pub package_unmask: Vec<Atom>,
    /// package.env: variables for some packages only.
    pub package_env: BTreeMap<Atom, BTreeMap<VariableName, VariableValue>>,
    /// package.license
    pub package_license: BTreeMap<Atom, Vec<License>>,
    /// Patches for the sources, applied in the order of the atoms and of each list.
    pub patches: BTreeMap<Atom, Vec<Patch>>,
    /// Variables of make.conf, which override Tierce's. `${CFLAGS}` in `CFLAGS` is the value of Tierce.
    pub make_conf: BTreeMap<VariableName, VariableValue>,
    /// The ebuild repositories; the first is the main one.
    pub repositories: Vec<Repository>,
    /// The folder of the profile in the builder.
    pub profile: AbsolutePath,
    /// The settings that no key has.
    pub machine: Machine,
}

/// A patch in unified format; Portage finds the number of leading folders to strip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The name of the user's file, for messages and logs.
    pub name: FileName,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// The settings of the machine: they change the duration of a build, not its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Jobs of `make`.
    pub jobs: NonZeroU32,
}

/// An ebuild repository, as repos.conf has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name, the same as in its `profiles/repo_name`.
    pub name: RepositoryName,
    /// Its folder in the builder.
    pub location: AbsolutePath,
    /// The repositories whose eclasses it uses, which override its `layout.conf` unless empty.
    pub masters: Vec<RepositoryName>,
    /// If several repositories have the same version, the highest priority wins.
    pub priority: Option<i32>,
}

impl Repository {
    /// A repository that is mounted in a builder at `/tierce/repositories/NAME`.
    pub fn mounted(name: RepositoryName) -> Self {
        let location = AbsolutePath::checked(format!("{MOUNTED}{name}"));
        Self { name, location, masters: Vec::new(), priority: None }
    }

    /// The folder of the profile `path` (`default/linux/amd64`) of this repository.
    pub fn profile(&self, path: &RelativePath) -> AbsolutePath {
        AbsolutePath::checked(format!("{}/profiles/{path}", self.location))
    }
}

#[cfg(test)]
mod tests;
