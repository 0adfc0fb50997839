//! The failures of Portage's resolution, in one line and with the edit that fixes them.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::package_name::Cpv;

/// The kind of a failure, as `resolve.py` sorts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No repository has a package of this name, or no version matches.
    NoEbuilds,
    /// All matching versions are masked: by keyword, mask or licence.
    Masked,
    /// Another package needs it with other USE flags.
    UseUnsatisfied,
    /// Its USE flags contradict its REQUIRED_USE.
    RequiredUse,
    /// The image sets a USE flag that the package does not have.
    UnknownUse,
    /// Two versions are required in one slot.
    SlotConflict,
    /// Packages depend on each other.
    Circular,
    /// The Manifest has no digests of a source; the candidate is the repository.
    NoDigest,
    /// A program may not download a source.
    FetchRestricted,
    /// Another failure, in Portage's own words.
    Other,
}

/// The help for a package that no repository has.
const ADD_REPOSITORY: &str = "add the repository that has it to `repositories`, or write an ebuild: `cargo xtask new builder \
                              --repository overlay` creates a repository with an example";

/// A failed resolution. `Display` is one line; [`Failure::help`] is the fix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// The atom that cannot be satisfied; it may be an ebuild's, with blockers or conditions.
    #[serde(default)]
    pub atom: String,
    /// Portage's own words, reduced to the relevant lines.
    #[serde(default)]
    pub message: String,
    /// Suggestions: packages, versions or flags.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// The packages that require it, the nearest first.
    #[serde(default)]
    pub required_by: Vec<String>,
    /// The reasons of a mask: `~amd64 keyword`, `package.mask`, `EULA license(s)`.
    #[serde(default)]
    pub mask_reasons: Vec<String>,
    /// Flags: the unknown ones, those to set (`-flag`: to switch off), or those of a violated REQUIRED_USE.
    #[serde(default)]
    pub flags: Vec<String>,
    /// All packages of the repositories, if they are few and the failure is that none of them matches.
    #[serde(default)]
    pub available: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sentence() {
            Some(sentence) => formatter.write_str(&sentence)?,
            None => self.summary(formatter)?,
        }
        if let Some(parent) = self.required_by.first()
            && self.kind != FailureKind::Circular
        {
            write!(formatter, " (required by `{}`)", printable(parent))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// How to fix it, mostly by an edit of the image's table in Cargo.toml.
    pub fn help(&self) -> Option<String> {
        match self.kind {
            FailureKind::UnknownUse if self.candidates.is_empty() => None,
            // The resolver suggests versions of the package if it has some, else other packages.
            FailureKind::NoEbuilds if self.candidates.iter().any(|candidate| candidate.parse::<Cpv>().is_ok()) => {
                Some("use one of these versions".to_owned())
            }
            FailureKind::NoEbuilds if self.candidates.is_empty() || !self.required_by.is_empty() => {
                Some(ADD_REPOSITORY.to_owned())
            }
            FailureKind::NoEbuilds => {
                Some(format!("did you mean {}? Otherwise {ADD_REPOSITORY}", alternatives(&self.candidates, "or")))
            }
            FailureKind::UnknownUse => Some(format!("did you mean {}?", alternatives(&self.candidates, "or"))),
            FailureKind::Masked => self.unmask(),
            FailureKind::UseUnsatisfied if !self.flags.is_empty() => {
                Some(format!("add package-use = {{ \"{}\" = [{}] }}", self.package(), strings(&self.flags)))
            }
            FailureKind::RequiredUse if !self.flags.is_empty() => {
                Some(format!("set {} in `package-use` to meet this", alternatives(&self.flags, "or")))
            }
            FailureKind::SlotConflict => {
                Some("restrict it to one version, and set the same USE flags in `package-use`".to_owned())
            }
            FailureKind::NoDigest => {
                let repository = printable(self.candidates.first()?);
                Some(format!("run `cargo xtask manifest {repository}`: it downloads the source and writes its digests"))
            }
            FailureKind::Circular => {
                Some("set a USE flag in `package-use` that removes one of the dependencies".to_owned())
            }
            _ => None,
        }
    }

    /// The packages that there are, one line a category. Empty if they are too many, or the failure is another one.
    pub fn available(&self) -> Vec<String> {
        let mut categories: Vec<(&str, String)> = Vec::new();
        for (category, name) in self.available.iter().filter_map(|package| package.split_once('/')) {
            match categories.last_mut() {
                Some((last, names)) if *last == category => names.extend([" ", &printable(name)]),
                _ => categories.push((category, printable(name))),
            }
        }
        categories.into_iter().map(|(category, names)| format!("{}: {names}", printable(category))).collect()
    }

    /// Portage's own words, with control characters replaced; newlines stay.
    pub fn portage_words(&self) -> String {
        self.message.lines().map(printable).collect::<Vec<_>>().join("\n")
    }

    /// The resolver's own sentence, for the kinds where it has more details than the atom. For the other kinds, the
    /// message is emerge's long output.
    fn sentence(&self) -> Option<String> {
        let own = matches!(
            self.kind,
            FailureKind::NoEbuilds
                | FailureKind::RequiredUse
                | FailureKind::UnknownUse
                | FailureKind::NoDigest
                | FailureKind::FetchRestricted
                | FailureKind::Other
        );
        own.then(|| self.first_line()).flatten()
    }

    fn first_line(&self) -> Option<String> {
        self.message.lines().map(str::trim).find(|line| !line.is_empty()).map(printable)
    }

    fn summary(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let atom = printable(&self.atom);
        match self.kind {
            FailureKind::NoEbuilds => write!(formatter, "no repository has an ebuild of `{atom}`"),
            FailureKind::Masked if self.mask_reasons.is_empty() => write!(formatter, "`{atom}` is masked"),
            FailureKind::Masked => {
                write!(formatter, "`{atom}` is masked by {}", printable(&self.mask_reasons.join(", ")))
            }
            FailureKind::UseUnsatisfied if self.flags.is_empty() => {
                write!(formatter, "`{atom}` is required with other USE flags")
            }
            FailureKind::UseUnsatisfied => {
                write!(formatter, "`{atom}` is required with USE {}", alternatives(&self.flags, "and"))
            }
            FailureKind::RequiredUse => write!(formatter, "the USE flags of `{atom}` contradict its REQUIRED_USE"),
            FailureKind::UnknownUse => {
                write!(formatter, "`{atom}` has no USE flag {}", alternatives(&self.flags, "or"))
            }
            FailureKind::SlotConflict => write!(formatter, "two builds of `{atom}` are required in one slot"),
            FailureKind::Circular => {
                write!(formatter, "{} depend on each other", alternatives(&self.required_by, "and"))
            }
            FailureKind::NoDigest => write!(formatter, "the Manifest of `{atom}` lacks a source"),
            FailureKind::FetchRestricted => write!(formatter, "a source of `{atom}` must be downloaded by hand"),
            FailureKind::Other => write!(formatter, "Portage cannot resolve `{atom}`"),
        }
    }

    fn unmask(&self) -> Option<String> {
        let package = self.package();
        let mut keys = Vec::new();
        for reason in &self.mask_reasons {
            let edit = if let Some(keyword) = reason.strip_suffix(" keyword") {
                let keyword = if keyword == "missing" { "**" } else { keyword };
                format!("package-keywords = {{ \"{package}\" = [\"{}\"] }}", printable(keyword))
            } else if let Some(licenses) = reason.strip_suffix(" license(s)") {
                let licenses: Vec<String> = licenses.split_whitespace().map(str::to_owned).collect();
                format!("package-license = {{ \"{package}\" = [{}] }}", strings(&licenses))
            } else if reason == "package.mask" {
                format!("package-unmask = [\"{package}\"]")
            } else {
                continue;
            };
            if !keys.contains(&edit) {
                keys.push(edit);
            }
        }
        (!keys.is_empty()).then(|| format!("add {}", keys.join(" and ")))
    }

    /// The atom as a key of Cargo.toml, which has no USE dependencies.
    fn package(&self) -> String {
        printable(self.atom.split('[').next().unwrap_or_default())
    }
}

fn alternatives(names: &[String], last: &str) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let separator = match index {
            0 => "",
            _ if index + 1 == names.len() => &format!(" {last} "),
            _ => ", ",
        };
        let _ = write!(text, "{separator}`{}`", printable(name));
    }
    text
}

fn strings(flags: &[String]) -> String {
    let quoted: Vec<String> =
        flags.iter().map(|flag| format!("\"{}\"", printable(flag.trim_start_matches('+')))).collect();
    quoted.join(", ")
}

/// Replaces control characters: a container's output may have escape sequences of a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(json: &str) -> String {
        let failure: Failure = serde_json::from_str(json).unwrap();
        [failure.to_string()].into_iter().chain(failure.help()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn available_packages_stand_by_category() {
        let json = r#"{"kind": "no-ebuilds", "available": ["dev-db/sqlite", "dev-libs/expat", "dev-libs/gmp", "sys-libs/z\u001b"]}"#;
        let failure: Failure = serde_json::from_str(json).unwrap();
        assert_eq!(failure.available(), ["dev-db: sqlite", "dev-libs: expat gmp", "sys-libs: z\u{fffd}"]);
    }

    #[test]
    fn messages_and_help() {
        insta::assert_snapshot!(failure(r#"{"kind": "no-ebuilds", "atom": "media-libs/libpgn", "message": "no repository has an ebuild of media-libs/libpgn", "candidates": ["media-libs/libpng"]}"#), @"
        no repository has an ebuild of media-libs/libpgn
        did you mean `media-libs/libpng`? Otherwise add the repository that has it to `repositories`, or write an ebuild: `cargo xtask new builder --repository overlay` creates a repository with an example
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "no-ebuilds", "atom": "dev-libs/nothing", "required_by": ["media-libs/libpng-1.6.39"]}"#), @"
        no repository has an ebuild of `dev-libs/nothing` (required by `media-libs/libpng-1.6.39`)
        add the repository that has it to `repositories`, or write an ebuild: `cargo xtask new builder --repository overlay` creates a repository with an example
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "no-ebuilds", "atom": ">=a/b-3", "message": "no version of a/b matches >=a/b-3; there are a/b-1, a/b-2", "candidates": ["a/b-1", "a/b-2"]}"#), @"
        no version of a/b matches >=a/b-3; there are a/b-1, a/b-2
        use one of these versions
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "masked", "atom": ">=media-libs/libpng-2", "mask_reasons": ["~amd64 keyword", "EULA other license(s)"]}"#), @r#"
        `>=media-libs/libpng-2` is masked by ~amd64 keyword, EULA other license(s)
        add package-keywords = { ">=media-libs/libpng-2" = ["~amd64"] } and package-license = { ">=media-libs/libpng-2" = ["EULA", "other"] }
        "#);
        insta::assert_snapshot!(failure(r#"{"kind": "masked", "atom": "a/b", "mask_reasons": ["package.mask"]}"#), @r#"
        `a/b` is masked by package.mask
        add package-unmask = ["a/b"]
        "#);
        insta::assert_snapshot!(failure(r#"{"kind": "required-use", "atom": "media-libs/x", "message": "media-libs/x-1 requires exactly-one-of ( gtk qt )", "flags": ["gtk", "qt"]}"#), @"
        media-libs/x-1 requires exactly-one-of ( gtk qt )
        set `gtk` or `qt` in `package-use` to meet this
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "unknown-use", "atom": "media-libs/libpng", "message": "media-libs/libpng has no USE flag agpn; it has apng, static-libs", "flags": ["agpn"], "candidates": ["apng"]}"#), @"
        media-libs/libpng has no USE flag agpn; it has apng, static-libs
        did you mean `apng`?
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "use-unsatisfied", "atom": "media-libs/libpng[apng,-x]", "message": "\nThe following", "flags": ["apng", "-x"], "required_by": ["media-gfx/y-1"]}"#), @r#"
        `media-libs/libpng[apng,-x]` is required with USE `apng` and `-x` (required by `media-gfx/y-1`)
        add package-use = { "media-libs/libpng" = ["apng", "-x"] }
        "#);
        insta::assert_snapshot!(failure(r#"{"kind": "no-digest", "atom": "a/b-1", "message": "the Manifest of `a/b` has no entry for `b-1.tar`", "candidates": ["mine"]}"#), @"
        the Manifest of `a/b` has no entry for `b-1.tar`
        run `cargo xtask manifest mine`: it downloads the source and writes its digests
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "circular", "atom": "a/b-1", "required_by": ["a/b-1", "a/c-1"]}"#), @"
        `a/b-1` and `a/c-1` depend on each other
        set a USE flag in `package-use` that removes one of the dependencies
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "other", "atom": "a/b", "message": "\n\u001b[31mred"}"#), @"�[31mred");
    }
}
