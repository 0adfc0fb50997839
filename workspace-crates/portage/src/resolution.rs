//! The request to the resolver that runs in the builder (`resolve.py`) and its answer.
//!
//! The answer comes out of a container that runs the shell code of ebuilds, and the same types are read back from a lock
//! that anybody may have edited: all of it is checked while it is read.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

use crate::atom::Atom;
use crate::error::Error;
use crate::failure::Failure;
use crate::package_name::{BareName, CategoryName, Cpv, PackageName, RepositoryName, SlotName};
use crate::use_flag::{UseFlag, UseSetting};
use crate::version::Version;
use crate::wire::{FileName, Hex512, RelativePath, Sha256Hex, SourceUri};

/// What is to be resolved: one JSON document on the resolver's standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// What is asked for in ROOT.
    pub packages: Vec<Atom>,
    /// What only the builder needs.
    pub build_packages: Vec<Atom>,
    /// ROOT, as the builder sees it.
    pub root: String,
    /// The settings of package.use; the resolver finds those that name a flag which the package does not have.
    pub package_use: BTreeMap<Atom, Vec<UseSetting>>,
    /// Exact versions that packages keep where that is possible: those of an earlier resolution. A package of which none is
    /// here may have any version.
    pub keep: Vec<Atom>,
    /// Packages that come before those of `keep`: they get the versions that they would have if nothing were kept.
    #[serde(rename = "move")]
    pub moves: Vec<PackageName>,
    /// Versions that packages must have, if they are chosen at all.
    pub only: Vec<Atom>,
}

impl Request {
    /// The JSON document.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, lists and maps with string keys are JSON")
    }
}

/// What the resolver answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Portage found a set of packages.
    Resolved(Resolution),
    /// Portage found none, and says why.
    Failed(Failure),
}

/// The packages that satisfy a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// The version of Portage that resolved.
    pub portage: String,
    /// The packages in merge order.
    pub packages: Vec<ResolvedPackage>,
}

/// One package as it is to be built: the ebuild, its USE flags, and what it is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolvedPackage {
    /// Its category.
    pub category: CategoryName,
    /// Its name within the category.
    pub name: BareName,
    /// Its version with the revision (PVR).
    pub version: Version,
    /// Its slot.
    pub slot: SlotName,
    /// Its sub-slot; the slot where the ebuild names none.
    pub subslot: SlotName,
    /// The ebuild repository that it comes from.
    pub repository: RepositoryName,
    /// The flags that are on, sorted, all of them of `iuse`.
    #[serde(rename = "use")]
    pub uses: Vec<UseFlag>,
    /// The flags that it has, sorted.
    pub iuse: Vec<UseFlag>,
    /// Its licences as the ebuild has them, after USE conditionals.
    pub license: String,
    /// What it is, in one line.
    pub description: String,
    /// Where its upstream is at home.
    pub homepage: String,
    /// SHA-256 of the ebuild.
    pub ebuild: Sha256Hex,
    /// Whether it is to be merged into the builder's own `/`.
    pub builder: bool,
    /// Whether it is to be merged into ROOT.
    pub root: bool,
    /// The packages of the same answer that it depends on, to be built or to run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Cpv>,
    /// Those of `needs` that it would not need if one of its flags were set otherwise, with each such setting.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_use: BTreeMap<Cpv, Vec<UseSetting>>,
    /// SHA-256 of each file beside the ebuild, by path below the package's folder.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<RelativePath, Sha256Hex>,
    /// SHA-256 of each eclass that the ebuild inherits, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub eclasses: BTreeMap<FileName, Sha256Hex>,
    /// The source archives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceFile>,
}

/// One source archive: what Portage calls a distfile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Its name in the folder of distfiles.
    pub name: FileName,
    /// Length in bytes.
    #[serde(deserialize_with = "sane_size")]
    pub size: u64,
    /// BLAKE2b-512, where the Manifest has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake2b: Option<Hex512>,
    /// SHA-512, where the Manifest has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha512: Option<Hex512>,
    /// Where it can be downloaded from, the first choice first.
    #[serde(deserialize_with = "usable_uris")]
    pub uris: Vec<SourceUri>,
}

/// No archive is larger than a petabyte, and TOML, which the lock is written in, has no larger integers than 2⁶³ - 1.
const MAX_SIZE: u64 = 1 << 50;

fn sane_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = u64::deserialize(deserializer)?;
    if size > MAX_SIZE {
        return Err(serde::de::Error::custom(format!("{size} bytes are no size of a source archive")));
    }
    Ok(size)
}

/// An ebuild may list `ftp://` beside others; what the host cannot download from is left out.
fn usable_uris<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SourceUri>, D::Error> {
    let all = Vec::<String>::deserialize(deserializer)?;
    Ok(all.iter().filter_map(|uri| uri.parse().ok()).collect())
}

impl Answer {
    /// Reads the resolver's standard output.
    ///
    /// # Errors
    /// [`Error::Answer`] where it is not the JSON of the protocol or holds a malformed name, digest or path;
    /// [`Error::Contradiction`] where its parts do not fit together.
    pub fn parse(json: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct FailureOnly {
            failure: Option<Failure>,
        }
        // The two shapes one after the other, not as an untagged enum, whose errors say neither line nor reason.
        let FailureOnly { failure } = serde_json::from_str(json).map_err(Error::Answer)?;
        if let Some(failure) = failure {
            return Ok(Self::Failed(failure));
        }
        let resolution: Resolution = serde_json::from_str(json).map_err(Error::Answer)?;
        resolution.check()?;
        Ok(Self::Resolved(resolution))
    }
}

impl Resolution {
    /// Looks whether its parts fit together.
    ///
    /// # Errors
    /// [`Error::Contradiction`] for a package that is there twice, needs what is not there, has flags on that it does not
    /// have, or sources without a digest.
    pub fn check(&self) -> Result<(), Error> {
        let mut known = BTreeSet::new();
        for package in &self.packages {
            let cpv = package.cpv();
            if known.contains(&cpv) {
                return Err(contradiction(&cpv, "it is there twice"));
            }
            known.insert(cpv);
        }
        self.packages.iter().try_for_each(|package| package.check(&known))
    }
}

impl ResolvedPackage {
    /// Category and name.
    pub fn package(&self) -> PackageName {
        PackageName::new(self.category.clone(), self.name.clone())
    }

    /// Category, name and version.
    pub fn cpv(&self) -> Cpv {
        Cpv::new(self.package(), self.version.clone())
    }

    /// Whether this is a package that `atom` means.
    pub fn matches(&self, atom: &Atom) -> bool {
        atom.matches_cpv(&self.cpv())
            && atom.slot().is_none_or(|slot| slot.matches(&self.slot, &self.subslot))
            && atom.repository().is_none_or(|repository| *repository == self.repository)
            && atom.use_dependencies().iter().all(|dependency| dependency.matches(&self.iuse, &self.uses))
    }

    fn check(&self, known: &BTreeSet<Cpv>) -> Result<(), Error> {
        let cpv = self.cpv();
        if let Some(need) = self.needs.iter().find(|need| !known.contains(need)) {
            return Err(contradiction(&cpv, format!("it needs `{need}`, which is not in the answer")));
        }
        if let Some(need) = self.by_use.keys().find(|need| !self.needs.contains(need)) {
            return Err(contradiction(&cpv, format!("a flag brings `{need}`, which it does not need")));
        }
        if let Some(flag) = self.uses.iter().find(|flag| !self.iuse.contains(flag)) {
            return Err(contradiction(&cpv, format!("its USE flag `{flag}` is on, and it has no such flag")));
        }
        let mut names = BTreeSet::new();
        for source in &self.sources {
            if !names.insert(&source.name) {
                return Err(contradiction(&cpv, format!("its source `{}` is there twice", source.name)));
            }
            if source.blake2b.is_none() && source.sha512.is_none() {
                return Err(contradiction(&cpv, format!("its source `{}` has no digest", source.name)));
            }
        }
        Ok(())
    }
}

fn contradiction(subject: &Cpv, reason: impl Into<String>) -> Error {
    Error::Contradiction { subject: subject.to_string(), reason: reason.into() }
}

#[cfg(test)]
mod tests;
