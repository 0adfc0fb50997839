//! Manifests: the sources that a repository's ebuilds name (`manifest.py`), and the text with their digests (GLEP 74).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::failure::Failure;
use crate::package_name::{PackageName, RepositoryName};
use crate::wire::{FileName, Hex512};

/// A request: one JSON document on the standard input of `manifest.py`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManifestRequest {
    /// The repository.
    pub repository: RepositoryName,
    /// Its packages; empty for all of them.
    pub packages: Vec<PackageName>,
}

impl ManifestRequest {
    /// The JSON document.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and lists are JSON")
    }
}

/// The sources of a package, for all its versions and USE flags.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageSources {
    /// The package.
    pub package: PackageName,
    /// The sources, by name.
    pub sources: Vec<NamedSource>,
}

/// A source without its digests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedSource {
    /// Its name in the folder of distfiles.
    pub name: FileName,
    /// Its addresses, in the order of preference.
    pub uris: Vec<String>,
    /// Whether a program may download it; false with `RESTRICT="fetch"`.
    pub fetch: bool,
}

/// The answer of `manifest.py`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestAnswer {
    /// The sources of each package.
    Sources(Vec<PackageSources>),
    /// Portage cannot read an ebuild, or the repository lacks a package.
    Failed(Box<Failure>),
}

impl ManifestAnswer {
    /// Reads the standard output of `manifest.py`.
    ///
    /// # Errors
    /// [`Error::Answer`] if it is not the JSON of the protocol or has a malformed name.
    pub fn parse(json: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Document {
            failure: Option<Failure>,
            #[serde(default)]
            packages: Vec<PackageSources>,
        }
        let Document { failure, packages } = serde_json::from_str(json).map_err(Error::Answer)?;
        Ok(failure.map_or(Self::Sources(packages), |failure| Self::Failed(Box::new(failure))))
    }
}

/// A line of a Manifest: a source and its digests. `Display` is that line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestEntry {
    /// The source's name.
    pub name: FileName,
    /// Its size, in bytes.
    pub size: u64,
    /// Its BLAKE2b-512 digest.
    pub blake2b: Hex512,
    /// Its SHA-512 digest.
    pub sha512: Hex512,
}

impl fmt::Display for ManifestEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, size, blake2b, sha512 } = self;
        write!(formatter, "DIST {name} {size} BLAKE2B {blake2b} SHA512 {sha512}")
    }
}

/// The kind and the name of a line of a Manifest.
fn kind_and_name(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split_whitespace();
    Some((words.next()?, words.next()?))
}

/// Returns the names of the sources that a Manifest has.
pub fn manifest_sources(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(kind_and_name).filter(|(kind, _)| *kind == "DIST").map(|(_, name)| name).collect()
}

/// Returns a Manifest with these entries. Of the old text it keeps the entries of `kept`, and all lines that are not about sources.
pub fn manifest_text(old: &str, kept: &BTreeSet<&str>, entries: &[ManifestEntry]) -> String {
    let stays = |line: &&str| kind_and_name(line).is_none_or(|(kind, name)| kind != "DIST" || kept.contains(name));
    let mut lines: Vec<String> = old.lines().filter(stays).map(str::to_owned).collect();
    lines.extend(entries.iter().map(ManifestEntry::to_string));
    lines.retain(|line| !line.trim().is_empty());
    // The order in which Portage writes them.
    lines.sort();
    lines.dedup();
    lines.into_iter().map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_has_sources_or_failure() {
        let json = r#"{"packages": [{"package": "a/b", "sources": [{"name": "b-1.tar", "uris": ["https://h/b-1.tar"], "fetch": true}]}]}"#;
        let ManifestAnswer::Sources(packages) = ManifestAnswer::parse(json).unwrap() else { panic!("sources") };
        assert_eq!(
            (packages[0].package.to_string(), packages[0].sources[0].name.to_string()),
            ("a/b".into(), "b-1.tar".into())
        );
        let failed = ManifestAnswer::parse(r#"{"failure": {"kind": "other", "message": "no"}}"#).unwrap();
        assert!(matches!(failed, ManifestAnswer::Failed(failure) if failure.to_string() == "no"));
        let outside = json.replace("b-1.tar\",", "../b\",");
        assert!(ManifestAnswer::parse(&outside).is_err());
    }

    #[test]
    fn manifest_keeps_known_entries_and_drops_unused_ones() {
        let (blake2b, sha512): (Hex512, Hex512) = ("a".repeat(128).parse().unwrap(), "b".repeat(128).parse().unwrap());
        let entry = |name: &str| ManifestEntry {
            name: name.parse().unwrap(),
            size: 7,
            blake2b: blake2b.clone(),
            sha512: sha512.clone(),
        };
        let line = |name: &str| format!("DIST {name} 7 BLAKE2B {blake2b} SHA512 {sha512}\n");
        assert_eq!(manifest_text("", &BTreeSet::new(), &[entry("b"), entry("a")]), line("a") + &line("b"));
        let old =
            format!("{}DIST gone 1 SHA512 x\nDIST kept 1 SHA512 y\n\nMISC metadata.xml 1 SHA512 z\n", line("old"));
        assert_eq!(manifest_sources(&old), ["gone", "kept", "old"].into());
        let kept = ["kept", "old"].into();
        let expected = format!("{}DIST kept 1 SHA512 y\n{}MISC metadata.xml 1 SHA512 z\n", line("a"), line("old"));
        assert_eq!(manifest_text(&old, &kept, &[entry("a")]), expected);
        assert_eq!(manifest_text("DIST gone 1 SHA512 x\n", &BTreeSet::new(), &[]), "");
    }
}
