//! `Tierce.lock`: what was resolved, beside Cargo.lock, made to be read in a diff.

use serde::{Deserialize, Serialize};
use tierce_debian::Deb;
use tierce_portage::ResolvedPackage;

/// The version of the format that this library writes.
pub const LOCK_VERSION: u32 = 1;

const HEADER: &str = "# This file is written by Tierce and not meant to be edited: it is what makes two builds of one commit the same.\n";

/// Why a lock could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The text is not TOML or not a lock.
    #[error("{}", .0.message().lines().next().unwrap_or_default())]
    Malformed(Box<toml::de::Error>),
    /// A later version of Tierce wrote it.
    #[error("the lock has version {found}; this Tierce reads up to version {LOCK_VERSION}")]
    Newer {
        /// The version that the file names.
        found: u32,
    },
}

impl LockError {
    /// The bytes of the text to blame, where they are known.
    pub fn span(&self) -> Option<std::ops::Range<usize>> {
        match self {
            LockError::Malformed(error) => error.span(),
            LockError::Newer { .. } => None,
        }
    }
}

/// The content of `Tierce.lock`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// [`LOCK_VERSION`].
    pub version: u32,
    /// What the builder is made of.
    pub builder: LockedBuilder,
    /// The ebuild repositories as they were when the images were resolved.
    #[serde(default, rename = "repository")]
    pub repositories: Vec<LockedRepository>,
    /// What each image resolved to, by name.
    #[serde(default, rename = "image")]
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
    /// Version of Portage that the `debian` base installs.
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedImage {
    /// The image's name.
    pub name: String,
    /// Digest of all that the resolution depended on; while it is the same, nothing is resolved again.
    pub inputs: String,
    /// The packages in merge order.
    #[serde(default, rename = "package")]
    pub packages: Vec<ResolvedPackage>,
}

/// Debian packages as a line each, so that a changed one is a changed line: name, version, architecture, size, SHA-256 and the
/// path below the mirror's base.
mod deb_lines {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use tierce_debian::Deb;

    pub(super) fn serialize<S: Serializer>(debs: &[Deb], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(debs.iter().map(|deb| {
            let Deb { name, version, architecture, filename, size, sha256 } = deb;
            format!("{name} {version} {architecture} {size} {sha256} {filename}")
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Deb>, D::Error> {
        let lines = Vec::<String>::deserialize(deserializer)?;
        lines
            .iter()
            .map(|line| parse(line).ok_or_else(|| D::Error::custom(format!("no Debian package: {line:?}"))))
            .collect()
    }

    fn parse(line: &str) -> Option<Deb> {
        let mut words = line.split(' ').map(str::to_owned);
        let (name, version, architecture) = (words.next()?, words.next()?, words.next()?);
        let (size, sha256, filename) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_inside = !filename.starts_with('/') && !filename.split('/').any(|part| part == "..");
        (words.next().is_none() && is_digest && is_inside).then_some(Deb {
            name,
            version,
            architecture,
            filename,
            size,
            sha256,
        })
    }
}

impl Lock {
    /// Reads the text of a lock.
    ///
    /// # Errors
    /// See [`LockError`].
    pub fn parse(text: &str) -> Result<Lock, LockError> {
        #[derive(Deserialize)]
        struct VersionOnly {
            version: u32,
        }
        let malformed = |error| LockError::Malformed(Box::new(error));
        // The version first: a later format may well have keys that this one does not know.
        let VersionOnly { version } = toml::from_str(text).map_err(malformed)?;
        if version > LOCK_VERSION {
            return Err(LockError::Newer { found: version });
        }
        toml::from_str(text).map_err(malformed)
    }

    /// The text of the lock, in a stable order.
    pub fn to_text(&self) -> String {
        let mut sorted = self.clone();
        sorted.version = LOCK_VERSION;
        sorted.repositories.sort_by(|a, b| a.name.cmp(&b.name));
        sorted.images.sort_by(|a, b| a.name.cmp(&b.name));
        let body = toml::to_string_pretty(&sorted).expect("a lock holds nothing that TOML cannot say");
        format!("{HEADER}{body}")
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
mod tests {
    use super::*;

    fn lock() -> Lock {
        Lock {
            version: LOCK_VERSION,
            builder: LockedBuilder {
                base: "debian".into(),
                rustc: "rustc 1.95.0".into(),
                debs: vec![Deb {
                    name: "bash".into(),
                    version: "5.2-1".into(),
                    architecture: "amd64".into(),
                    filename: "pool/main/b/bash/bash_5.2-1_amd64.deb".into(),
                    size: 12,
                    sha256: "ab".repeat(32),
                }],
                ..LockedBuilder::default()
            },
            repositories: vec![LockedRepository { name: "tierce".into(), digest: "cd".repeat(32) }],
            images: vec![LockedImage { name: "hello".into(), inputs: "ef".repeat(32), packages: vec![] }],
        }
    }

    #[test]
    fn text_and_back_is_the_same() {
        assert_eq!(Lock::parse(&lock().to_text()).expect("own text"), lock());
    }

    #[test]
    fn what_is_not_a_lock_is_refused() {
        for (text, message) in [
            ("version = 2", "the lock has version 2; this Tierce reads up to version 1"),
            ("", "missing field `version`"),
            ("version = 1\n[builder]\nbase = \"debian\"\nrustc = \"\"\ncolour = 1", "unknown field `colour`"),
            ("<<<<<<< HEAD", "key with no value, expected `=`"),
        ] {
            let error = Lock::parse(text).expect_err(text).to_string();
            assert!(error.contains(message), "{text:?}: {error}");
        }
    }
}
