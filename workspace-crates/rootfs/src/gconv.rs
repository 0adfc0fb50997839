//! `gconv-modules`: the C library's modules for each character set.

use std::collections::{BTreeMap, BTreeSet};

/// Character sets that glibc converts without a module.
const BUILT_IN: [&str; 7] =
    ["INTERNAL", "ISO-10646/UCS4", "UCS-4LE", "WCHAR_T", "ISO-10646/UTF8", "UCS-2", "ANSI_X3.4-1968"];
/// The longest chain of aliases that is followed.
const MAX_ALIASES: usize = 8;

/// The character sets that iconv(3) knows, and their modules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converters {
    /// The name of each alias.
    aliases: BTreeMap<String, String>,
    /// The modules from and to each name, without `.so`.
    modules: BTreeMap<String, BTreeSet<String>>,
}

impl Converters {
    /// Reads the texts of `gconv-modules` and of the files in `gconv-modules.d`; ignores malformed lines, as the C
    /// library does.
    pub fn parse<'text>(texts: impl IntoIterator<Item = &'text str>) -> Self {
        let mut converters = Self::default();
        for line in texts.into_iter().flat_map(str::lines) {
            let line = line.split('#').next().unwrap_or_default();
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["alias", from, to, ..] => {
                    converters.aliases.insert(name(from), name(to));
                }
                ["module", from, to, file, ..] => {
                    for side in [from, to].map(name) {
                        converters.modules.entry(side).or_default().insert(file.to_owned());
                    }
                }
                _ => {}
            }
        }
        converters
    }

    /// Returns the modules of a character set, without `.so`; empty if the C library needs none. `None` for an unknown one.
    pub fn modules(&self, charset: &str) -> Option<Vec<&str>> {
        let mut known = name(charset);
        for _ in 0..MAX_ALIASES {
            match self.aliases.get(&known) {
                Some(other) => known.clone_from(other),
                None => break,
            }
        }
        if BUILT_IN.contains(&known.as_str()) || ["UTF-8", "UTF8", "ASCII", "US-ASCII"].contains(&known.as_str()) {
            return Some(Vec::new());
        }
        Some(self.modules.get(&known)?.iter().map(String::as_str).collect())
    }

    /// All names and aliases.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.aliases.keys().chain(self.modules.keys()).map(String::as_str)
    }
}

/// Converts to upper case and removes trailing slashes.
fn name(text: &str) -> String {
    text.trim_end_matches('/').to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charset_has_its_modules() {
        let converters = Converters::parse([
            "# from\tto\tfile\tcost\nalias\tISO8859-15//\tISO-8859-15//\nalias L9// ISO8859-15//\n\
             module\tISO-8859-15//\tINTERNAL\tISO8859-15\t1\nmodule\tINTERNAL\tISO-8859-15//\tISO8859-15\t1\nmodule x\n",
            "alias LOOP// LOOP//\nmodule EUC-JP// INTERNAL EUC-JP 1 # and more\n\
             alias UTF8// ISO-10646/UTF8/\nmodule EUC-JP// UJIS// EUC-DIRECT 1\n",
        ]);
        for (charset, expected) in [
            ("ISO-8859-15", Some(vec!["ISO8859-15"])),
            ("l9", Some(vec!["ISO8859-15"])),
            ("euc-jp", Some(vec!["EUC-DIRECT", "EUC-JP"])),
            ("UTF-8", Some(vec![])),
            ("utf8", Some(vec![])),
            ("ascii", Some(vec![])),
            ("LOOP", None),
            ("nothing", None),
        ] {
            assert_eq!(converters.modules(charset), expected, "{charset}");
        }
    }
}
