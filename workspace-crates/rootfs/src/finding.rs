//! Warnings and notes about the files of an image.

use serde::{Deserialize, Serialize};
use tierce_elf::Priority;

use crate::reason::Evidence;

/// A warning or note for the report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "finding")]
pub enum Finding {
    /// The image lacks a library of a dlopen note: it is suggested only, or recommended and absent.
    DlopenNotTaken {
        /// The file with the note.
        by: String,
        /// The names; one of them is enough.
        sonames: Vec<String>,
        /// The feature, where it has a name.
        feature: Option<String>,
        /// How much the file depends on it.
        priority: Priority,
    },
    /// A file has a malformed dlopen note, so the libraries that it loads are unknown.
    MalformedDlopenNote {
        /// The file.
        path: String,
    },
    /// A glob keeps a path out of the image that would be in it.
    Pruned {
        /// Its path.
        path: String,
        /// The glob.
        pattern: String,
    },
    /// A glob of `keep` matches nothing.
    UnmatchedKeep {
        /// The glob, or the name of a preset.
        pattern: String,
        /// The most similar path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
    /// A glob of `remove` matches nothing, neither in ROOT nor among declared files.
    UnmatchedRemove {
        /// The glob.
        pattern: String,
        /// The most similar path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
    /// A glob of `prune` matches nothing.
    UnmatchedPrune {
        /// The glob.
        pattern: String,
        /// The most similar path.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
    /// A package's run-time dependency was unmerged.
    LackingDependency {
        /// `category/name-version`.
        package: String,
        /// The dependency, as its ebuild names it.
        needs: String,
    },
    /// Something is absent, and `allow-missing` covers the file that needs it.
    AllowedMissing {
        /// The file.
        path: String,
        /// The absent thing.
        wanted: String,
        /// The glob that allows it.
        pattern: String,
    },
    /// A run-time dependency applies, and the image lacks the files that serve it.
    #[serde(rename = "hidden-missing")]
    RuntimeDepMissing {
        /// The dependency's name.
        name: String,
        /// The file that has it.
        by: String,
        /// The evidence in the file.
        trigger: Evidence,
        /// The effect.
        without: String,
        /// The glob or preset that keeps its files out.
        pruned: Option<String>,
    },
    /// A script's interpreter is absent.
    ScriptInterpreterAbsent {
        /// The script.
        script: String,
        /// The path after its `#!`.
        interpreter: String,
    },
    /// The table asks for a package, and the image has no file of it.
    UnusedPackage {
        /// `category/name`.
        package: String,
        /// The crates of the program that could link its library.
        crates: Vec<String>,
    },
    /// A link of the image leads to nothing.
    DanglingLink {
        /// The link.
        path: String,
    },
    /// The image has an external base, whose packages are unknown.
    ForeignBase {
        /// Its reference, or the image of the workspace that is built on it.
        image: String,
        /// Files of the base whose place another file takes, or that the base's programs no longer find.
        replaced: Vec<String>,
        /// The versions of the base's C library and of the older one that its programs get now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        older_libc: Option<[(u16, u16); 2]>,
    },
}

impl Finding {
    /// Whether the image might lack something that it needs: `strict` makes these errors.
    #[must_use]
    pub fn might_be_missing(&self) -> bool {
        match self {
            Self::DlopenNotTaken { priority, .. } => *priority != Priority::Suggested,
            Self::RuntimeDepMissing { .. }
            | Self::MalformedDlopenNote { .. }
            | Self::ScriptInterpreterAbsent { .. } => true,
            Self::DanglingLink { .. } | Self::UnusedPackage { .. } => true,
            Self::Pruned { .. } => false,
            Self::UnmatchedKeep { .. } | Self::UnmatchedPrune { .. } | Self::UnmatchedRemove { .. } => false,
            // `allow-missing`, `unmerge` or `base` asks for it.
            Self::AllowedMissing { .. } | Self::LackingDependency { .. } | Self::ForeignBase { .. } => false,
        }
    }
}
