//! The shared parts of this crate's grammars: errors with their places, and the character classes of names.

use std::fmt::Write as _;

/// An error of a text that breaks its grammar: the expected kind of text, the offset and the fix.
///
/// The message ends with the offset; use [`SyntaxError::offset`] to underline the place instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to parse {what} `{}`: {reason} (at byte {offset})", .input.escape_debug())]
pub struct SyntaxError {
    what: &'static str,
    input: String,
    offset: usize,
    reason: String,
    help: Option<String>,
}

impl SyntaxError {
    /// The expected kind of text: `atom`, `USE flag`, `version`.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// The text.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// The offset of the error in [`input`](Self::input), in bytes; its length if the end is missing.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The rule that is broken, in one clause without a full stop.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// How to fix it, if known.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

/// An error in a part of a text, with the offset in this part.
#[derive(Debug)]
pub(crate) struct Fault {
    offset: usize,
    reason: String,
    help: Option<String>,
}

impl Fault {
    pub(crate) fn new(offset: usize, reason: impl Into<String>) -> Self {
        Self { offset, reason: reason.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same error in a text in which the part begins at `base`.
    pub(crate) fn shifted(mut self, base: usize) -> Self {
        self.offset += base;
        self
    }

    pub(crate) fn of(self, what: &'static str, input: &str) -> SyntaxError {
        SyntaxError { what, input: input.to_owned(), offset: self.offset, reason: self.reason, help: self.help }
    }
}

/// The characters of one kind of name, as PMS 3.1 lists them: ASCII letters and digits everywhere, and some
/// punctuation.
pub(crate) struct NameRule {
    pub(crate) what: &'static str,
    pub(crate) punctuation: &'static str,
    /// The punctuation that may be the first character.
    pub(crate) leading: &'static str,
}

impl NameRule {
    pub(crate) fn check(&self, text: &str) -> Result<(), Fault> {
        let Some(first) = text.chars().next() else {
            return Err(Fault::new(0, format!("the {} is missing", self.what)));
        };
        for (offset, character) in text.char_indices() {
            if !character.is_ascii_alphanumeric() && !self.punctuation.contains(character) {
                return Err(Fault::new(offset, format!("{} is not allowed in a {}", quoted(character), self.what))
                    .help(format!("a {} has letters, digits and {}", self.what, self.listed())));
            }
        }
        if !first.is_ascii_alphanumeric() && !self.leading.contains(first) {
            return Err(Fault::new(0, format!("a {} does not begin with {}", self.what, quoted(first))));
        }
        Ok(())
    }

    fn listed(&self) -> String {
        let mut text = String::new();
        for character in self.punctuation.chars() {
            if !text.is_empty() {
                text.push(' ');
            }
            let _ = write!(text, "{}", quoted(character));
        }
        text
    }
}

/// A character for a message, escaped: control characters must not reach a terminal.
pub(crate) fn quoted(character: char) -> String {
    if character == ' ' { "a space".to_owned() } else { format!("`{}`", character.escape_debug()) }
}

/// Serialises as the text of `Display` and deserialises by `FromStr`, so that a value is always valid.
macro_rules! text_serde {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_serde;

/// Declares a name type: a checked `String`.
macro_rules! name_type {
    ($(#[$documentation:meta])* $type:ident, $what:literal, $check:path) => {
        $(#[$documentation])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub(crate) fn parse(text: &str) -> Result<Self, $crate::syntax::Fault> {
                $check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::syntax::SyntaxError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text).map_err(|fault| fault.of($what, text))
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        $crate::syntax::text_serde!($type);
    };
}
pub(crate) use name_type;
