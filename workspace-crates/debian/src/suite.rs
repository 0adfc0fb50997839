//! The three indexes of a suite: its release, its updates between point releases, and its security updates.

use serde::{Deserialize, Serialize};

use crate::sources::DEBIAN_SUITES;

/// The part of a suite that has a package: each has an index of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SuitePart {
    /// The release with its point releases: "trixie".
    #[default]
    Release,
    /// Updates that the next point release will contain: "trixie-updates".
    Updates,
    /// Security updates, of another archive with other keys: "trixie-security".
    Security,
}

/// An archive of Debian: a pool of files and the suites that name them. A mirror serves each below a base URI of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DebianArchive {
    /// `debian`, with the releases and their updates.
    Main,
    /// `debian-security`.
    Security,
}

impl SuitePart {
    /// Every part, in the order in which a tie between equal versions is decided.
    pub const ALL: [Self; 3] = [Self::Release, Self::Updates, Self::Security];

    /// The word for it in Tierce.lock: "release", "updates", "security".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Updates => "updates",
            Self::Security => "security",
        }
    }

    /// The part of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == word)
    }

    /// The suite's name in a mirror and in `Codename`: "trixie-security" of "trixie".
    pub fn suite(self, codename: &str) -> String {
        match self {
            Self::Release => codename.to_owned(),
            Self::Updates | Self::Security => format!("{codename}-{}", self.as_str()),
        }
    }

    /// The archive that has the index and the files that it names.
    pub fn archive(self) -> DebianArchive {
        match self {
            Self::Release | Self::Updates => DebianArchive::Main,
            Self::Security => DebianArchive::Security,
        }
    }
}

impl DebianArchive {
    /// The archive's name in `mirror://` URIs: "debian", "debian-security".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "debian",
            Self::Security => "debian-security",
        }
    }

    /// The keys that sign its indexes, as a keyring file for gpgv.
    pub fn keyring(self) -> &'static [u8] {
        match self {
            Self::Main => include_bytes!("../keys/debian-archive.gpg"),
            Self::Security => include_bytes!("../keys/debian-security.gpg"),
        }
    }

    /// The names by which apt sources select suites of this archive. A mirror that serves one of them serves them all.
    pub fn suites(self) -> Vec<String> {
        let suffix = if self == Self::Security { "-security" } else { "" };
        DEBIAN_SUITES.iter().map(|suite| format!("{suite}{suffix}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_are_named_as_in_a_mirror() {
        let names = SuitePart::ALL.map(|part| part.suite("trixie"));
        assert_eq!(names, ["trixie", "trixie-updates", "trixie-security"]);
        let archives = SuitePart::ALL.map(|part| part.archive().as_str());
        assert_eq!(archives, ["debian", "debian", "debian-security"]);
    }

    #[test]
    fn words_are_read_back() {
        for part in SuitePart::ALL {
            assert_eq!(SuitePart::of(part.as_str()), Some(part));
        }
        assert_eq!(SuitePart::of("proposed"), None);
    }

    #[test]
    fn archives_have_other_keys() {
        assert_ne!(DebianArchive::Main.keyring(), DebianArchive::Security.keyring());
        assert!(DebianArchive::Security.suites().contains(&"trixie-security".to_owned()));
    }
}
