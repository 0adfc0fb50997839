//! Keeps the last output of a program for a later error.

use crate::container::opening::Stream;

/// The last output of a program, stdout and stderr together.
#[derive(Debug, Default)]
pub struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    /// The most bytes that it keeps.
    const KEPT: usize = 16 << 10;
    /// The most lines that an error shows.
    const SHOWN: usize = 12;

    /// Appends output, and drops the oldest bytes beyond 16 KiB.
    pub fn push(&mut self, _: Stream, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        let excess = self.bytes.len().saturating_sub(Self::KEPT);
        self.bytes.drain(..excess);
    }

    /// Returns all kept output.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Returns the last lines with text, at most 12.
    pub fn lines(&self) -> Vec<String> {
        let text = self.text();
        let lines: Vec<String> = text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        lines[lines.len().saturating_sub(Self::SHOWN)..].to_vec()
    }
}
