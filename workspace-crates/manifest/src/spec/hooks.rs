//! Hooks: scripts of the workspace that run at certain points of an image's build.

use std::fmt;

use crate::{place::Located, values::InnerPath};

/// A point at which a script can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// In the builder that compiles the program, after emerge installs the image's build-packages.
    Builder,
    /// Before emerge merges packages into ROOT.
    RootBefore,
    /// After emerge merges packages into ROOT.
    RootAfter,
    /// On a copy of the files that Tierce selected for the image.
    Finish,
}

impl Hook {
    /// All points, in the order in which they run.
    pub const ALL: [Self; 4] = [Self::Builder, Self::RootBefore, Self::RootAfter, Self::Finish];

    /// Returns its key in the table `hooks`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Builder => "builder",
            Self::RootBefore => "root-before",
            Self::RootAfter => "root-after",
            Self::Finish => "finish",
        }
    }
}

impl fmt::Display for Hook {
    /// `hooks.finish`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "hooks.{}", self.key())
    }
}

/// The hooks of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HooksSpec(pub(crate) Vec<(Hook, HookSpec)>);

impl HooksSpec {
    /// Returns the script of a point.
    pub fn get(&self, hook: Hook) -> Option<&HookSpec> {
        self.0.iter().find(|(point, _)| *point == hook).map(|(_, spec)| spec)
    }

    /// Returns all scripts, in the order in which they run.
    pub fn iter(&self) -> impl Iterator<Item = (Hook, &HookSpec)> {
        self.0.iter().map(|(hook, spec)| (*hook, spec))
    }
}

/// A script and its inputs. Reading does not check whether the paths exist or link out of their folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSpec {
    /// The script.
    pub script: Located<InnerPath>,
    /// Other files and folders that it sees; none of them is the whole folder of the Cargo.toml.
    pub reads: Vec<Located<InnerPath>>,
}

impl HookSpec {
    /// Returns the paths of the script and its inputs.
    pub fn paths(&self) -> impl Iterator<Item = &Located<InnerPath>> {
        std::iter::once(&self.script).chain(&self.reads)
    }
}
