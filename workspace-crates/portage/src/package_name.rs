//! The names of packages, repositories and slots (PMS 3.1), and packages with versions.

use std::fmt;
use std::str::FromStr;

use crate::syntax::{Fault, NameRule, SyntaxError, name_type, text_serde};
use crate::version::{Version, check_version};

const CATEGORY: NameRule = NameRule { what: "category", punctuation: "+_.-", leading: "_" };
const NAME: NameRule = NameRule { what: "package name", punctuation: "+_-", leading: "_" };
const SLOT: NameRule = NameRule { what: "slot", punctuation: "+_.-", leading: "_" };
const REPOSITORY: NameRule = NameRule { what: "repository name", punctuation: "_-", leading: "_" };

fn check_category(text: &str) -> Result<(), Fault> {
    CATEGORY.check(text)
}

fn check_slot(text: &str) -> Result<(), Fault> {
    SLOT.check(text)
}

fn check_repository(text: &str) -> Result<(), Fault> {
    REPOSITORY.check(text)?;
    check_no_version_at_end(text, "repository name")
}

name_type! {
    /// The name of a category: `media-libs`.
    CategoryName, "category", check_category
}

name_type! {
    /// The name of a package within its category, `libpng`: PN in PMS.
    BareName, "package name", check_name
}

name_type! {
    /// The name of a slot or of a sub-slot: `0`, `3.11`.
    SlotName, "slot", check_slot
}

name_type! {
    /// The name of an ebuild repository: `tierce`, `gentoo`.
    RepositoryName, "repository name", check_repository
}

/// A category and a name, `media-libs/libpng`: a cp in Portage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName {
    category: CategoryName,
    name: BareName,
}

impl PackageName {
    /// The package `name` of `category`.
    pub fn new(category: CategoryName, name: BareName) -> Self {
        Self { category, name }
    }

    /// `media-libs` of `media-libs/libpng`.
    pub fn category(&self) -> &str {
        self.category.as_str()
    }

    /// `libpng` of `media-libs/libpng`: PN in PMS.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let (category, name) = split_category(text)?;
        let name = BareName::parse(name).map_err(|fault| fault.shifted(text.len() - name.len()))?;
        Ok(Self { category: CategoryName::parse(category)?, name })
    }
}

impl FromStr for PackageName {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Self::parse(text).map_err(|fault| fault.of("package name", text))
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.category, self.name)
    }
}

text_serde!(PackageName);

/// A package with its version, `media-libs/libpng-1.6.39-r1`: a cpv in Portage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpv {
    package: PackageName,
    version: Version,
}

impl Cpv {
    /// The package in this version.
    pub fn new(package: PackageName, version: Version) -> Self {
        Self { package, version }
    }

    /// Category and name.
    pub fn package(&self) -> &PackageName {
        &self.package
    }

    /// The version with its revision.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// `libpng-1.6.39-r1`, the name of the folder in the installed-package database: PF in PMS.
    pub fn full_name(&self) -> String {
        format!("{}-{}", self.package.name, self.version)
    }

    pub(crate) fn into_parts(self) -> (PackageName, Version) {
        (self.package, self.version)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let (category, full_name) = split_category(text)?;
        let base = category.len() + 1;
        let Some((name, version)) = split_version(full_name) else {
            return Err(
                Fault::new(text.len(), "the version is missing").help(format!("write `{}-1.2.3`", text.escape_debug()))
            );
        };
        let name = BareName::parse(name).map_err(|fault| fault.shifted(base))?;
        let version = Version::parse(version).map_err(|fault| fault.shifted(text.len() - version.len()))?;
        Ok(Self::new(PackageName::new(CategoryName::parse(category)?, name), version))
    }
}

impl FromStr for Cpv {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Self::parse(text).map_err(|fault| fault.of("package with version", text))
    }
}

impl fmt::Display for Cpv {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.package, self.version)
    }
}

text_serde!(Cpv);

fn split_category(text: &str) -> Result<(&str, &str), Fault> {
    let Some((category, name)) = text.split_once('/') else {
        return Err(missing_category(text));
    };
    if category.is_empty() {
        return Err(missing_category(name));
    }
    check_category(category)?;
    Ok((category, name))
}

fn missing_category(name: &str) -> Fault {
    // The category of a name is not known here.
    let category = if name.is_empty() { String::new() } else { format!(": `CATEGORY/{}`", name.escape_debug()) };
    Fault::new(0, "the category is missing").help(format!("write category and name{category}"))
}

fn check_name(name: &str) -> Result<(), Fault> {
    NAME.check(name)?;
    check_no_version_at_end(name, "package name")
}

fn check_no_version_at_end(name: &str, what: &str) -> Result<(), Fault> {
    match split_version(name) {
        Some((before, version)) => {
            Err(Fault::new(before.len(), format!("a {what} does not end in a version (`-{version}`)")))
        }
        None => Ok(()),
    }
}

/// Splits `libpng-1.6.39-r1` at the longest version at its end.
pub(crate) fn split_version(full_name: &str) -> Option<(&str, &str)> {
    full_name
        .match_indices('-')
        .map(|(position, _)| (&full_name[..position], &full_name[position + 1..]))
        .find(|(_, version)| check_version(version).is_ok())
}

/// A package without its version: `media-libs/libpng` of `media-libs/libpng-1.6.39-r1`.
pub fn without_version(package: &str) -> &str {
    let mut end = package.len();
    while let Some(dash) = package[..end].rfind('-') {
        end = dash;
        let version = &package[dash + 1..];
        // A revision is no version: it stands behind one.
        if version.starts_with(|first: char| first.is_ascii_digit()) {
            return &package[..dash];
        }
    }
    package
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn package_loses_its_version() {
        for (package, expected) in [
            ("media-libs/libpng-1.6.39", "media-libs/libpng"),
            ("media-libs/libpng-1.6.39-r1", "media-libs/libpng"),
            ("app-text/iso-codes-4", "app-text/iso-codes"),
            ("x11-libs/gtk+-3.24_pre1", "x11-libs/gtk+"),
            ("a/b", "a/b"),
        ] {
            assert_eq!(without_version(package), expected);
        }
    }

    #[test]
    fn packages_with_versions_parse() {
        for (text, name, version) in [
            ("media-libs/libpng-1.6.39", "libpng", "1.6.39"),
            ("media-libs/libpng-1.6.39-r1", "libpng", "1.6.39-r1"),
            ("dev-libs/foo-bar-2a_p3", "foo-bar", "2a_p3"),
            ("x11-libs/gtk+-3.24", "gtk+", "3.24"),
            ("app-misc/a-r1-1-r1", "a-r1", "1-r1"),
        ] {
            let cpv: Cpv = text.parse().unwrap();
            assert_eq!((cpv.package().name(), cpv.version().as_str()), (name, version), "{text}");
            assert_eq!(cpv.to_string(), text);
        }
    }

    #[test]
    fn malformed_packages_are_errors() {
        for (text, offset, reason) in [
            ("libpng-1", 0, "the category is missing"),
            ("/libpng-1", 0, "the category is missing"),
            ("media-libs/libpng", 17, "the version is missing"),
            ("media-libs/libpng-1-2", 17, "a package name does not end in a version (`-1`)"),
            ("media-libs/../x-1", 11, "`.` is not allowed in a package name"),
            ("-x/libpng-1", 0, "a category does not begin with `-`"),
            ("media-libs/-1", 11, "the package name is missing"),
        ] {
            let error = Cpv::from_str(text).unwrap_err();
            assert_eq!((error.offset(), error.reason()), (offset, reason), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trip(text in "[a-z0-9_][a-z0-9+_.-]{0,8}/[a-z0-9_][a-z0-9+_]{0,8}-[0-9]{1,3}(\\.[0-9]{1,3}){0,2}(-r[0-9])?") {
            prop_assert_eq!(text.parse::<Cpv>().unwrap().to_string(), text);
        }

        #[test]
        fn never_panics(text in "\\PC{0,24}") {
            let _ = text.parse::<Cpv>();
            let _ = text.parse::<PackageName>();
            let _ = text.parse::<RepositoryName>();
        }
    }
}
