//! Writes entries of the installed-package database for packages that a builder's base provides without Portage:
//! Portage then takes a dependency on `dev-build/cmake` as satisfied in the builder's own `/`.

use std::fmt::Write as _;

use super::DATABASE;
use crate::package_name::{Cpv, SlotName};
use crate::version::Version;

/// A package that the base provides. It owns no files, and no report of an image may name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stub {
    /// The provided package and version.
    pub cpv: Cpv,
    /// Its slot.
    pub slot: SlotName,
    /// The provider, in one line: `gcc 4:12.2.0-3 of Debian`.
    pub description: String,
}

impl Stub {
    /// The files of the entry: paths below the root filesystem, and contents.
    ///
    /// `repository` does not exist, so that Portage takes no ebuild of another repository for the same build. KEYWORDS
    /// accepts every architecture. COUNTER 0 means that it was never merged.
    pub fn files(&self) -> Vec<(String, String)> {
        let category = self.cpv.package().category().to_owned();
        let full_name = self.cpv.full_name();
        let folder = format!("{DATABASE}/{category}/{full_name}");
        let description: String = self.description.chars().filter(|character| !character.is_control()).collect();
        let values = [
            ("CATEGORY", category.as_str()),
            ("CONTENTS", ""),
            ("COUNTER", "0"),
            ("DEFINED_PHASES", "-"),
            ("DESCRIPTION", description.as_str()),
            ("EAPI", "8"),
            ("IUSE", ""),
            ("KEYWORDS", "**"),
            ("LICENSE", "metapackage"),
            ("PF", full_name.as_str()),
            ("SLOT", self.slot.as_str()),
            ("USE", ""),
            ("repository", "provided"),
        ];
        let line = |value: &str| if value.is_empty() { String::new() } else { format!("{value}\n") };
        values.iter().map(|(name, value)| (format!("{folder}/{name}"), line(value))).collect()
    }
}

/// Converts a Debian version to PMS's syntax: `4:12.2.0-3+deb12u1` to `12.2.0`, `1.6.39~rc2-1` to `1.6.39_rc2`,
/// `2.36+dfsg1` to `2.36`.
///
/// Epoch, revision and Debian's additions to the upstream version are dropped. The result is the longest valid prefix
/// of the upstream version; `0` if the first character is not a digit.
pub fn stub_version(debian_version: &str) -> Version {
    let upstream = debian_version.split_once(':').map_or(debian_version, |(_, rest)| rest);
    let upstream = upstream.rsplit_once('-').map_or(upstream, |(upstream, _)| upstream);
    let (before, suffix) = upstream.split_once('~').map_or((upstream, ""), |(before, suffix)| (before, suffix));
    let mut text = numbers(before);
    if text.is_empty() {
        text.push('0');
    }
    // A pre-release: Debian's `~rc2` sorts before the release, like `_rc2` in PMS.
    for name in ["alpha", "beta", "pre", "rc"] {
        if let Some(rest) = suffix.strip_prefix(name) {
            let number: String = rest.trim_start_matches('.').chars().take_while(char::is_ascii_digit).collect();
            let _ = write!(text, "_{name}{number}");
        }
    }
    text.parse().unwrap_or_else(|_| Version::zero())
}

/// The dotted numbers at the start of `text`, with the letter of a version like `1.1.1w`.
fn numbers(text: &str) -> String {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let kept = text[..end].trim_end_matches('.');
    if kept.is_empty() || kept.starts_with('.') || kept.contains("..") {
        return kept.split('.').next().unwrap_or_default().to_owned();
    }
    let mut kept = kept.to_owned();
    let mut rest = text[kept.len()..].chars();
    if let Some(letter @ 'a'..='z') = rest.next()
        && rest.next().is_none_or(|next| !next.is_ascii_alphanumeric())
    {
        kept.push(letter);
    }
    kept
}
