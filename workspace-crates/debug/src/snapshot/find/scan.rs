//! Steps through a text.

/// The length of the text's start whose letters belong to a class.
pub(super) fn length(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|letter| !belongs(letter)).unwrap_or(text.len())
}

/// The text's start of at most so many bytes.
pub(super) fn up_to(text: &str, most: usize) -> &str {
    &text[..(0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0)]
}

/// Whether a word can begin here: after no letter, or after the letter of an escape such as `\n` or `%20`.
pub(super) fn begins_word(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    match before {
        [] => true,
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
        [.., last] => !(last.is_ascii_alphanumeric() || *last >= 0x80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_after_escapes() {
        for (text, expected) in [("", true), ("x", false), ("x ", true), (r"\n", true), ("%2F", true), ("ä", false)] {
            assert_eq!(begins_word(text, text.len()), expected, "{text}");
        }
    }
}
