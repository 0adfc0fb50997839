//! The way of all text to the terminal: what comes from tables, files, containers and the daemon cannot move the cursor, change
//! the direction of other text, or hide.

use std::io::{self, Write};
use std::ops::Range;

use anstyle::{AnsiColor, Style};

/// Text that is safe to show. Only this type reaches stdout and stderr, apart from the streams of interactive sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown(String);

impl Shown {
    /// Lines of text. Newlines and tabs stay.
    pub(crate) fn text(text: &str) -> Shown {
        Shown(escaped(text, |letter| letter == '\n' || letter == '\t'))
    }

    /// One line: a newline in it is escaped, and none follows.
    pub(crate) fn line(text: &str) -> Shown {
        Shown(one_line(text))
    }

    /// Text of this program, such as a notification's control sequence.
    pub(crate) fn own(text: impl Into<String>) -> Shown {
        Shown(text.into())
    }

    /// Text that this program has styled: its colours stay. Foreign parts of it have passed [`one_line`] or [`Shown::text`].
    pub(crate) fn styled(text: &str, colour: bool) -> Shown {
        Shown::stream(text.as_bytes(), colour)
    }

    /// Whole lines of another program's output. Of its control sequences only colours stay, and those only with `colour`. A
    /// carriage return ends a line, because nothing overwrites a line here.
    pub(crate) fn stream(bytes: &[u8], colour: bool) -> Shown {
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
        let mut shown = String::with_capacity(text.len());
        let mut is_styled = false;
        let mut rest = text.as_str();
        while let Some(at) = rest.find('\x1b') {
            shown.push_str(&Shown::text(&rest[..at]).0);
            rest = &rest[at..];
            let Some(sequence) = sequence(rest) else {
                shown.push_str("\\x1b");
                rest = &rest[1..];
                continue;
            };
            if let (Some(parameters), true) = (style(&rest[..sequence]), colour) {
                is_styled = !(parameters.is_empty() || parameters == "0");
                shown.push_str(&format!("\x1b[{parameters}m"));
            }
            rest = &rest[sequence..];
        }
        shown.push_str(&Shown::text(rest).0);
        if is_styled {
            // The next line is not in this program's colours.
            let end = if shown.ends_with('\n') { shown.len() - 1 } else { shown.len() };
            shown.insert_str(end, "\x1b[0m");
        }
        Shown(shown)
    }

    /// A coloured word, as cargo writes it, and a line about it.
    pub(crate) fn labelled(word: &str, style: Style, message: &Shown) -> Shown {
        Shown(format!("{style}{word}{style:#}{}\n", message.0))
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// This and another text.
    pub(crate) fn then(self, next: &Shown) -> Shown {
        Shown(self.0 + &next.0)
    }
}

/// A style of this program's words.
pub(crate) fn bold(colour: AnsiColor, is_coloured: bool) -> Style {
    if is_coloured { Style::new().bold().fg_color(Some(colour.into())) } else { Style::new() }
}

/// Writes data for other programs, or for people who asked for data.
pub(crate) fn write_stdout(text: &Shown) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.0.as_bytes())?;
    stdout.flush()
}

/// Writes to stderr. Errors are ignored: a closed stderr leaves no place to report them.
pub(crate) fn write_stderr(text: &Shown) {
    let _ = io::stderr().lock().write_all(text.0.as_bytes());
}

/// Foreign text as part of a line: a cell, a name, a reason.
pub(crate) fn one_line(text: &str) -> String {
    escaped(text, |letter| letter == '\t')
}

/// A text with escapes, and the place in it of a range of the text before.
pub(crate) fn escaped_source(text: &str, span: &Range<usize>) -> (String, Range<usize>) {
    let escape = |text: &str| escaped(&text.replace("\r\n", "\n"), |letter| letter == '\n' || letter == '\t');
    let (before, inside) = (escape(&text[..span.start]), escape(&text[span.clone()]));
    let place = before.len()..before.len() + inside.len();
    (before + &inside + &escape(&text[span.end..]), place)
}

/// JSON whose strings have escapes for what would be hidden: these characters stand in strings alone.
pub(crate) fn escaped_json(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for letter in json.chars() {
        if is_hidden(letter) && letter != '\n' {
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            letter if stays(letter) || !is_hidden(letter) => escaped.push(letter),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\0'..='\x7f' => escaped.push_str(&format!("\\x{:02x}", u32::from(letter))),
            _ => escaped.extend(letter.escape_unicode()),
        }
    }
    escaped
}

/// Whether a terminal acts on this character, or shows nothing for it: control characters, directions (Unicode Standard Annex
/// 9), formats, joiners, fillers, separators of lines, tags and selectors of variants.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
            | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The length of the control sequence at the text's start (ECMA-48); none for one without an end.
fn sequence(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes.get(1)? {
        b'[' => {
            let body = bytes[2..].iter().take_while(|byte| (0x20..0x40).contains(*byte)).count();
            bytes.get(2 + body).filter(|last| (0x40..0x7f).contains(*last)).map(|_| 2 + body + 1)
        }
        // Titles, links, notifications and the like end with BEL or ESC \, in the same line.
        b']' | b'P' | b'X' | b'^' | b'_' => {
            let line = text.find('\n').unwrap_or(text.len());
            let end = |mark: &str| text[2..line].find(mark).map(|at| 2 + at + mark.len());
            end("\x07").into_iter().chain(end("\x1b\\")).min()
        }
        b' '..=b'/' => bytes.get(2).filter(|last| (0x30..0x7f).contains(*last)).map(|_| 3),
        0x30..0x7f => Some(2),
        _ => None,
    }
}

/// The parameters of a sequence that selects colours and weights (SGR), without those that hide text.
fn style(sequence: &str) -> Option<String> {
    let parameters = sequence.strip_prefix("\x1b[")?.strip_suffix('m')?;
    if !parameters.bytes().all(|byte| byte.is_ascii_digit() || byte == b';') {
        return None;
    }
    let all: Vec<&str> = parameters.split(';').collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < all.len() {
        let length = match (all[at], all.get(at + 1)) {
            ("38" | "48" | "58", Some(&"5")) => 3,
            ("38" | "48" | "58", Some(&"2")) => 5,
            _ => 1,
        };
        let group = &all[at..all.len().min(at + length)];
        // 5 and 6 blink, 8 conceals.
        if !["5", "05", "6", "06", "8", "08"].contains(&group[0]) {
            kept.push(group.join(";"));
        }
        at += length;
    }
    (!kept.is_empty()).then(|| kept.join(";"))
}

#[cfg(test)]
#[path = "shown_tests.rs"]
mod tests;
