//! Compares the contents of two files by sections, lines or bytes, depending on their format.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use serde::{Deserialize, Serialize};
use tierce_elf::Section;

/// Bytes shown of each file that is not text.
const SHOWN_BYTES: usize = 16;
/// Bytes shown of a line.
const SHOWN_LINE: usize = 120;
/// Bytes shown of a long line before its first difference.
const SHOWN_BEFORE: u64 = 40;
/// Bytes that decide whether a file is text.
const HEAD: usize = 4096;
const BUFFER: usize = 64 << 10;

/// A difference between the contents of two files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "format", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum ContentDifference {
    /// Two ELF files, and the sections that differ.
    Elf {
        /// In the order of the first file; sections only of the second file come last.
        sections: Vec<SectionDifference>,
    },
    /// Two texts, and the first line that differs.
    Text {
        /// Its number, counted from 1.
        line: u64,
        /// The line; `None` after the end of the text.
        before: Option<String>,
        /// The second text's line.
        after: Option<String>,
    },
    /// Anything else.
    Data(ByteDifference),
}

/// A section that differs. `before` is the first file's, `after` the second one's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SectionDifference {
    /// Its name.
    pub name: String,
    /// Its place in the first file; `None` if only the second has it.
    pub before: Option<Place>,
    /// Its place in the second file.
    pub after: Option<Place>,
    /// The first bytes that differ, counted from the section's beginning.
    pub first: Option<ByteDifference>,
}

/// A range of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its first byte.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u64,
}

/// The first bytes that differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByteDifference {
    /// The first one that differs.
    pub offset: u64,
    /// The first file's next bytes in hexadecimal; empty at its end.
    pub before: String,
    /// The second file's next bytes.
    pub after: String,
}

/// A part of a stream.
pub struct Part<'stream, S> {
    /// The stream, at any position.
    pub stream: &'stream mut S,
    /// The range of its bytes.
    pub range: Range<u64>,
}

impl<S: Read + Seek> Part<'_, S> {
    fn open(&mut self, from: u64) -> io::Result<io::Take<&mut S>> {
        let start = self.range.start.saturating_add(from).min(self.range.end);
        self.stream.seek(SeekFrom::Start(start))?;
        Ok(self.stream.by_ref().take(self.range.end - start))
    }

    fn bytes(&mut self, from: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(from)?.take(count as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn sections(&mut self) -> Option<Vec<Section>> {
        // A malformed ELF file is compared by its bytes.
        tierce_elf::sections(self.stream, self.range.clone()).ok().flatten()
    }

    fn section(&mut self, place: Place) -> Part<'_, S> {
        let start = self.range.start + place.offset;
        Part { stream: &mut *self.stream, range: start..start + place.size }
    }
}

/// Compares two contents; `None` if they are equal. Holds some kilobytes of each in memory, whatever their size.
///
/// # Errors
/// A failed read or seek.
pub fn content_difference<A: Read + Seek, B: Read + Seek>(
    before: &mut Part<'_, A>,
    after: &mut Part<'_, B>,
) -> io::Result<Option<ContentDifference>> {
    let Some(first) = first_difference(before, after)? else { return Ok(None) };
    if let (Some(old), Some(new)) = (before.sections(), after.sections()) {
        let sections = compare_sections(before, &old, after, &new)?;
        // Without a differing section, the difference is in headers or padding.
        if !sections.is_empty() {
            return Ok(Some(ContentDifference::Elf { sections }));
        }
    }
    if is_text(&before.bytes(0, HEAD)?) && is_text(&after.bytes(0, HEAD)?) {
        let from = first.line_start.max(first.offset.saturating_sub(SHOWN_BEFORE));
        let (old, new) = (line(before.bytes(from, SHOWN_LINE)?), line(after.bytes(from, SHOWN_LINE)?));
        return Ok(Some(ContentDifference::Text { line: first.line, before: old, after: new }));
    }
    Ok(Some(ContentDifference::Data(bytes_at(before, after, first.offset)?)))
}

/// The first byte that differs, and its line.
struct First {
    offset: u64,
    line: u64,
    line_start: u64,
}

fn first_difference<A: Read + Seek, B: Read + Seek>(
    before: &mut Part<'_, A>,
    after: &mut Part<'_, B>,
) -> io::Result<Option<First>> {
    let (mut old, mut new) = (before.open(0)?, after.open(0)?);
    let mut first = First { offset: 0, line: 1, line_start: 0 };
    let (mut left, mut right) = (vec![0; BUFFER], vec![0; BUFFER]);
    loop {
        let (a, b) = (fill(&mut old, &mut left)?, fill(&mut new, &mut right)?);
        let same = left[..a].iter().zip(&right[..b]).take_while(|(a, b)| a == b).count();
        for (at, _) in left[..same].iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            first.line += 1;
            first.line_start = first.offset + at as u64 + 1;
        }
        first.offset += same as u64;
        match same == a && same == b {
            true if same == 0 => return Ok(None),
            true => {}
            false => return Ok(Some(first)),
        }
    }
}

/// Fills the buffer, or reads to the end.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn bytes_at<A: Read + Seek, B: Read + Seek>(
    before: &mut Part<'_, A>,
    after: &mut Part<'_, B>,
    offset: u64,
) -> io::Result<ByteDifference> {
    let (old, new) = (before.bytes(offset, SHOWN_BYTES)?, after.bytes(offset, SHOWN_BYTES)?);
    Ok(ByteDifference { offset, before: hex::encode(old), after: hex::encode(new) })
}

/// Compares sections of the same name. If several have one name, compares the first with the first, and so on.
fn compare_sections<A: Read + Seek, B: Read + Seek>(
    before: &mut Part<'_, A>,
    old: &[Section],
    after: &mut Part<'_, B>,
    new: &[Section],
) -> io::Result<Vec<SectionDifference>> {
    let place = |section: &Section| Place { offset: section.offset, size: section.size };
    let mut left: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
    for section in new.iter().rev() {
        left.entry(&section.name).or_default().push(place(section));
    }
    let mut differing = Vec::new();
    for section in old {
        let (name, old) = (section.name.clone(), place(section));
        match left.get_mut(section.name.as_str()).and_then(Vec::pop) {
            None => differing.push(SectionDifference { name, before: Some(old), after: None, first: None }),
            Some(new) => {
                let (mut one, mut other) = (before.section(old), after.section(new));
                if let Some(first) = first_difference(&mut one, &mut other)? {
                    let first = Some(bytes_at(&mut one, &mut other, first.offset)?);
                    differing.push(SectionDifference { name, before: Some(old), after: Some(new), first });
                }
            }
        }
    }
    for (name, places) in left {
        let only = |new| SectionDifference { name: name.to_owned(), before: None, after: Some(new), first: None };
        differing.extend(places.into_iter().rev().map(only));
    }
    Ok(differing)
}

/// Whether a file that begins so is a text.
fn is_text(head: &[u8]) -> bool {
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    let is_utf8 = match str::from_utf8(head) {
        Ok(_) => true,
        // A character may be cut off at the end.
        Err(error) => error.error_len().is_none(),
    };
    is_utf8 && !head.iter().any(is_control)
}

/// The rest of a line; none at the end of the text.
fn line(bytes: Vec<u8>) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(line).into_owned())
}

impl ContentDifference {
    /// Formats a line for each difference; `before` and `after` name the two files.
    #[must_use]
    pub fn lines(&self, before: &str, after: &str) -> Vec<String> {
        match self {
            ContentDifference::Elf { sections } => sections.iter().map(|section| section.line(before, after)).collect(),
            ContentDifference::Text { line, before: old, after: new } => {
                let text =
                    |text: &Option<String>| text.as_ref().map_or("no line".to_owned(), |text| format!("{text:?}"));
                vec![format!("line {line}: {} {before}, {} {after}", text(old), text(new))]
            }
            ContentDifference::Data(bytes) => vec![format!("bytes {}", bytes.text(before, after))],
        }
    }
}

impl ByteDifference {
    fn text(&self, before: &str, after: &str) -> String {
        let shown = |bytes: &str| if bytes.is_empty() { "no more".to_owned() } else { bytes.to_owned() };
        format!("from {:#x} on: {} {before}, {} {after}", self.offset, shown(&self.before), shown(&self.after))
    }
}

impl SectionDifference {
    fn line(&self, before: &str, after: &str) -> String {
        let place = |place: &Place| format!("{} bytes at {:#x}", place.size, place.offset);
        let name = &self.name;
        match (&self.before, &self.after, &self.first) {
            (Some(old), Some(new), first) => {
                let places = match old == new {
                    true => place(old),
                    false => format!("{} {before}, {} {after}", place(old), place(new)),
                };
                let first = first.as_ref().map(|first| first.text(before, after)).unwrap_or_default();
                format!("section {name} ({places}) {first}")
            }
            (Some(old), None, _) => format!("section {name} ({}) {before} only", place(old)),
            (None, new, _) => format!("section {name} ({}) {after} only", new.as_ref().map(place).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
#[path = "content_difference_tests.rs"]
mod tests;
