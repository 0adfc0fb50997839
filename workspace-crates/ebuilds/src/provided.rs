//! The packages of Gentoo's repository that an unpacked Debian root provides.

const TABLE: &str = include_str!("../provided.table");

/// A Gentoo package that needs not be emerged into the builder's own root, since a Debian package does its work there. For
/// ROOT it never stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provided {
    /// The category: `dev-build` of `dev-build/cmake`.
    pub category: &'static str,
    /// The name: `cmake` of `dev-build/cmake`.
    pub name: &'static str,
    /// The slot; a pattern of `*` stands for components of the Debian package's version.
    slot: &'static str,
    /// The Debian package that must be in the root, and whose version it is given; none for what any Debian root does.
    pub debian_package: Option<&'static str>,
}

impl Provided {
    /// The slot beside this upstream version of the Debian package, `0` where the table says none: "3.13" for `*.*` and
    /// "3.13.5".
    pub fn slot(&self, version: &str) -> String {
        if !self.slot.starts_with('*') {
            return self.slot.to_owned();
        }
        version.split('.').take(self.slot.split('.').count()).collect::<Vec<_>>().join(".")
    }
}

/// The table `provided.table`, in its order.
pub fn provided() -> impl Iterator<Item = Provided> {
    lines().filter_map(parse)
}

fn lines() -> impl Iterator<Item = &'static str> {
    TABLE.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty())
}

/// One line: `category/name[:slot]  debian-package`, with `-` for none.
fn parse(line: &'static str) -> Option<Provided> {
    let mut words = line.split_whitespace();
    let (atom, package, None) = (words.next()?, words.next()?, words.next()) else { return None };
    let (category, rest) = atom.split_once('/')?;
    let (name, slot) = rest.split_once(':').unwrap_or((rest, "0"));
    Some(Provided { category, name, slot, debian_package: (package != "-").then_some(package) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn is_word(text: &str) -> bool {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-._".contains(c))
    }

    #[test]
    fn every_line_of_the_table_is_valid() {
        let mut seen = BTreeSet::new();
        for line in lines() {
            let entry = parse(line).unwrap_or_else(|| panic!("malformed: {line}"));
            let debian_package = entry.debian_package.unwrap_or("none");
            let slot = entry.slot("3.13.5");
            assert!([entry.category, entry.name, &slot, debian_package].into_iter().all(is_word), "{line}");
            assert!(!slot.contains('*'), "{line}");
            assert!(seen.insert((entry.category, entry.name, entry.slot)), "twice: {line}");
        }
    }

    #[test]
    fn lines_are_read() {
        for (line, expected) in [
            ("dev-build/cmake  cmake", Some(("dev-build", "cmake", "0", Some("cmake")))),
            ("dev-lang/python:3.11 python3", Some(("dev-lang", "python", "3.11", Some("python3")))),
            ("dev-lang/python:*.* python3", Some(("dev-lang", "python", "3.13", Some("python3")))),
            ("sys-devel/gcc:* gcc", Some(("sys-devel", "gcc", "3", Some("gcc")))),
            ("sys-apps/sandbox -", Some(("sys-apps", "sandbox", "0", None))),
            ("sandbox -", None),
            ("sys-apps/sandbox", None),
            ("sys-apps/sandbox a b", None),
        ] {
            let entry = parse(line);
            let slot = entry.map(|entry| entry.slot("3.13.5")).unwrap_or_default();
            let read = entry.map(|entry| (entry.category, entry.name, slot.as_str(), entry.debian_package));
            assert_eq!(read, expected, "{line}");
        }
    }

    #[test]
    fn what_the_ebuilds_are_built_with_is_provided() {
        for name in [
            "bison",
            "cmake",
            "flex",
            "nasm",
            "tcl",
            "autoconf",
            "automake",
            "libtool",
            "gettext",
            "gcc",
            "glibc",
            "baselayout",
        ] {
            assert!(provided().any(|entry| entry.name == name), "{name}");
        }
    }
}
