//! Untrusted text within XML and HTML.

/// Escapes text for use between tags and in quoted attributes. Characters that XML forbids become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            // XML 1.0, production 2.
            '\u{0}'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Shortens text to `most` characters, the last of them an ellipsis.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_is_not_markup() {
        for (text, expected) in [
            ("/usr/lib64/libz.so.1", "/usr/lib64/libz.so.1"),
            ("</svg><script>", "&lt;/svg&gt;&lt;script&gt;"),
            ("\" onload='x'", "&quot; onload=&#39;x&#39;"),
            ("a&b\n\u{1}\u{1b}[31m", "a&amp;b \u{fffd}\u{fffd}[31m"),
            ("größe", "größe"),
        ] {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn long_text_ends_with_an_ellipsis() {
        for (text, most, expected) in [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("äöü", 2, "ä…"), ("abc", 0, "…")]
        {
            assert_eq!(shortened(text, most), expected);
        }
    }
}
