//! Everything below /etc/portage of a builder, as data.
//!
//! What belongs to the machine and not to the result (the number of jobs, the mirror) stands in the same files, since the
//! environment would win over package.env, where `MAKEOPTS="-j1"` for one package is the usual remedy. So it is left out
//! where keys are made: [`PortageConfig::key_text`] is the text of all files without it.

mod inputs;
mod make_conf;
mod render;
mod value;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use crate::atom::Atom;
use crate::package_name::RepositoryName;
use crate::use_flag::UseSetting;
use crate::wire::{AbsolutePath, FileName, RelativePath, SourceUri};

pub use render::{ConfigContent, ConfigFile};
pub use value::{Keyword, License, VariableName, VariableValue};

/// What the places of repositories in a builder begin with.
const MOUNTED: &str = "/tierce/repositories/";

/// The configuration of Portage for one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortageConfig {
    /// `USE`, for all packages.
    pub use_flags: Vec<UseSetting>,
    /// package.use
    pub package_use: BTreeMap<Atom, Vec<UseSetting>>,
    /// package.accept_keywords; without a keyword, the testing ones of the profile's architecture.
    pub package_keywords: BTreeMap<Atom, Vec<Keyword>>,
    /// package.mask
    pub package_mask: Vec<Atom>,
    /// package.unmask
    pub package_unmask: Vec<Atom>,
    /// package.env: variables for some packages only.
    pub package_env: BTreeMap<Atom, BTreeMap<VariableName, VariableValue>>,
    /// package.license
    pub package_license: BTreeMap<Atom, Vec<License>>,
    /// Patches for the sources, applied in the order of the list, those of the first atom first.
    pub patches: BTreeMap<Atom, Vec<Patch>>,
    /// Variables of make.conf, besides and over those of Tierce. `${CFLAGS}` in `CFLAGS` is the value of Tierce.
    pub make_conf: BTreeMap<VariableName, VariableValue>,
    /// The ebuild repositories; the first is the main one.
    pub repositories: Vec<Repository>,
    /// The folder of the profile, as the builder sees it.
    pub profile: AbsolutePath,
    /// What does not enter any key.
    pub machine: Machine,
}

/// A patch in unified format, applied with `-p1` or what fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The name of the user's file, for messages and logs.
    pub name: FileName,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// What the configuration says about the machine: it changes how long a build takes, not what comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Jobs of `make`.
    pub jobs: NonZeroU32,
    /// What `mirror://debian` stands for.
    pub debian_mirror: Option<SourceUri>,
}

/// An ebuild repository, as repos.conf has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name, the same as in its `profiles/repo_name`.
    pub name: RepositoryName,
    /// Its folder, as the builder sees it.
    pub location: AbsolutePath,
    /// The repositories whose eclasses it uses, over those of its `layout.conf`; empty to leave it at those.
    pub masters: Vec<RepositoryName>,
    /// Which repository wins where several have the same version: the highest number.
    pub priority: Option<i32>,
}

impl Repository {
    /// The repository at the place where repositories are mounted in a builder: `/tierce/repositories/NAME`.
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
