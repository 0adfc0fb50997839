//! `Tierce.lock`: what was resolved, beside Cargo.lock, made to be read in a diff.

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
    /// What the builder is made of.
    pub builder: LockedBuilder,
    /// The ebuild repositories as they were when the images were resolved.
    pub repositories: Vec<LockedRepository>,
    /// What each image resolved to, by name.
    pub images: Vec<LockedImage>,
}

/// The builder of a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedBuilder {
    /// `debian`, `image` or `rootfs`.
    pub base: String,
    /// The image's id or the root filesystem's digest, where the base is one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Version of Portage that the `debian` base installs, and the SHA-256 of its wheel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portage: Option<String>,
    /// First line of `rustc --version`: what compiled the programs.
    pub rustc: String,
    /// Digest of the rules by which the `debian` base chooses packages; other rules mean another choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// The Debian packages of the base, in the order in which a root is made of them.
    #[serde(default, with = "deb_lines", skip_serializing_if = "Vec::is_empty")]
    pub debs: Vec<Deb>,
    /// The ebuild repository that a base of one's own has itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<BaseRepository>,
}

/// The ebuild repository of a builder's base, in the place of the embedded one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseRepository {
    /// Its `repo_name`.
    pub name: String,
    /// The profile that the base has chosen, below the repository's `profiles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

impl BaseRepository {
    /// Where a base has it: Gentoo's own place.
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
    /// All that the resolution depended on, a line each; while it is the same, nothing is resolved again.
    pub inputs: Vec<String>,
    /// The packages in merge order.
    pub packages: Vec<ResolvedPackage>,
    /// Whether this is what was written. What is not, because somebody has edited or merged it, covers nothing.
    pub intact: bool,
}

impl LockedImage {
    /// What a resolution has come to.
    pub fn new(name: impl Into<String>, inputs: Vec<String>, packages: Vec<ResolvedPackage>) -> LockedImage {
        LockedImage { name: name.into(), inputs, packages, intact: true }
    }

    /// Whether this is the resolution for these inputs.
    pub fn covers(&self, inputs: &[String]) -> bool {
        self.intact && self.inputs == inputs
    }

    /// The atom of exactly each of its packages.
    pub fn exactly(&self) -> Vec<Atom> {
        let atom = |package: &ResolvedPackage| format!("={}::{}", package.cpv(), package.repository).parse();
        // Their parts were checked when they were made.
        self.packages.iter().filter_map(|package| atom(package).ok()).collect()
    }

    /// Digest of what is installed: for what is resolved on top of it.
    pub(crate) fn content(&self) -> String {
        // Serialising plain data into memory has no way to fail.
        digest(serde_json::to_vec(&self.packages).unwrap_or_default())
    }

    /// The packages of its ROOT.
    pub fn in_root(&self) -> impl Iterator<Item = &ResolvedPackage> {
        self.packages.iter().filter(|package| package.root)
    }

    /// Digest of all that the lock says of the image.
    fn checksum(&self) -> String {
        // Serialising plain data into memory has no way to fail.
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

    /// Puts an image in the place of the one of its name.
    pub fn set_image(&mut self, image: LockedImage) {
        self.images.retain(|other| other.name != image.name);
        self.images.push(image);
    }
}

#[cfg(test)]
mod tests;
