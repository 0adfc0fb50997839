//! Package dependency atoms (PMS 8.3) as a user writes them: all but blockers and conditional USE dependencies, which
//! have a meaning only inside an ebuild.

mod parse;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::package_name::{Cpv, PackageName, RepositoryName, SlotName};
use crate::syntax::{SyntaxError, text_serde};
use crate::use_flag::UseFlag;
use crate::version::Version;

/// A package and what is asked of it: `>=media-libs/libpng-1.6:0=::tierce[apng,-static-libs]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Atom {
    package: PackageName,
    version: Option<VersionRequirement>,
    slot: Option<SlotDependency>,
    repository: Option<RepositoryName>,
    use_dependencies: Vec<UseDependency>,
}

/// An operator and the version it compares with (PMS 8.3.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionRequirement {
    operator: Operator,
    version: Version,
}

/// How a version is compared (PMS 8.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `=…*`: the given components of the version are equal, whatever follows.
    EqualPrefix,
    /// `~`: equal but for the revision, also where one is given (so Portage; PMS would have it at least that).
    EqualButRevision,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

/// What is asked of the slot (PMS 8.3.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlotDependency {
    /// `:*`: any slot, which may change without a rebuild.
    Any,
    /// `:=`: any slot, and a rebuild when slot or sub-slot change.
    AnyRebuild,
    /// `:SLOT`, `:SLOT/SUBSLOT`, and the same with `=`.
    Exact {
        /// The slot.
        slot: SlotName,
        /// The sub-slot, where it is asked for.
        subslot: Option<SlotName>,
        /// Whether `=` follows: a rebuild when the sub-slot changes.
        rebuild: bool,
    },
}

/// A USE flag that the package must have on or off (PMS 8.3.4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UseDependency {
    flag: UseFlag,
    enabled: bool,
    default: Option<bool>,
}

impl Atom {
    /// Category and name.
    pub fn package(&self) -> &PackageName {
        &self.package
    }

    /// The versions that are meant; all of them where there is none.
    pub fn version(&self) -> Option<&VersionRequirement> {
        self.version.as_ref()
    }

    /// The slot that is meant.
    pub fn slot(&self) -> Option<&SlotDependency> {
        self.slot.as_ref()
    }

    /// The ebuild repository that is meant (`::tierce`, Portage's addition to PMS).
    pub fn repository(&self) -> Option<&RepositoryName> {
        self.repository.as_ref()
    }

    /// The flags that must be on or off, in the order in which they are written.
    pub fn use_dependencies(&self) -> &[UseDependency] {
        &self.use_dependencies
    }

    /// Whether `cpv` is of the package and in the versions that are meant; slot, repository and USE are not looked at.
    pub fn matches_cpv(&self, cpv: &Cpv) -> bool {
        self.package == *cpv.package() && self.version.as_ref().is_none_or(|wanted| wanted.matches(cpv.version()))
    }
}

impl From<PackageName> for Atom {
    fn from(package: PackageName) -> Self {
        Self { package, version: None, slot: None, repository: None, use_dependencies: Vec::new() }
    }
}

impl FromStr for Atom {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        parse::atom(text).map_err(|fault| fault.of("atom", text))
    }
}

text_serde!(Atom);

impl VersionRequirement {
    /// How the version is compared.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The version that others are compared with.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Whether `version` is one of those that are meant.
    pub fn matches(&self, version: &Version) -> bool {
        let order = version.compare(&self.version);
        match self.operator {
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::EqualPrefix => has_prefix(version.as_str(), self.version.as_str()),
            Operator::EqualButRevision => version.base().compare(&self.version.base()) == Ordering::Equal,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::Greater => order == Ordering::Greater,
        }
    }
}

/// `1.2` is a prefix of `1.2.3` and `1.2b`, not of `1.20`: it ends where a component ends, as Portage has it.
fn has_prefix(version: &str, prefix: &str) -> bool {
    let Some(rest) = version.trim_start_matches('0').strip_prefix(prefix.trim_start_matches('0')) else {
        return false;
    };
    let ends_in_digit = prefix.ends_with(|last: char| last.is_ascii_digit());
    rest.chars().next().is_none_or(|next| matches!(next, '.' | '_' | '-') || next.is_ascii_digit() != ends_in_digit)
}

impl UseDependency {
    /// The flag that is meant.
    pub fn flag(&self) -> &UseFlag {
        &self.flag
    }

    /// Whether it must be on; off otherwise.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// What counts where the package has no such flag: on for `(+)`, off for `(-)`.
    pub fn default(&self) -> Option<bool> {
        self.default
    }

    /// Whether a package with these flags has it as it must be; `uses` are those of `iuse` that are on.
    pub fn matches(&self, iuse: &[UseFlag], uses: &[UseFlag]) -> bool {
        let state = if iuse.contains(&self.flag) { Some(uses.contains(&self.flag)) } else { self.default };
        state == Some(self.enabled)
    }
}

impl Operator {
    /// What stands before the package's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Equal | Self::EqualPrefix => "=",
            Self::EqualButRevision => "~",
            Self::GreaterOrEqual => ">=",
            Self::Greater => ">",
        }
    }
}

impl SlotDependency {
    /// Whether a package in this slot is meant.
    pub fn matches(&self, slot: &SlotName, subslot: &SlotName) -> bool {
        match self {
            Self::Any | Self::AnyRebuild => true,
            Self::Exact { slot: wanted, subslot: wanted_subslot, .. } => {
                wanted == slot && wanted_subslot.as_ref().is_none_or(|wanted| wanted == subslot)
            }
        }
    }
}

impl fmt::Display for Atom {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            None => self.package.fmt(formatter)?,
            Some(VersionRequirement { operator, version }) => {
                let glob = if *operator == Operator::EqualPrefix { "*" } else { "" };
                write!(formatter, "{}{}-{version}{glob}", operator.as_str(), self.package)?;
            }
        }
        if let Some(slot) = &self.slot {
            slot.fmt(formatter)?;
        }
        if let Some(repository) = &self.repository {
            write!(formatter, "::{repository}")?;
        }
        for (index, dependency) in self.use_dependencies.iter().enumerate() {
            write!(formatter, "{}{dependency}", if index == 0 { "[" } else { "," })?;
        }
        if !self.use_dependencies.is_empty() {
            formatter.write_str("]")?;
        }
        Ok(())
    }
}

impl fmt::Display for SlotDependency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => formatter.write_str(":*"),
            Self::AnyRebuild => formatter.write_str(":="),
            Self::Exact { slot, subslot, rebuild } => {
                write!(formatter, ":{slot}")?;
                if let Some(subslot) = subslot {
                    write!(formatter, "/{subslot}")?;
                }
                formatter.write_str(if *rebuild { "=" } else { "" })
            }
        }
    }
}

impl fmt::Display for UseDependency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = match self.default {
            None => "",
            Some(true) => "(+)",
            Some(false) => "(-)",
        };
        write!(formatter, "{}{}{default}", if self.enabled { "" } else { "-" }, self.flag)
    }
}

#[cfg(test)]
mod tests;
