//! Why Portage found no set of packages, in one line and with the edit that mends it.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use crate::package_name::Cpv;

/// What kept Portage from an answer, as `resolve.py` sorts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// No repository has a package of this name, or none of its versions is meant.
    NoEbuilds,
    /// There is one, and it may not be used: keyword, mask, licence.
    Masked,
    /// Another package needs it with USE flags that are set otherwise.
    UseUnsatisfied,
    /// Its USE flags contradict its REQUIRED_USE.
    RequiredUse,
    /// The image sets a USE flag that the package does not have.
    UnknownUse,
    /// Two versions are asked for in one slot.
    SlotConflict,
    /// Packages need each other.
    Circular,
    /// A source may not be downloaded by a program.
    FetchRestricted,
    /// Anything else, in Portage's own words.
    Other,
}

/// Why nothing could be resolved. `Display` is one line; [`Failure::help`] the way out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// The atom that cannot be satisfied; it may be one of an ebuild, with a syntax of its own.
    #[serde(default)]
    pub atom: String,
    /// Portage's own words, cut to the lines that matter.
    #[serde(default)]
    pub message: String,
    /// Packages, versions or flags that may have been meant.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// The packages that ask for it, the nearest first.
    #[serde(default)]
    pub required_by: Vec<String>,
    /// Why it is masked: `~amd64 keyword`, `package.mask`, `EULA license(s)`.
    #[serde(default)]
    pub mask_reasons: Vec<String>,
    /// Flags: the unknown ones, those to set (`-flag`: to switch off), or those of a violated REQUIRED_USE.
    #[serde(default)]
    pub flags: Vec<String>,
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
    /// How to mend it: mostly what to write into the image's table in Cargo.toml.
    pub fn help(&self) -> Option<String> {
        match self.kind {
            FailureKind::NoEbuilds if !self.required_by.is_empty() => {
                Some("add the repository that has it to `repositories`".to_owned())
            }
            FailureKind::NoEbuilds if self.candidates.is_empty() => {
                Some("check the spelling, or add the repository that has it to `repositories`".to_owned())
            }
            FailureKind::UnknownUse if self.candidates.is_empty() => None,
            // The resolver offers versions where there are any of the package, else other packages.
            FailureKind::NoEbuilds if self.candidates.iter().any(|candidate| candidate.parse::<Cpv>().is_ok()) => {
                Some("ask for one of the versions that there are".to_owned())
            }
            FailureKind::NoEbuilds | FailureKind::UnknownUse => {
                Some(format!("did you mean {}?", alternatives(&self.candidates, "or")))
            }
            FailureKind::Masked => self.unmask(),
            FailureKind::UseUnsatisfied if !self.flags.is_empty() => {
                Some(format!("add package-use = {{ \"{}\" = [{}] }}", self.package(), strings(&self.flags)))
            }
            FailureKind::RequiredUse if !self.flags.is_empty() => {
                Some(format!("set {} in `package-use` so that this holds", alternatives(&self.flags, "or")))
            }
            FailureKind::SlotConflict => {
                Some("restrict it to one version, and set the same USE flags in `package-use`".to_owned())
            }
            FailureKind::Circular => {
                Some("a USE flag of one of them usually breaks the circle; set it in `package-use`".to_owned())
            }
            _ => None,
        }
    }

    /// What Portage said, with control characters made visible; newlines stay.
    pub fn portage_words(&self) -> String {
        self.message.lines().map(printable).collect::<Vec<_>>().join("\n")
    }

    /// The resolver's own sentence, for the kinds where it says more than the atom does. Of the other kinds the message
    /// is what emerge would print, many lines of it.
    fn sentence(&self) -> Option<String> {
        let own = matches!(
            self.kind,
            FailureKind::NoEbuilds
                | FailureKind::RequiredUse
                | FailureKind::UnknownUse
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
                write!(formatter, "`{atom}` is needed with other USE flags than it has")
            }
            FailureKind::UseUnsatisfied => {
                write!(formatter, "`{atom}` is needed with USE {}", alternatives(&self.flags, "and"))
            }
            FailureKind::RequiredUse => write!(formatter, "the USE flags of `{atom}` contradict its REQUIRED_USE"),
            FailureKind::UnknownUse => {
                write!(formatter, "`{atom}` has no USE flag {}", alternatives(&self.flags, "or"))
            }
            FailureKind::SlotConflict => write!(formatter, "two builds of `{atom}` are needed at the same place"),
            FailureKind::Circular => write!(formatter, "{} need each other", alternatives(&self.required_by, "and")),
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

    /// The atom as a key of Cargo.toml: without the USE dependencies, which do not belong there.
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

/// What comes out of a container may hold escape sequences of a terminal.
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
    fn messages() {
        insta::assert_snapshot!(failure(r#"{"kind": "no-ebuilds", "atom": "media-libs/libpgn", "message": "no repository has an ebuild of media-libs/libpgn", "candidates": ["media-libs/libpng"]}"#), @"
        no repository has an ebuild of media-libs/libpgn
        did you mean `media-libs/libpng`?
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "no-ebuilds", "atom": "dev-libs/nothing", "required_by": ["media-libs/libpng-1.6.39"]}"#), @"
        no repository has an ebuild of `dev-libs/nothing` (required by `media-libs/libpng-1.6.39`)
        add the repository that has it to `repositories`
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "no-ebuilds", "atom": ">=a/b-3", "message": "no version of a/b matches >=a/b-3; there are a/b-1, a/b-2", "candidates": ["a/b-1", "a/b-2"]}"#), @"
        no version of a/b matches >=a/b-3; there are a/b-1, a/b-2
        ask for one of the versions that there are
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
        set `gtk` or `qt` in `package-use` so that this holds
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "unknown-use", "atom": "media-libs/libpng", "message": "media-libs/libpng has no USE flag agpn; it has apng, static-libs", "flags": ["agpn"], "candidates": ["apng"]}"#), @"
        media-libs/libpng has no USE flag agpn; it has apng, static-libs
        did you mean `apng`?
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "use-unsatisfied", "atom": "media-libs/libpng[apng,-x]", "message": "\nThe following", "flags": ["apng", "-x"], "required_by": ["media-gfx/y-1"]}"#), @r#"
        `media-libs/libpng[apng,-x]` is needed with USE `apng` and `-x` (required by `media-gfx/y-1`)
        add package-use = { "media-libs/libpng" = ["apng", "-x"] }
        "#);
        insta::assert_snapshot!(failure(r#"{"kind": "circular", "atom": "a/b-1", "required_by": ["a/b-1", "a/c-1"]}"#), @"
        `a/b-1` and `a/c-1` need each other
        a USE flag of one of them usually breaks the circle; set it in `package-use`
        ");
        insta::assert_snapshot!(failure(r#"{"kind": "other", "atom": "a/b", "message": "\n\u001b[31mred"}"#), @"�[31mred");
    }
}
