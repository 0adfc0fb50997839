//! The answer of the script that unmerges packages from a copy of a ROOT (`unmerge.py`).

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::package_name::Cpv;

/// What unmerging came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unmerged {
    /// The packages that are gone.
    pub removed: Vec<Cpv>,
    /// What those that are left say they need at run time and have no more.
    pub lacking: Vec<Lacking>,
}

/// A run-time dependency of a package that nothing satisfies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lacking {
    /// The package.
    pub package: Cpv,
    /// What it needs, as its ebuild has it.
    pub needs: String,
}

impl Unmerged {
    /// Reads the answer.
    ///
    /// # Errors
    /// [`Error::Unmerged`] for what is none.
    pub fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(Error::Unmerged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_anything_else_refused() {
        let text = r#"{"removed": ["a/b-1"], "lacking": [{"package": "a/c-2", "needs": ">=a/b-1 or a/d"}]}"#;
        let answer = Unmerged::parse(text).unwrap();
        assert_eq!(answer.removed, ["a/b-1".parse().unwrap()]);
        assert_eq!(answer.lacking[0].needs, ">=a/b-1 or a/d");
        for text in ["", "{}", r#"{"removed": ["../x"], "lacking": []}"#, r#"{"removed": [], "lacking": [1]}"#] {
            assert!(Unmerged::parse(text).is_err(), "{text}");
        }
    }
}
