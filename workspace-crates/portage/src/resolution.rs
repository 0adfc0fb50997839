//! The request to the resolver that runs in the builder (`resolve.py`) and its answer.
//!
//! The answer is from a container that runs the shell code of ebuilds, and the same types are read from a lock that
//! anybody may have edited. So all data is checked on reading.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};

use crate::atom::Atom;
use crate::error::Error;
use crate::failure::Failure;
use crate::package_name::{BareName, CategoryName, Cpv, PackageName, RepositoryName, SlotName};
use crate::use_flag::{UseFlag, UseSetting};
use crate::version::Version;
use crate::wire::{FileName, Hex512, RelativePath, Sha256Hex, SourceUri};

/// A request: one JSON document on the resolver's standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The requested packages of ROOT.
    pub packages: Vec<Atom>,
    /// The requested packages of the builder only.
    pub build_packages: Vec<Atom>,
    /// The path of ROOT in the builder.
    pub root: String,
    /// The settings of package.use, which the resolver checks for unknown flags.
    pub package_use: BTreeMap<Atom, Vec<UseSetting>>,
    /// The exact versions of an earlier resolution, which packages keep if possible. Other packages may have any
    /// version.
    pub keep: Vec<Atom>,
    /// The packages that get the versions that they would have without `keep`; they win over `keep`.
    #[serde(rename = "move")]
    pub moves: Vec<PackageName>,
    /// The versions that packages must have, if the resolution has them.
    pub only: Vec<Atom>,
}

impl Request {
    /// The JSON document.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, lists and maps with string keys are JSON")
    }
}

/// The resolver's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Portage found a set of packages.
    Resolved(Resolution),
    /// Portage found no set of packages.
    Failed(Failure),
}

/// The packages that satisfy a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolution {
    /// The version of Portage.
    pub portage: String,
    /// The packages in merge order.
    pub packages: Vec<ResolvedPackage>,
}

/// A resolved package: its ebuild, USE flags and sources.
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
    /// Its sub-slot; the slot if the ebuild names none.
    pub subslot: SlotName,
    /// Its ebuild repository.
    pub repository: RepositoryName,
    /// The enabled flags of `iuse`, sorted.
    #[serde(rename = "use")]
    pub uses: Vec<UseFlag>,
    /// Its flags, sorted.
    pub iuse: Vec<UseFlag>,
    /// Its licences, with USE conditionals evaluated.
    pub license: String,
    /// Its description, in one line.
    pub description: String,
    /// The address of its upstream.
    pub homepage: String,
    /// SHA-256 of the ebuild.
    pub ebuild: Sha256Hex,
    /// Whether it is merged into the builder's own `/`.
    pub builder: bool,
    /// Whether it is merged into ROOT.
    pub root: bool,
    /// Its dependencies for building and running, all of the same answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Cpv>,
    /// The dependencies of `needs` that another setting of a flag would remove, with the current settings.
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

/// A source archive: a distfile in Portage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// Its name in the folder of distfiles.
    pub name: FileName,
    /// Its size, in bytes.
    #[serde(deserialize_with = "sane_size")]
    pub size: u64,
    /// Its BLAKE2b-512 digest, if the Manifest has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake2b: Option<Hex512>,
    /// Its SHA-512 digest, if the Manifest has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha512: Option<Hex512>,
    /// Its addresses, in the order of preference.
    #[serde(deserialize_with = "usable_uris")]
    pub uris: Vec<SourceUri>,
}

/// No archive is larger than a petabyte, and integers of TOML, the format of the lock, end at 2⁶³ - 1.
const MAX_SIZE: u64 = 1 << 50;

fn sane_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let size = u64::deserialize(deserializer)?;
    if size > MAX_SIZE {
        return Err(serde::de::Error::custom(format!("a source archive cannot have {size} bytes")));
    }
    Ok(size)
}

/// Drops the addresses that the host cannot download, such as `ftp://`.
fn usable_uris<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SourceUri>, D::Error> {
    let all = Vec::<String>::deserialize(deserializer)?;
    Ok(all.iter().filter_map(|uri| uri.parse().ok()).collect())
}

impl Answer {
    /// Reads the resolver's standard output.
    ///
    /// # Errors
    /// [`Error::Answer`] if it is not the JSON of the protocol or has a malformed name, digest or path;
    /// [`Error::Contradiction`] if its parts contradict each other.
    pub fn parse(json: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct FailureOnly {
            failure: Option<Failure>,
        }
        // Not an untagged enum, whose errors have neither line nor reason.
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
    /// Checks that its parts do not contradict each other.
    ///
    /// # Errors
    /// [`Error::Contradiction`] for a package that is repeated, or has a missing dependency, an unknown enabled flag
    /// or a source without a digest.
    pub fn check(&self) -> Result<(), Error> {
        let mut known = BTreeSet::new();
        for package in &self.packages {
            let cpv = package.cpv();
            if known.contains(&cpv) {
                return Err(contradiction(&cpv, "it is repeated"));
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

    /// Whether `atom` matches the package, with slot, repository and USE flags.
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
        let needs: BTreeSet<&Cpv> = self.needs.iter().collect();
        if let Some(need) = self.by_use.keys().find(|need| !needs.contains(need)) {
            return Err(contradiction(&cpv, format!("a flag requires `{need}`, which it does not need")));
        }
        let iuse: BTreeSet<&UseFlag> = self.iuse.iter().collect();
        if let Some(flag) = self.uses.iter().find(|flag| !iuse.contains(flag)) {
            return Err(contradiction(&cpv, format!("its USE flag `{flag}` is enabled but not in its IUSE")));
        }
        let mut names = BTreeSet::new();
        for source in &self.sources {
            if !names.insert(&source.name) {
                return Err(contradiction(&cpv, format!("its source `{}` is repeated", source.name)));
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
