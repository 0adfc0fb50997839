//! The installed-package database, `var/db/pkg/CATEGORY/PF/…`: the owners of files and the providers of libraries.
//!
//! It is from a container in which the shell code of packages ran, so every line is checked. A malformed line is an
//! error with its file and number: nobody would notice a missing owner or licence.

mod contents;
mod needed;
mod stub;

use std::collections::BTreeMap;

use crate::error::Error;
use crate::package_name::{Cpv, RepositoryName, SlotName};
use crate::use_flag::UseFlag;

pub use contents::{ContentsEntry, ContentsKind, parse_contents};
pub use needed::{NeededEntry, parse_needed, parse_provides};
pub use stub::{Stub, stub_version};

/// The folder of the database in a root filesystem, without a leading slash.
pub const DATABASE: &str = "var/db/pkg";

/// The installed packages of a root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledDatabase {
    packages: BTreeMap<Cpv, InstalledPackage>,
}

/// An installed package. A fact that the database does not have is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledPackage {
    /// Its slot.
    pub slot: Option<SlotName>,
    /// Its sub-slot, if it is not the slot.
    pub subslot: Option<SlotName>,
    /// Its ebuild repository.
    pub repository: Option<RepositoryName>,
    /// The enabled flags, with those of the profile.
    pub uses: Vec<UseFlag>,
    /// Its licences, as the ebuild writes them.
    pub license: String,
    /// The size of its files in bytes, counted by Portage.
    pub size: u64,
    /// Its files.
    pub contents: Vec<ContentsEntry>,
    /// The sonames that its ELF files need. INSTALL_MASK may have dropped some of these files.
    pub needed: Vec<NeededEntry>,
    /// The sonames that it provides.
    pub provides: Vec<String>,
}

impl InstalledDatabase {
    /// Reads the files of a database: pairs of the path below the root filesystem (`var/db/pkg/sys-libs/zlib-1.3/SLOT`)
    /// and the text. Other files (`environment.bz2`) are ignored.
    ///
    /// # Errors
    /// [`Error::Database`] if a path or a text is malformed.
    pub fn from_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, Error> {
        let mut packages: BTreeMap<Cpv, InstalledPackage> = BTreeMap::new();
        for (path, bytes) in files {
            let Some((cpv, name)) = split_path(path)? else { continue };
            let package = packages.entry(cpv).or_default();
            if is_read(name) {
                let text = std::str::from_utf8(bytes).map_err(|_| malformed(path, 1, "not UTF-8"))?;
                package.read(path, name, text)?;
            }
        }
        Ok(Self { packages })
    }

    /// Whether [`from_files`](Self::from_files) reads this path below a root filesystem.
    pub fn wants(path: &str) -> bool {
        path.strip_prefix(DATABASE).is_some_and(|rest| rest.starts_with('/'))
            && path.rsplit('/').next().is_some_and(is_read)
    }

    /// The packages, sorted by name and version.
    pub fn packages(&self) -> impl Iterator<Item = (&Cpv, &InstalledPackage)> {
        self.packages.iter()
    }

    /// The package with exactly this version.
    pub fn package(&self, cpv: &Cpv) -> Option<&InstalledPackage> {
        self.packages.get(cpv)
    }

    /// The first package that provides this soname.
    pub fn provider(&self, soname: &str) -> Option<&Cpv> {
        let provides = |package: &InstalledPackage| {
            package.provides.iter().any(|provided| provided == soname)
                || package.needed.iter().any(|entry| entry.soname.as_deref() == Some(soname))
        };
        self.packages.iter().find(|(_, package)| provides(package)).map(|(cpv, _)| cpv)
    }

    /// The owners of files.
    ///
    /// The database has the path of the ebuild, `/lib64/libz.so.1`, while the root may have a link `/lib64`.
    /// `normalise` returns the path for the caller's lookups; without such links, use `str::to_owned`. A shared file
    /// belongs to the last of its packages, in the order of [`packages`](Self::packages).
    pub fn owners(&self, normalise: impl Fn(&str) -> String) -> Owners {
        let mut owners = BTreeMap::new();
        for (cpv, package) in &self.packages {
            let files = package.contents.iter().filter(|entry| entry.kind != ContentsKind::Directory);
            owners.extend(files.map(|entry| (normalise(&entry.path), cpv.clone())));
        }
        Owners(owners)
    }
}

/// The owner by path, for files and symbolic links. Folders are left out: they have many owners.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners(BTreeMap<String, Cpv>);

impl Owners {
    /// The owner of the file at this absolute path, normalised by the function of [`InstalledDatabase::owners`].
    pub fn owner(&self, path: &str) -> Option<&Cpv> {
        self.0.get(path)
    }

    /// All paths with their owners, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Cpv)> {
        self.0.iter().map(|(path, cpv)| (path.as_str(), cpv))
    }
}

impl InstalledPackage {
    fn read(&mut self, path: &str, name: &str, text: &str) -> Result<(), Error> {
        let line = text.trim();
        let fault = |reason: String| malformed(path, 1, reason);
        match name {
            "CONTENTS" => self.contents = parse_contents(path, text)?,
            "NEEDED.ELF.2" => self.needed = parse_needed(path, text)?,
            "PROVIDES" => self.provides = parse_provides(path, text)?,
            "SLOT" => {
                let (slot, subslot) = line.split_once('/').map_or((line, None), |(slot, sub)| (slot, Some(sub)));
                self.slot = Some(slot.parse().map_err(|error| fault(format!("{error}")))?);
                self.subslot = subslot.map(str::parse).transpose().map_err(|error| fault(format!("{error}")))?;
            }
            "repository" => self.repository = Some(line.parse().map_err(|error| fault(format!("{error}")))?),
            "USE" => {
                let flags: Result<_, _> = line.split_whitespace().map(str::parse).collect();
                self.uses = flags.map_err(|error| fault(format!("{error}")))?;
            }
            "LICENSE" => self.license = line.to_owned(),
            "SIZE" => self.size = line.parse().map_err(|_| fault("not a number of bytes".to_owned()))?,
            _ => {}
        }
        Ok(())
    }
}

fn is_read(name: &str) -> bool {
    matches!(name, "CONTENTS" | "NEEDED.ELF.2" | "PROVIDES" | "SLOT" | "repository" | "USE" | "LICENSE" | "SIZE")
}

/// Splits `var/db/pkg/CATEGORY/PF/NAME` into package and name; `None` for other files, such as lock files.
fn split_path(path: &str) -> Result<Option<(Cpv, &str)>, Error> {
    let Some(rest) = path.strip_prefix(DATABASE).and_then(|rest| rest.strip_prefix('/')) else {
        return Ok(None);
    };
    let Some((cpv, name)) = rest.rsplit_once('/') else { return Ok(None) };
    // Portage merges into `-MERGING-PF` and renames it at the end: this name is of an interrupted merge.
    if cpv.split('/').count() != 2 || cpv.contains("/-MERGING-") {
        return Ok(None);
    }
    match cpv.parse() {
        Ok(cpv) => Ok(Some((cpv, name))),
        Err(error) => Err(malformed(path, 1, format!("{error}"))),
    }
}

fn malformed(file: &str, line: usize, reason: impl Into<String>) -> Error {
    Error::Database { file: file.escape_debug().to_string(), line, reason: reason.into() }
}

#[cfg(test)]
mod tests;
