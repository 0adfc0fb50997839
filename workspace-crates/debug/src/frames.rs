//! The output of a script in the toolbox: named frames of bytes, as `scripts/frame.sh` writes them.

use std::collections::BTreeMap;

/// The text for `sh -c` that defines `frame` and runs a script.
pub(crate) fn script(text: &str) -> String {
    format!("{}\n{text}", include_str!("scripts/frame.sh"))
}

/// Frames by their names. The first of two equal names counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames(BTreeMap<String, Vec<u8>>);

impl Frames {
    /// Reads a script's output. Ends at the first incomplete or malformed frame.
    pub(crate) fn read(mut bytes: &[u8]) -> Frames {
        let mut frames = BTreeMap::new();
        while let Some((name, content, rest)) = next(bytes) {
            frames.entry(name).or_insert_with(|| content.to_vec());
            bytes = rest;
        }
        Frames(frames)
    }

    /// The bytes of a frame.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// The text of a frame.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// All of them, in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, content)| (name.as_str(), content.as_slice()))
    }
}

/// Splits off the first frame.
fn next(bytes: &[u8]) -> Option<(String, &[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    let (length, name) = line.split_once(' ')?;
    let (content, rest) = bytes[end + 1..].split_at_checked(length.parse().ok()?)?;
    Some((name.to_owned(), content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_by_their_length() {
        let read = |bytes: &[u8]| {
            let frames = Frames::read(bytes);
            let list = frames.iter().map(|(name, content)| format!("{name}={}", String::from_utf8_lossy(content)));
            list.collect::<Vec<_>>().join("|")
        };
        for (bytes, expected) in [
            (&b""[..], ""),
            (b"0 empty\n", "empty="),
            (b"3 a\nx\ny2 b\n7 ", "a=x\ny|b=7 "),
            (b"1 two words\nx", "two words=x"),
            (b"1 a\nx1 a\ny", "a=x"),
            (b"1 a\nx9 cut\nshort", "a=x"),
            (b"1 a\nxno frame\n1 b\ny", "a=x"),
            (b"99999999999999999999 a\nx", ""),
            (b"-1 a\nx", ""),
            (b"\xff a\nx", ""),
        ] {
            assert_eq!(read(bytes), expected, "{bytes:?}");
        }
    }
}
