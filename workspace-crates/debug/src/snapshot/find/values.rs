//! Where a value ends: quoted, bracketed, to the end of the line, or a word.

use std::ops::Range;

use super::scan::{length, up_to};

/// The most bytes that a value in brackets or quotes may have; a longer one is cut at its line's end.
const LONGEST: usize = 64 << 10;

/// A kind of text around a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Around {
    /// A line of its own, as in a configuration file: the value has the rest of it.
    Line,
    /// A line inside of this quote.
    Quoted(char),
    /// The parameters of an address.
    Query,
    /// The text of an element, up to `<`.
    Element,
    /// Anything else: one word.
    Word,
}

/// The value at the text's start, without its quotes.
pub(super) fn value(text: &str, around: Around) -> Range<usize> {
    // `b'…'`, `Some("…")`, `$'…'`.
    let word = length(text, |letter| letter.is_ascii_alphanumeric() || "_$:".contains(letter));
    let opening = word + usize::from(word > 0 && text[word..].starts_with('('));
    if let Some(inside) = quoted(&text[opening..]).filter(|_| around != Around::Element && word <= 24) {
        return opening + inside.start..opening + inside.end;
    }
    let end = match (text.chars().next(), around) {
        (Some(open @ ('{' | '[')), Around::Line | Around::Word | Around::Quoted(_)) => {
            bracketed(text, open).unwrap_or_else(|| length(text, |letter| letter != '\n'))
        }
        (_, Around::Line) => length(text, |letter| letter != '\n' && letter != '\r'),
        (_, Around::Quoted(quote)) => length(text, |letter| letter != '\n' && letter != quote),
        (_, Around::Element) => length(text, |letter| letter != '<'),
        (_, Around::Query) => length(text, |letter| !letter.is_whitespace() && !"&#\"'<>\\".contains(letter)),
        (_, Around::Word) => word_length(text),
    };
    0..end
}

/// The inside of a quoted value. The backslashes before its first quote are those of a JSON text in a string.
fn quoted(text: &str) -> Option<Range<usize>> {
    let escapes = length(text, |letter| letter == '\\');
    let quote = text[escapes..].chars().next().filter(|letter| "\"'`".contains(*letter))?;
    let triple = String::from(quote).repeat(3);
    if text.starts_with(&triple) {
        return text[3..].find(&triple).filter(|end| *end < LONGEST).map(|end| 3..3 + end);
    }
    let begin = escapes + 1;
    let mut backslashes = 0;
    let mut letters = text[begin..].char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\n' => return Some(begin..begin + at),
            '\\' => backslashes += 1,
            _ if letter == quote => {
                let closes = if escapes == 0 { backslashes % 2 == 0 } else { backslashes <= escapes };
                // SQL and YAML write a quote twice.
                let is_double = escapes == 0 && at > 0 && letters.next_if(|(_, next)| *next == quote).is_some();
                if closes && !is_double {
                    return Some(begin..begin + at - if escapes == 0 { 0 } else { backslashes });
                }
                backslashes = 0;
            }
            _ => backslashes = 0,
        }
    }
    Some(begin..text.len())
}

/// The length of a value in brackets, to the one that closes the first.
fn bracketed(text: &str, open: char) -> Option<usize> {
    let close = if open == '{' { '}' } else { ']' };
    let (mut depth, mut quote, mut is_escaped) = (0_usize, None, false);
    for (at, letter) in text.char_indices().take_while(|(at, _)| *at < LONGEST) {
        match (quote, letter) {
            _ if is_escaped => is_escaped = false,
            (_, '\\') => is_escaped = true,
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, letter) if letter == open => depth += 1,
            (None, letter) if letter == close => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The length of an unquoted word. `,`, `;`, `&` and brackets end it only where something else follows.
fn word_length(text: &str) -> usize {
    for (at, letter) in text.char_indices() {
        let rest = &text[at + letter.len_utf8()..];
        let ends = match letter {
            _ if letter.is_whitespace() => true,
            '"' | '\'' | '`' | '<' => true,
            '\\' => rest.starts_with(['n', 'r', 't', '"']),
            ',' | ';' | '&' | '|' => is_end(rest) || begins_name(rest),
            ')' | '}' | ']' => is_end(up_to(rest, 16).trim_start_matches([')', '}', ']', ',', ';', '.', ':'])),
            _ => false,
        };
        if ends {
            return at;
        }
    }
    text.len()
}

fn is_end(rest: &str) -> bool {
    rest.chars().next().is_none_or(|letter| letter.is_whitespace() || "\"'`\\".contains(letter))
}

/// Whether `name=` or `name:` begins here.
fn begins_name(text: &str) -> bool {
    let name = length(up_to(text, 64), |letter| letter.is_alphanumeric() || "_-. ".contains(letter));
    name > 0 && text[name..].starts_with(['=', ':'])
}

/// The length of the lines below a name that are indented deeper than it: a block of YAML.
pub(super) fn block_length(text: &str, indent: usize) -> usize {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        let own = length(line, |letter| letter == ' ' || letter == '\t');
        if own <= indent && !line.trim().is_empty() {
            break;
        }
        end += line.len();
    }
    text[..end].trim_end().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_their_form_says() {
        for (text, around, expected) in [
            ("a b\nc", Around::Line, "a b"),
            ("a b\nc", Around::Word, "a"),
            ("a&b=c", Around::Query, "a"),
            ("a&b", Around::Word, "a&b"),
            ("a,b", Around::Word, "a,b"),
            ("a,b=c", Around::Word, "a"),
            ("a, b", Around::Word, "a"),
            ("a;User Id=b", Around::Word, "a"),
            ("a)", Around::Word, "a"),
            ("a)b", Around::Word, "a)b"),
            ("a}]", Around::Word, "a"),
            ("a<b", Around::Element, "a"),
            ("a b'c", Around::Quoted('\''), "a b"),
            (r#""a b" c"#, Around::Word, "a b"),
            (r#""a\"b" c"#, Around::Line, r#"a\"b"#),
            (r#""a\\" c"#, Around::Word, r"a\\"),
            ("'a''b' c", Around::Word, "a''b"),
            (r#""" x"#, Around::Word, ""),
            (r#"\"a b\" c"#, Around::Word, "a b"),
            (r#"\"a\\\"b\" c"#, Around::Word, r#"a\\\"b"#),
            ("'open", Around::Word, "open"),
            ("'open\nx", Around::Word, "open"),
            ("\"\"\"a\nb\"\"\" c", Around::Line, "a\nb"),
            (r#"Some("a b"), x"#, Around::Word, "a b"),
            ("b'a b' x", Around::Word, "a b"),
            (r#"{"a": "}", "b": {}} x"#, Around::Word, r#"{"a": "}", "b": {}}"#),
            ("[a, [b]] x", Around::Line, "[a, [b]]"),
            ("{open x\ny", Around::Word, "{open x"),
            ("", Around::Word, ""),
            ("äöü ß", Around::Word, "äöü"),
        ] {
            assert_eq!(&text[value(text, around)], expected, "{text:?} {around:?}");
        }
    }

    #[test]
    fn block_ends_at_its_indentation() {
        for (text, indent, expected) in
            [("  a\n  b\nc", 0, "  a\n  b"), ("    a\n\n    b\n  c", 2, "    a\n\n    b"), ("a", 0, ""), ("", 0, "")]
        {
            assert_eq!(&text[..block_length(text, indent)], expected, "{text:?}");
        }
    }
}
