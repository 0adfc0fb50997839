//! Secrets that a text itself marks by a name or a header: `password=…`, `--token …`, `"key": …`, `Bearer …`.

use std::ops::Range;

use super::addresses;
use super::names::{is_secret, is_secret_parameter};
use super::scan::{begins_word, length};
use super::values::{Around, block_length, value};

/// The secrets, in their order.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let range = scheme(text, at).or_else(|| addresses::find_at(text, at)).or_else(|| named(text, at));
        if let Some(range) = range.filter(|range| !range.is_empty()) {
            at = range.end.max(at + first.len_utf8());
            found.push(range);
        } else {
            // A whole word, so that its end does not count as a name.
            at += name_length(&text[at..]).max(first.len_utf8());
        }
    }
    found
}

/// Finds `Bearer abc`, `Basic YTpi`: RFC 9110, section 11.4. Other words may begin with these.
fn scheme(text: &str, at: usize) -> Option<Range<usize>> {
    const SHORTEST: usize = 6;
    let names = ["bearer ", "basic ", "negotiate ", "ssws ", "apikey "];
    let name = names.into_iter().find(|name| {
        text.get(at..at + name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) && begins_word(text, at)
    })?;
    let start = at + name.len();
    let secret = length(&text[start..], |letter| letter.is_ascii_alphanumeric() || "-._~+/=".contains(letter));
    (secret >= SHORTEST && !text[start..].starts_with("realm=")).then_some(start..start + secret)
}

/// Finds `name=value`, `name: value`, `"name": "value"`, `--name value`, `<name>value<` with a secret name.
fn named(text: &str, at: usize) -> Option<Range<usize>> {
    let name_end = at + name_length(&text[at..]);
    let name = &text[at..name_end];
    let before = text[..at].chars().next_back();
    // The letter of an escape is no part of a name: `\npassword`.
    let name = match before {
        Some('\\') if name.starts_with(['n', 'r', 't']) => &name[1..],
        _ => name,
    };
    let in_query = matches!(before, Some('?' | '&'));
    if name.is_empty() || !(is_secret(name) || (in_query && is_secret_parameter(name))) {
        return None;
    }
    if let Some(start) = paired(text, name_end) {
        return shifted(text, start, Around::Word);
    }
    if name.eq_ignore_ascii_case("key")
        && let Some(inner) = separator(&text[name_end..], false, before).map(|own| name_end + own.length)
        && let Some(name) = shifted(text, inner, Around::Word)
        && is_secret(&text[name.clone()])
        && let Some(start) = paired(text, name.end)
    {
        return shifted(text, start, Around::Word);
    }
    let is_option = name.starts_with("--");
    let separator = separator(&text[name_end..], is_option, before)?;
    let mut start = name_end + separator.length;
    let rest = &text[start..];
    let indent = indentation(text, at);
    if let (':', Some(indent)) = (separator.sign, indent) {
        let head = rest.lines().next().unwrap_or_default().trim_start();
        let is_block = head.starts_with(['|', '>']) && head.len() <= 3;
        if is_block || head.is_empty() {
            let skipped = rest.find('\n')? + 1;
            let block = block_length(&rest[skipped..], indent);
            let is_table = |line: &str| line.trim_start().starts_with("- ") || line.contains(": ");
            let lines = &rest[skipped..skipped + block];
            return (is_block || lines.lines().all(is_table)).then_some(start + skipped..start + skipped + block);
        }
    }
    start += length(rest, |letter| letter == ' ' || letter == '\t');
    if is_option && separator.sign == ' ' && text[start..].starts_with('-') {
        return None;
    }
    let is_header =
        name.to_ascii_lowercase().ends_with("authorization") || name.to_ascii_lowercase().ends_with("cookie");
    let around = match (separator.sign, before) {
        ('>', _) => Around::Element,
        _ if in_query => Around::Query,
        (':', Some(quote @ ('"' | '\''))) if !separator.after_quote => Around::Quoted(quote),
        (':', _) if is_header => Around::Line,
        (':' | '=', _) if indent.is_some() => Around::Line,
        _ => Around::Word,
    };
    shifted(text, start, around)
}

fn shifted(text: &str, start: usize, around: Around) -> Option<Range<usize>> {
    let value = value(&text[start..], around);
    let found = start + value.start..start + value.end;
    (!text[found.clone()].trim().is_empty()).then_some(found)
}

/// The separator of a name and its value.
struct Separator {
    sign: char,
    length: usize,
    /// Whether a quote ends the name.
    after_quote: bool,
}

fn separator(text: &str, is_option: bool, before: Option<char>) -> Option<Separator> {
    // `"name"`, `\"name\"`, `['name']`.
    let escapes = length(text, |letter| letter == '\\');
    let after_quote = text[escapes..].starts_with(['"', '\'', '`']);
    let mut end = if after_quote { escapes + 1 } else { 0 };
    end += usize::from(after_quote && text[end..].starts_with(']'));
    let gap = length(&text[end..], |letter| letter == ' ' || letter == '\t');
    let rest = &text[end + gap..];
    for sign in ["=>", ":=", "=", ":"] {
        // A comparison is no assignment.
        if rest.starts_with(sign) && !rest.starts_with("==") && !rest.starts_with("::") {
            let value = rest[sign.len()..].chars().next();
            // `name : value` and prose apart: a sign after a gap has one behind it.
            let is_apart = gap == 0 || value.is_none_or(char::is_whitespace) || after_quote;
            let sign = sign.trim_end_matches('>').trim_start_matches(':');
            let sign = sign.chars().next().unwrap_or(':');
            return is_apart.then(|| Separator { sign, length: end + gap + rest.len().min(signs(rest)), after_quote });
        }
    }
    match before {
        _ if is_option && gap > 0 => Some(Separator { sign: ' ', length: end + gap, after_quote }),
        Some('<') if text.starts_with('>') => Some(Separator { sign: '>', length: 1, after_quote }),
        _ => None,
    }
}

/// The length of the signs at the text's start.
fn signs(text: &str) -> usize {
    ["=>", ":="].iter().find(|sign| text.starts_with(**sign)).map_or(1, |sign| sign.len())
}

/// The place of the value where a secret name is itself a value: `name: DB_PASSWORD`, then `value: …`, as Kubernetes has it.
fn paired(text: &str, name_end: usize) -> Option<usize> {
    let gap = |from: usize| from + length(&text[from..], |letter| letter.is_whitespace() || "\"',\\".contains(letter));
    let word = gap(name_end);
    if word == name_end || !text[word..].get(..5).is_some_and(|start| start.eq_ignore_ascii_case("value")) {
        return None;
    }
    let quoted = word + 5 + length(&text[word + 5..], |letter| "\"'\\ ".contains(letter));
    let separator = text[quoted..].starts_with(['=', ':']);
    separator.then(|| quoted + 1 + length(&text[quoted + 1..], |letter| letter == ' '))
}

/// The indentation of the line, if only marks of lists, `export` or a log's time stand before this place.
fn indentation(text: &str, at: usize) -> Option<usize> {
    // The look back has a limit: a text of one line is not searched from each of its words.
    let from = (at.saturating_sub(256)..=at).find(|from| text.is_char_boundary(*from))?;
    let start = match text[from..at].rfind('\n') {
        Some(end) => from + end + 1,
        None if from == 0 => 0,
        None => return None,
    };
    let before = &text[start..at];
    let indent = length(before, |letter| letter == ' ' || letter == '\t');
    let is_time = |word: &str| {
        word.len() >= 19
            && word.starts_with(|first: char| first.is_ascii_digit())
            && word.contains('T')
            && word.contains(':')
    };
    let harmless = |word: &str| ["-", "export", "set", "ENV", "ARG", "#", "\"", "'"].contains(&word) || is_time(word);
    before.split_whitespace().all(harmless).then_some(indent)
}

/// The length of the name at a text's start, with an option's dashes.
fn name_length(text: &str) -> usize {
    length(text, |letter| letter.is_alphanumeric() || "_-.".contains(letter))
}
