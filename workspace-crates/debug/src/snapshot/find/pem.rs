//! Blocks of PEM (RFC 7468), in lines, in one line with `\n`, and cut at either end.

use std::ops::Range;

use super::scan::{length, up_to};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Parts of the labels of blocks that anybody may read.
const OPEN: [&str; 8] =
    ["CERTIFICATE", "PUBLIC KEY", "PARAMETERS", "X509 CRL", "SIGNATURE", "PGP MESSAGE", "PKCS7", "CMS"];

/// The contents of all blocks that may have a secret.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    blocks(text).into_iter().filter(|(label, _)| !is_open(label)).map(|(_, content)| content).collect()
}

/// The contents of the blocks without a secret.
pub(super) fn open(text: &str) -> Vec<Range<usize>> {
    blocks(text).into_iter().filter(|(label, _)| is_open(label)).map(|(_, content)| content).collect()
}

fn is_open(label: &str) -> bool {
    OPEN.iter().any(|part| label.contains(part)) && !label.contains("PRIVATE")
}

/// The blocks' labels and contents.
fn blocks(text: &str) -> Vec<(&str, Range<usize>)> {
    let begins = text.match_indices(BEGIN).map(|(at, _)| (at, true));
    let ends = text.match_indices(END).map(|(at, _)| (at, false));
    let mut marks: Vec<(usize, bool)> = begins.chain(ends).collect();
    marks.sort_unstable();
    let mut found = Vec::new();
    let mut after_last = 0;
    for (index, (at, is_begin)) in marks.iter().copied().enumerate() {
        let mark = at + if is_begin { BEGIN.len() } else { END.len() };
        let Some(label) = label(&text[mark..]) else { continue };
        let after = mark + label.len() + DASHES.len();
        let next = marks.get(index + 1).copied();
        let until = next.map_or(text.len(), |(next, _)| next).max(after);
        let content = match (is_begin, next) {
            (true, Some((_, false))) => after..until,
            (true, _) => after..after + body_length(&text[after..until]),
            (false, _) if index > 0 && marks[index - 1].1 => {
                after_last = after;
                continue;
            }
            (false, _) => cut_begin(text, after_last, at),
        };
        after_last = after.max(content.end);
        found.push((label, content));
    }
    found
}

fn label(text: &str) -> Option<&str> {
    let end = length(up_to(text, 64), |letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == ' ');
    text[end..].starts_with(DASHES).then(|| &text[..end])
}

/// The length of a content without its end, as in a log that breaks off: words of base64 and headers.
fn body_length(text: &str) -> usize {
    length(text, |letter| letter.is_ascii_alphanumeric() || letter.is_ascii_whitespace() || "+/=\\,:-".contains(letter))
}

/// The content before an end whose beginning is cut off: the lines that end with a word of base64.
fn cut_begin(text: &str, from: usize, end: usize) -> Range<usize> {
    let mut start = end;
    for line in text[from..end].rsplit_inclusive_lines() {
        let word = line.trim_end().rsplit([' ', '\t', '"', '\'']).next().unwrap_or_default();
        let is_base64 =
            word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\\".contains(&byte));
        if !is_base64 {
            break;
        }
        start -= line.len();
    }
    start..end
}

trait ReversedLines {
    fn rsplit_inclusive_lines(&self) -> impl Iterator<Item = &str>;
}

impl ReversedLines for str {
    /// Lines with their ends, the last one first.
    fn rsplit_inclusive_lines(&self) -> impl Iterator<Item = &str> {
        let mut rest = self;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let start = rest[..rest.len() - usize::from(rest.ends_with('\n'))].rfind('\n').map_or(0, |end| end + 1);
            let line = &rest[start..];
            rest = &rest[..start];
            Some(line)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_of_private_blocks_are_found() {
        for (text, expected) in [
            ("", vec![]),
            ("a -----BEGIN RSA PRIVATE KEY-----\nMIIx\nyz==\n-----END RSA PRIVATE KEY----- b", vec!["\nMIIx\nyz==\n"]),
            (r"-----BEGIN PRIVATE KEY-----\nMIIx\n-----END PRIVATE KEY-----\n", vec![r"\nMIIx\n"]),
            ("-----BEGIN PRIVATE KEY----- MIIx -----END PRIVATE KEY-----", vec![" MIIx "]),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\ncut", vec!["\nb3Bl\ncut"]),
            ("-----BEGIN EC PRIVATE KEY-----\nab\n(no end)", vec!["\nab\n"]),
            ("the log\n2026 abcdef==\n2026 gh12\n-----END PRIVATE KEY-----", vec!["2026 abcdef==\n2026 gh12\n"]),
            ("-----BEGIN CERTIFICATE-----\nMIIx\n-----END CERTIFICATE-----", vec![]),
            ("-----BEGIN PUBLIC KEY-----\nMIIx\n-----END PUBLIC KEY-----", vec![]),
            (
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nv: 1\n\nlQ\n-----END PGP PRIVATE KEY BLOCK-----",
                vec!["\nv: 1\n\nlQ\n"],
            ),
            (
                "-----BEGIN CERTIFICATE-----\na\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nb\n-----END PRIVATE KEY-----",
                vec!["\nb\n"],
            ),
            ("-----BEGIN x-----\nabc\n-----END ", vec![]),
        ] {
            let found: Vec<&str> = find(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
