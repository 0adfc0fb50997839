//! `Tierce.lock`: the resolved packages of the builder and the images, written for readable diffs.

mod deb_lines;
mod error;
mod text;

use serde::{Deserialize, Serialize};
use tierce_debian::Deb;
use tierce_portage::{Atom, ResolvedPackage};

use crate::key::digest;

pub use error::LockError;

/// The version of the format that this library reads and writes.
pub const LOCK_VERSION: u32 = 1;

/// The content of `Tierce.lock`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// The builder's base and packages.
    pub builder: LockedBuilder,
    /// The ebuild repositories at the time of the resolution.
    pub repositories: Vec<LockedRepository>,
    /// The resolution of each image.
    pub images: Vec<LockedImage>,
}

/// The builder of a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedBuilder {
    /// `debian`, `image` or `rootfs`.
    pub base: String,
    /// The image's id or the root filesystem's digest, for a base of the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The version of Portage in the `debian` base, and the SHA-256 of its wheel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portage: Option<String>,
    /// The first line of `rustc -vV`, of the compiler of the programs.
    pub rustc: String,
    /// Digest of the rules that select the packages of the `debian` base; other rules select again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// The Debian packages of the base, in the order in which they are unpacked.
    #[serde(default, with = "deb_lines", skip_serializing_if = "Vec::is_empty")]
    pub debs: Vec<Deb>,
    /// The ebuild repository of a base of the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<BaseRepository>,
}

/// The ebuild repository of a builder's base, which replaces the embedded one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseRepository {
    /// Its `repo_name`.
    pub name: String,
    /// The profile that the base has selected, below the repository's `profiles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

impl BaseRepository {
    /// The repository's folder in a base, as in Gentoo.
    pub const LOCATION: &str = "/var/db/repos/gentoo";
}

/// One ebuild repository of a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedRepository {
    /// Its `repo_name`.
    pub name: String,
    /// Digest over its files.
    pub digest: String,
}

/// One image of a lock.
#[derive(Clone, Debug, PartialEq)]
pub struct LockedImage {
    /// The image's name.
    pub name: String,
    /// The inputs of the resolution, a line each; while they are the same, the image is not resolved.
    pub inputs: Vec<String>,
    /// The packages in merge order.
    pub packages: Vec<ResolvedPackage>,
    /// Whether the checksum is right. An entry that was edited or merged covers no inputs.
    pub intact: bool,
}

impl LockedImage {
    /// The result of a resolution.
    pub fn new(name: impl Into<String>, inputs: Vec<String>, packages: Vec<ResolvedPackage>) -> LockedImage {
        LockedImage { name: name.into(), inputs, packages, intact: true }
    }

    /// Whether this is the resolution for these inputs.
    pub fn covers(&self, inputs: &[String]) -> bool {
        self.intact && self.inputs == inputs
    }

    /// An atom for each package, with its exact version and repository.
    pub fn exactly(&self) -> Vec<Atom> {
        let atom = |package: &ResolvedPackage| format!("={}::{}", package.cpv(), package.repository).parse();
        // The parts of a package were checked on creation.
        self.packages.iter().filter_map(|package| atom(package).ok()).collect()
    }

    /// Digest of the packages, an input of the images on top of this one.
    pub(crate) fn content(&self) -> String {
        // Serialising plain data into memory does not fail.
        digest(serde_json::to_vec(&self.packages).unwrap_or_default())
    }

    /// The packages of its ROOT.
    pub fn in_root(&self) -> impl Iterator<Item = &ResolvedPackage> {
        self.packages.iter().filter(|package| package.root)
    }

    /// Digest of the image's entry.
    fn checksum(&self) -> String {
        // Serialising plain data into memory does not fail.
        digest(serde_json::to_vec(&(&self.name, &self.inputs, &self.packages)).unwrap_or_default())
    }
}

impl Lock {
    /// Reads the text of a lock.
    ///
    /// # Errors
    /// See [`LockError`].
    pub fn parse(text: &str) -> Result<Lock, LockError> {
        text::parse(text)
    }

    /// The text of the lock, in a stable order.
    pub fn to_text(&self) -> String {
        text::write(self)
    }

    /// The locked image of this name.
    pub fn image(&self, name: &str) -> Option<&LockedImage> {
        self.images.iter().find(|image| image.name == name)
    }

    /// Adds an image, or replaces the one of its name.
    pub fn set_image(&mut self, image: LockedImage) {
        self.images.retain(|other| other.name != image.name);
        self.images.push(image);
    }
}

#[cfg(test)]
mod tests;
