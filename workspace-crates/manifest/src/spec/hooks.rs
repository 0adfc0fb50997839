//! Hooks: scripts of the workspace that run at certain points of an image's making.

use std::fmt;

use crate::{place::Located, values::InnerPath};

/// A point at which a script can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// In the builder that the program is compiled in, after the image's build-packages are there.
    Builder,
    /// Before packages are merged into ROOT.
    RootBefore,
    /// After packages are merged into ROOT.
    RootAfter,
    /// On a copy of what was selected for the image.
    Finish,
}

impl Hook {
    /// All of them, in the order in which they run.
    pub const ALL: [Self; 4] = [Self::Builder, Self::RootBefore, Self::RootAfter, Self::Finish];

    /// Its key in the table `hooks`.
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
    /// What runs at this point.
    pub fn get(&self, hook: Hook) -> Option<&HookSpec> {
        self.0.iter().find(|(point, _)| *point == hook).map(|(_, spec)| spec)
    }

    /// All of them, in the order in which they run.
    pub fn iter(&self) -> impl Iterator<Item = (Hook, &HookSpec)> {
        self.0.iter().map(|(hook, spec)| (*hook, spec))
    }
}

/// A script and what it reads. Whether the paths exist, or are links out of their folder, has not been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSpec {
    /// The script.
    pub script: Located<InnerPath>,
    /// Files and folders that it sees besides itself; none of them is the folder of the Cargo.toml.
    pub reads: Vec<Located<InnerPath>>,
}

impl HookSpec {
    /// The script and what it reads.
    pub fn paths(&self) -> impl Iterator<Item = &Located<InnerPath>> {
        std::iter::once(&self.script).chain(&self.reads)
    }
}
