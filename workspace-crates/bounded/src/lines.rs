//! Whole lines of output that arrives in pieces.

/// The longest line that is kept as a whole, in bytes. A longer one is cut: people read none of it, and a terminal would
/// scroll for minutes.
pub const LONGEST_LINE: usize = 1 << 20;

/// The most bytes of a program's answer that are kept. The resolution of a thousand packages has some MiB.
const LONGEST_ANSWER: usize = 64 << 20;

/// Adds a piece of a program's answer. Drops the bytes beyond the limit: the parser then finds the answer incomplete.
pub fn add_answer(answer: &mut Vec<u8>, bytes: &[u8]) {
    answer.extend_from_slice(&bytes[..bytes.len().min(LONGEST_ANSWER.saturating_sub(answer.len()))]);
}

/// Joins output that arrives in pieces to whole lines. A line of more than [`LONGEST_LINE`] bytes becomes several.
#[derive(Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    /// The lines that these bytes complete.
    pub fn push(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        // Only the new bytes can have an end, because the rest has none.
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                let mut lines = std::mem::take(&mut self.rest);
                lines.extend_from_slice(&bytes[..=end]);
                self.rest.extend_from_slice(&bytes[end + 1..]);
                Some(lines)
            }
            None => {
                self.rest.extend_from_slice(bytes);
                let is_long = self.rest.len() >= LONGEST_LINE;
                is_long.then(|| {
                    let mut line = std::mem::take(&mut self.rest);
                    line.push(b'\n');
                    line
                })
            }
        }
    }

    /// The rest, which had no line end and gets one.
    pub fn finish(self) -> Option<Vec<u8>> {
        let mut rest = self.rest;
        (!rest.is_empty()).then(|| {
            rest.push(b'\n');
            rest
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_whole_lines() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"   Compi"), None);
        assert_eq!(lines.push(b"ling hello\n").as_deref(), Some(&b"   Compiling hello\n"[..]));
        assert_eq!(lines.push(b"a\nb\nc").as_deref(), Some(&b"a\nb\n"[..]));
        assert_eq!(lines.finish().as_deref(), Some(&b"c\n"[..]));
        assert_eq!(Lines::default().finish(), None);
    }

    #[test]
    fn answer_has_a_limit() {
        let (mut answer, piece) = (Vec::new(), vec![b'x'; 5 << 20]);
        (0..20).for_each(|_| add_answer(&mut answer, &piece));
        assert_eq!(answer.len(), LONGEST_ANSWER);
    }

    #[test]
    fn long_line_is_cut() {
        let mut lines = Lines::default();
        let pieces = (0..4096).filter_map(|_| lines.push(&[b'x'; 4096]));
        let lengths: Vec<usize> = pieces.map(|line| line.len()).collect();
        assert_eq!(lengths, [LONGEST_LINE + 1; 16]);
    }
}
