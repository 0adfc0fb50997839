//! Questions about the packages of a builder's repositories, and the answers of `search.py`.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::failure::Failure;

/// A question: one JSON document on the standard input of `search.py`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchRequest {
    /// The packages whose names or descriptions have all of these words; all packages without words.
    Search(Vec<String>),
    /// The versions and USE flags of a package: an atom, or a name without its category.
    Package(String),
}

impl SearchRequest {
    /// The JSON document.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings and lists are JSON")
    }
}

/// A package that a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundPackage {
    /// Its name, `category/name`.
    pub package: String,
    /// The version that a build would take; the newest one if it would take none.
    pub version: String,
    /// The reasons why a build takes no version: `~amd64 keyword`, `package.mask`. Empty if it takes one.
    pub masked: Vec<String>,
    /// The text of its ebuild, on one line.
    pub description: String,
}

/// A package with its versions, and the USE flags of one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageFlags {
    /// Its name, `category/name`.
    pub package: String,
    /// The text of its ebuild, on one line.
    pub description: String,
    /// The addresses of its project, separated by spaces.
    pub homepage: String,
    /// All versions, the newest first.
    pub versions: Vec<PackageVersion>,
    /// The version that a build would take; the newest one if it would take none.
    pub chosen: String,
    /// The USE flags of this version, by name.
    pub flags: Vec<FlagState>,
}

/// A version of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PackageVersion {
    /// The version, with its revision.
    pub version: String,
    /// The slot, with its subslot.
    pub slot: String,
    /// The keywords, as the ebuild has them.
    pub keywords: Vec<String>,
    /// The name of the repository.
    pub repository: String,
    /// The reasons why a build does not take it; empty if it may.
    pub masked: Vec<String>,
}

/// A USE flag of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlagState {
    /// Its name.
    pub flag: String,
    /// Whether a build has it on.
    pub on: bool,
    /// The part of the configuration that decides about it.
    pub source: FlagSource,
    /// Its text; empty if no repository has one.
    pub description: String,
}

/// A part of Portage's configuration that decides about a USE flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlagSource {
    /// The key `package-use`.
    PackageUse,
    /// The key `use`.
    Use,
    /// The profile's defaults.
    Profile,
    /// The profile forces it on.
    Force,
    /// The profile masks it.
    Mask,
    /// The ebuild's own default.
    Ebuild,
    /// Nothing: a flag is off.
    Default,
}

/// The answer of `search.py`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchAnswer {
    /// The packages that a search found, by name.
    Found(Vec<FoundPackage>),
    /// The package.
    Package(Box<PackageFlags>),
    /// Portage cannot read an ebuild, or no repository has the package.
    Failed(Box<Failure>),
}

impl SearchAnswer {
    /// Reads the standard output of `search.py`.
    ///
    /// # Errors
    /// [`Error::Answer`] if it is not the JSON of the protocol.
    pub fn parse(json: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        enum Document {
            Packages(Vec<FoundPackage>),
            Package(Box<PackageFlags>),
            Failure(Box<Failure>),
        }
        Ok(match serde_json::from_str(json).map_err(Error::Answer)? {
            Document::Packages(found) => Self::Found(found),
            Document::Package(package) => Self::Package(package),
            Document::Failure(failure) => Self::Failed(failure),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_documents_of_the_protocol() {
        for (request, expected) in [
            (SearchRequest::Search(vec!["png".into()]), r#"{"search":["png"]}"#),
            (SearchRequest::Package("a/b".into()), r#"{"package":"a/b"}"#),
        ] {
            assert_eq!(request.to_json(), expected);
        }
    }

    #[test]
    fn answers_are_read() {
        let found = r#"{"packages": [{"package": "a/b", "version": "1", "masked": [], "description": "x"}]}"#;
        assert!(matches!(SearchAnswer::parse(found), Ok(SearchAnswer::Found(found)) if found[0].version == "1"));
        let package = r#"{"package": {"package": "a/b", "description": "x", "homepage": "", "chosen": "1", "versions": [],
            "flags": [{"flag": "f", "on": true, "source": "package-use", "description": ""}]}}"#;
        let Ok(SearchAnswer::Package(package)) = SearchAnswer::parse(package) else { panic!("a package") };
        assert_eq!(package.flags[0].source, FlagSource::PackageUse);
        let failure = r#"{"failure": {"kind": "no-ebuilds", "atom": "x", "message": "no repository has it"}}"#;
        assert!(matches!(SearchAnswer::parse(failure), Ok(SearchAnswer::Failed(_))));
        for other in ["", "{}", r#"{"packages": [{}]}"#, r#"{"package": {"flags": 1}}"#] {
            assert!(SearchAnswer::parse(other).is_err(), "{other}");
        }
    }
}
