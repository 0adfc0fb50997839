//! Package dependency atoms (PMS 8.3) as users write them: without blockers and conditional USE dependencies, which
//! only ebuilds may have.

mod parse;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::package_name::{Cpv, PackageName, RepositoryName, SlotName};
use crate::syntax::{SyntaxError, text_serde};
use crate::use_flag::UseFlag;
use crate::version::Version;

/// A package with requirements: `>=media-libs/libpng-1.6:0=::tierce[apng,-static-libs]`.
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

/// The comparison of a version (PMS 8.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `=…*`: the given components of the version are equal; more may follow.
    EqualPrefix,
    /// `~`: equal without the revision. Portage ignores a given revision; PMS compares it as a minimum.
    EqualButRevision,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

/// A requirement on the slot (PMS 8.3.3).
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
        /// The sub-slot, if it is required.
        subslot: Option<SlotName>,
        /// Whether `=` follows: the dependent is rebuilt when the sub-slot changes.
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

    /// The requirement on the version; `None` matches all versions.
    pub fn version(&self) -> Option<&VersionRequirement> {
        self.version.as_ref()
    }

    /// The requirement on the slot.
    pub fn slot(&self) -> Option<&SlotDependency> {
        self.slot.as_ref()
    }

    /// The required ebuild repository (`::tierce`, Portage's addition to PMS).
    pub fn repository(&self) -> Option<&RepositoryName> {
        self.repository.as_ref()
    }

    /// The requirements on USE flags, in the order of the text.
    pub fn use_dependencies(&self) -> &[UseDependency] {
        &self.use_dependencies
    }

    /// Whether package and version of `cpv` match; slot, repository and USE flags are ignored.
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
    /// The comparison with the version.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// The version on the right of the operator.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Whether `version` meets the requirement.
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

/// `1.2` is a prefix of `1.2.3` and `1.2b`, not of `1.20`: as in Portage, it ends at the end of a component.
fn has_prefix(version: &str, prefix: &str) -> bool {
    let Some(rest) = version.trim_start_matches('0').strip_prefix(prefix.trim_start_matches('0')) else {
        return false;
    };
    let ends_in_digit = prefix.ends_with(|last: char| last.is_ascii_digit());
    rest.chars().next().is_none_or(|next| matches!(next, '.' | '_' | '-') || next.is_ascii_digit() != ends_in_digit)
}

impl UseDependency {
    /// The required flag.
    pub fn flag(&self) -> &UseFlag {
        &self.flag
    }

    /// Whether the flag must be on; otherwise off.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// The state of a flag that the package does not have: on for `(+)`, off for `(-)`.
    pub fn default(&self) -> Option<bool> {
        self.default
    }

    /// Whether a package with the flags `iuse`, and `uses` enabled, meets the requirement.
    pub fn matches(&self, iuse: &[UseFlag], uses: &[UseFlag]) -> bool {
        let state = if iuse.contains(&self.flag) { Some(uses.contains(&self.flag)) } else { self.default };
        state == Some(self.enabled)
    }
}

impl Operator {
    /// The operator before the package's name.
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
    /// Whether a package in this slot meets the requirement.
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
