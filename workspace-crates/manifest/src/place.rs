//! Places: a file and a range of its bytes.

use std::{ops::Range, sync::Arc};

use camino::Utf8Path;

use crate::CargoToml;

/// A range of bytes in a Cargo.toml, for messages that show the line at fault.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The Cargo.toml, by the path that the caller gave in its [`CargoToml`].
    pub file: Arc<Utf8Path>,
    /// The range, in bytes of the file.
    pub span: Range<usize>,
}

impl Place {
    /// Returns the place of the bytes `span` of `file`.
    pub fn new(file: &Arc<Utf8Path>, span: Range<usize>) -> Self {
        Self { file: Arc::clone(file), span }
    }
}

/// Returns the whole text of the file of `place`, or an empty string if `files` lacks it.
pub(crate) fn text_of<'f>(files: impl IntoIterator<Item = &'f CargoToml>, place: &Place) -> &'f str {
    let file = files.into_iter().find(|file| file.path == *place.file);
    file.map_or("", |file| &file.text)
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub place: Place,
}

impl<T> Located<T> {
    /// Returns `value` with its place.
    pub fn new(value: T, place: Place) -> Self {
        Self { value, place }
    }

    /// Converts the value and keeps the place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), place: self.place }
    }
}

impl Located<String> {
    /// Borrows the value.
    pub(crate) fn as_deref(&self) -> Located<&str> {
        Located::new(&self.value, self.place.clone())
    }
}

/// A position in a text, as editors count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl LineColumn {
    /// Returns the position of the byte `offset` in `text`. An offset past the end or inside a character moves back to the
    /// nearest valid one.
    pub fn of(text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        for (text, offset, line, column) in [
            ("", 0, 1, 1),
            ("", 9, 1, 1),
            ("ab\ncd", 0, 1, 1),
            ("ab\ncd", 2, 1, 3),
            ("ab\ncd", 3, 2, 1),
            ("ab\r\ncd", 5, 2, 2),
            ("ä = 1", 2, 1, 2),
            ("ä = 1", 1, 1, 1),
            ("a\n", 2, 2, 1),
        ] {
            assert_eq!(LineColumn::of(text, offset), LineColumn { line, column }, "{text:?} at {offset}");
        }
    }
}
