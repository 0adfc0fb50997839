//! Errors of a manifest: every problem at once, each with its place.

use std::fmt;

use camino::Utf8Path;

use crate::{
    CargoToml,
    place::{LineColumn, Place, text_of},
};

/// A problem with a value, without its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// One complete line.
    pub message: String,
    /// The text at the caret under the value; shorter than the message.
    pub label: String,
    /// The suggested fix, if there is one.
    pub help: Option<String>,
}

impl Fault {
    pub(crate) fn new(message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { message: message.into(), label: label.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Suggests the word of `known` that is nearest to `word`. Lists all known words if none is near and they are few.
    pub(crate) fn suggest<'k>(self, word: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match nearest(word, &known) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None if known.is_empty() || known.len() > 12 => self,
            None => self.help(match known.as_slice() {
                [only] => format!("there is only `{only}`"),
                several => format!("there are {}", quoted(several)),
            }),
        }
    }

    pub(crate) fn at(self, place: Place) -> Error {
        Error { place, message: self.message, label: self.label, help: self.help, also: Vec::new() }
    }
}

/// One problem of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The value or key at fault.
    pub place: Place,
    /// One complete line.
    pub message: String,
    /// The text at the caret under [`place`](Self::place).
    pub label: String,
    /// The suggested fix, if there is one.
    pub help: Option<String>,
    /// Related places, each with a description.
    pub also: Vec<(Place, String)>,
}

impl Error {
    pub(crate) fn also(mut self, place: &Place, what: impl Into<String>) -> Self {
        self.also.push((place.clone(), what.into()));
        self
    }
}

/// All problems of a workspace, at least one, sorted by file and position.
///
/// Its `Display` is compact: `path:line:column: message`, then an indented line for each related place and for the help.
/// [`Errors::text`] returns the text for callers that show the lines themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    errors: Vec<Error>,
    files: Vec<CargoToml>,
}

impl Errors {
    pub(crate) fn new(mut errors: Vec<Error>, files: Vec<CargoToml>) -> Self {
        // Each image reads the workspace's defaults, so their faults appear once for each image.
        errors.sort_by(|a, b| order(a).cmp(&order(b)));
        errors.dedup_by(|a, b| a.place == b.place && a.message == b.message);
        Self { errors, files }
    }

    /// Returns the problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.errors.iter()
    }

    /// Returns the number of problems.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.errors.len()
    }

    /// Returns the whole text of the file of `place`, or an empty string for a file that was not an input.
    pub fn text(&self, place: &Place) -> &str {
        text_of(&self.files, place)
    }

    fn position(&self, place: &Place) -> String {
        let LineColumn { line, column } = LineColumn::of(self.text(place), place.span.start);
        format!("{}:{line}:{column}", place.file)
    }
}

impl<'e> IntoIterator for &'e Errors {
    type Item = &'e Error;
    type IntoIter = std::slice::Iter<'e, Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{}: {}", self.position(&error.place), error.message)?;
            for (place, what) in &error.also {
                write!(formatter, "\n  {}: {what}", self.position(place))?;
            }
            if let Some(help) = &error.help {
                write!(formatter, "\n  help: {help}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

fn order(error: &Error) -> (&Utf8Path, usize, usize, &str) {
    (&error.place.file, error.place.span.start, error.place.span.end, &error.message)
}

/// Returns the word of `known` that is nearest to `word`. It differs in at most a third of the characters, or in one.
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let allowed = (word.chars().count() / 3).max(1);
    known
        .iter()
        .map(|&candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Formats `` `a`, `b` and `c` ``.
pub(crate) fn quoted(words: &[&str]) -> String {
    let mut words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match (words.pop(), words.is_empty()) {
        (Some(last), false) => format!("{} and {last}", words.join(", ")),
        (Some(only), true) => only,
        (None, _) => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_word_is_close_enough() {
        let known = ["packages", "package-use", "use", "user", "bins", "build-packages"];
        for (word, expected) in [
            ("package", Some("packages")),
            ("build_packages", Some("build-packages")),
            ("usr", Some("use")),
            ("bin", Some("bins")),
            ("entrypoint", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, &known), expected, "{word}");
        }
    }

    #[test]
    fn quoted_words_form_a_list() {
        assert_eq!(quoted(&[]), "none");
        assert_eq!(quoted(&["a"]), "`a`");
        assert_eq!(quoted(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
