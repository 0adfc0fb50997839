//! The answer of `unmerge.py`, which unmerges packages from a copy of a ROOT.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::package_name::Cpv;

/// The result of unmerging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unmerged {
    /// The removed packages.
    pub removed: Vec<Cpv>,
    /// The run-time dependencies of the remaining packages that no package satisfies.
    pub lacking: Vec<Lacking>,
}

/// A run-time dependency that no package satisfies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lacking {
    /// The package.
    pub package: Cpv,
    /// The dependency, as its ebuild writes it.
    pub needs: String,
}

impl Unmerged {
    /// Reads the answer.
    ///
    /// # Errors
    /// [`Error::Unmerged`] if the text is not the JSON of the protocol.
    pub fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(Error::Unmerged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_answers_are_errors() {
        let text = r#"{"removed": ["a/b-1"], "lacking": [{"package": "a/c-2", "needs": ">=a/b-1 or a/d"}]}"#;
        let answer = Unmerged::parse(text).unwrap();
        assert_eq!(answer.removed, ["a/b-1".parse().unwrap()]);
        assert_eq!(answer.lacking[0].needs, ">=a/b-1 or a/d");
        for text in ["", "{}", r#"{"removed": ["../x"], "lacking": []}"#, r#"{"removed": [], "lacking": [1]}"#] {
            assert!(Unmerged::parse(text).is_err(), "{text}");
        }
    }
}
