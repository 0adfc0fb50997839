//! USE flags and their settings, in the syntax of package.use and the `USE` variable.

use std::fmt;
use std::str::FromStr;

use crate::syntax::{Fault, NameRule, SyntaxError, name_type, quoted, text_serde};

const RULE: NameRule = NameRule { what: "USE flag", punctuation: "+_@-", leading: "" };

fn check_flag(text: &str) -> Result<(), Fault> {
    RULE.check(text)
}

name_type! {
    /// The name of a USE flag (PMS 3.1.4), such as `static-libs`.
    UseFlag, "USE flag", check_flag
}

/// A USE flag switched on (`apng`) or off (`-apng`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UseSetting {
    flag: UseFlag,
    enabled: bool,
}

impl UseSetting {
    /// The setting of `flag`.
    pub fn new(flag: UseFlag, enabled: bool) -> Self {
        Self { flag, enabled }
    }

    /// The flag.
    pub fn flag(&self) -> &UseFlag {
        &self.flag
    }

    /// Whether the flag is switched on.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }
}

impl FromStr for UseSetting {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let (name, enabled) = match text.strip_prefix('-') {
            Some(name) => (name, false),
            None => (text, true),
        };
        let flag = parse_flag(text, name).map_err(|fault| fault.of("USE setting", text))?;
        Ok(Self { flag, enabled })
    }
}

fn parse_flag(text: &str, name: &str) -> Result<UseFlag, Fault> {
    let sign = text.len() - name.len();
    if name == "*" {
        return Err(
            Fault::new(sign, "`*` is not a USE flag").help("name each flag: `flag` switches it on, `-flag` off")
        );
    }
    if let Some(first @ ('+' | '!' | '-')) = name.chars().next() {
        let rest = name.trim_start_matches(['+', '!', '-']);
        return Err(Fault::new(sign, format!("a USE flag does not begin with {}", quoted(first)))
            .help(format!("write `{}` to switch it on, `-{0}` to switch it off", rest.escape_debug())));
    }
    if name.contains(char::is_whitespace) {
        let offset = name.find(char::is_whitespace).unwrap_or_default();
        return Err(Fault::new(sign + offset, "a space is not allowed in a USE flag")
            .help("write one flag in each string: [\"first\", \"-second\"]"));
    }
    UseFlag::parse(name).map_err(|fault| fault.shifted(sign))
}

impl fmt::Display for UseSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.enabled { "" } else { "-" };
        write!(formatter, "{sign}{}", self.flag)
    }
}

text_serde!(UseSetting);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn settings_round_trip() {
        for (text, flag, enabled) in [
            ("apng", "apng", true),
            ("-static-libs", "static-libs", false),
            ("python_targets_python3_11", "python_targets_python3_11", true),
            ("-c++", "c++", false),
            ("l10n_sr@latin", "l10n_sr@latin", true),
            ("7z", "7z", true),
        ] {
            let setting: UseSetting = text.parse().unwrap();
            assert_eq!((setting.flag().as_str(), setting.is_enabled()), (flag, enabled), "{text}");
            assert_eq!(setting.to_string(), text);
        }
    }

    #[test]
    fn malformed_settings_are_errors() {
        for (text, offset, reason) in [
            ("", 0, "the USE flag is missing"),
            ("-", 1, "the USE flag is missing"),
            ("+apng", 0, "a USE flag does not begin with `+`"),
            ("--apng", 1, "a USE flag does not begin with `-`"),
            ("_apng", 0, "a USE flag does not begin with `_`"),
            ("-*", 1, "`*` is not a USE flag"),
            ("apng zlib", 4, "a space is not allowed in a USE flag"),
            ("-a.b", 2, "`.` is not allowed in a USE flag"),
            ("a\u{1b}[0m", 1, "`\\u{1b}` is not allowed in a USE flag"),
            ("ä", 0, "`ä` is not allowed in a USE flag"),
        ] {
            let error = UseSetting::from_str(text).unwrap_err();
            assert_eq!((error.offset(), error.reason()), (offset, reason), "{text}");
        }
        let error = UseSetting::from_str("+apng").unwrap_err();
        assert_eq!(error.help(), Some("write `apng` to switch it on, `-apng` to switch it off"));
    }

    proptest! {
        #[test]
        fn valid_settings_round_trip(text in "-?[A-Za-z0-9][A-Za-z0-9+_@-]{0,12}") {
            prop_assert_eq!(text.parse::<UseSetting>().unwrap().to_string(), text);
        }

        #[test]
        fn never_panics(text in "\\PC{0,16}") {
            let _ = text.parse::<UseSetting>();
        }
    }
}
