//! What is wrong with a manifest: every problem at once, each with its place.

use std::fmt;

use camino::Utf8Path;

use crate::{
    CargoToml,
    place::{LineColumn, Place, text_of},
};

/// What is wrong with one value, whatever its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// One line that stands alone.
    pub message: String,
    /// What the caret under the value says; shorter than the message.
    pub label: String,
    /// What to write instead, if that is known.
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

    /// Suggests the word of `known` that is nearest to `word`, or else lists them all where they are few.
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
    /// The value or key to blame.
    pub place: Place,
    /// One line that stands alone.
    pub message: String,
    /// What the caret under [`place`](Self::place) says.
    pub label: String,
    /// What to write instead, if that is known.
    pub help: Option<String>,
    /// Other places that have to do with it, each with what it is.
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
/// Its `Display` is compact, `path:line:column: message` and an indented line for each help and further place; it has the
/// texts for whoever shows the lines themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    errors: Vec<Error>,
    files: Vec<CargoToml>,
}

impl Errors {
    pub(crate) fn new(mut errors: Vec<Error>, files: Vec<CargoToml>) -> Self {
        // The defaults of a workspace are read once for every image, and so are their faults.
        errors.sort_by(|a, b| order(a).cmp(&order(b)));
        errors.dedup_by(|a, b| a.place == b.place && a.message == b.message);
        Self { errors, files }
    }

    /// The problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.errors.iter()
    }

    /// How many problems there are.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.errors.len()
    }

    /// The whole text of the file that `place` lies in; empty for a file that was not part of the input.
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

/// The word of `known` that `word` was probably meant to be.
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let allowed = (word.chars().count() / 3).max(1);
    known
        .iter()
        .map(|&candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|&(distance, _)| distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `` `a`, `b` and `c` ``
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
    fn the_nearest_word_is_near_enough() {
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
    fn words_are_joined_as_a_sentence_has_them() {
        assert_eq!(quoted(&[]), "none");
        assert_eq!(quoted(&["a"]), "`a`");
        assert_eq!(quoted(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
