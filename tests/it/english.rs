//! Documents, comments and messages are plain English: they avoid the turns of phrase below.

use std::fs;
use std::path::Path;

use crate::architecture::source_files;
use crate::support::repository;

/// Phrases that hide who acts or that no reader would search for, each with the words to use instead.
///
/// A phrase matches whole words whatever their case, across the lines of a comment. `*` at its end matches any ending; a word
/// with a capital matches only the start of a sentence.
const PHRASES: [(&str, &str); 20] = [
    ("What", "name the noun: \"The files that …\""),
    ("whoever", "name who acts: \"the caller\", \"a user who …\""),
    ("of which", "start a new sentence"),
    ("made again", "rebuilt, recreated; or say that it is stale"),
    ("make again", "rebuild, recreate"),
    ("makes again", "rebuilds, recreates"),
    ("is told", "say who prints or passes it"),
    ("are told", "say who prints or passes it"),
    ("was told", "say who prints or passes it"),
    ("comes to", "results in, reaches"),
    ("come to", "result in, reach"),
    ("is none", "\"there is no …\", or None"),
    ("are none", "\"there are no …\""),
    ("what is below", "name it: \"the base image\", \"the files in the folder\""),
    ("brings", "installs, adds, needs, starts"),
    ("from anywhere", "external"),
    ("hidden dependenc*", "run-time dependency"),
    ("nobody's to tell", "say that the error is ignored, and why"),
    ("anew", "again; or update, rebuild"),
    ("if need be", "if needed"),
];

/// This file, which has to quote the phrases.
const QUOTES: &str = "tests/it/english.rs";

#[test]
fn prose_avoids_refused_phrases() {
    let mut hits = Vec::new();
    for path in source_files() {
        let name = path.strip_prefix(repository()).expect("a file of the repository").to_string_lossy().into_owned();
        let Some(language) = Language::of(&path).filter(|_| name != QUOTES) else { continue };
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let found = refused(language, &text);
        hits.extend(
            found.iter().map(|hit| format!("{name}:{}: `{}`; instead: {}", hit.line, hit.phrase, hit.suggestion)),
        );
    }
    assert!(hits.is_empty(), "{} refused phrases:\n{}", hits.len(), hits.join("\n"));
}

#[test]
fn refused_phrases_are_found_in_prose_only() {
    type Case<'c> = (Language, &'c str, &'c [(usize, &'c str)]);
    let cases: &[Case<'_>] = &[
        (Language::Rust, "fn x() {}\n// It is made again.\n", &[(2, "made again")]),
        (Language::Rust, "/// The folder is made\n    /// again later.\n", &[(1, "made again")]),
        (Language::Rust, "/* a\n/* nested */ is told */", &[(2, "is told")]),
        (Language::Rust, r#"let x = "\nWhat runs";"#, &[(1, "What")]),
        (Language::Rust, "let x = r#\"a \"quoted\" one\nis told\"#;", &[(2, "is told")]),
        (Language::Rust, "let x = \"two words \\\n    from anywhere\";", &[(2, "from anywhere")]),
        (Language::Rust, "let whoever: &'static str = What(brings, '\"', b'\\'', r#from);", &[]),
        (Language::Rust, "let is = \"is\"; // told", &[]),
        (Language::Rust, "// It was made. Again it fails.", &[]),
        (Language::Rust, "// Say what it does; a `What x` is a name.", &[]),
        (Language::Rust, "// A hidden dependency.", &[(1, "hidden dependenc*")]),
        (Language::Markdown, "All of\nwhich, in `of which` here", &[(1, "of which")]),
        (Language::Markdown, "```\nis told\n```\n    comes to\n* is none\n", &[(5, "is none")]),
        (Language::Plain, "# What this does\necho 'it is none'\n", &[(1, "What"), (2, "is none")]),
    ];
    for (language, text, expected) in cases {
        let found: Vec<(usize, &str)> = refused(*language, text).iter().map(|hit| (hit.line, hit.phrase)).collect();
        assert_eq!(found, *expected, "{text}");
    }
}

/// The syntax that separates prose from code.
#[derive(Clone, Copy)]
enum Language {
    /// Comments and string literals are prose.
    Rust,
    /// Text outside of code is prose.
    Markdown,
    /// All of a file counts: shell, Python, TOML, JSON.
    Plain,
}

impl Language {
    fn of(path: &Path) -> Option<Language> {
        match path.extension().and_then(|end| end.to_str()) {
            Some("rs") => Some(Language::Rust),
            Some("md") => Some(Language::Markdown),
            Some("sh" | "py" | "toml" | "ebuild" | "eclass") => Some(Language::Plain),
            Some("json") if path.ends_with("schema/image.schema.json") => Some(Language::Plain),
            None if path.parent().and_then(Path::file_name).is_some_and(|folder| folder == ".ci") => {
                Some(Language::Plain)
            }
            _ => None,
        }
    }
}

/// A phrase that was found.
struct Hit {
    line: usize,
    phrase: &'static str,
    suggestion: &'static str,
}

/// All refused phrases of a text, in its order.
fn refused(language: Language, text: &str) -> Vec<Hit> {
    let prose = match language {
        Language::Rust => rust_prose(text),
        Language::Markdown => markdown_prose(text),
        Language::Plain => text.to_owned(),
    };
    let words: Vec<Word> = prose.lines().zip(1..).flat_map(|(text, line)| words(text, line)).collect();
    // Spares nearly all words a closer look.
    let initial = |text: &str| text.bytes().next().map(|byte| byte.to_ascii_lowercase());
    let mut hits = Vec::new();
    for (at, word) in words.iter().enumerate() {
        for (phrase, suggestion) in PHRASES {
            if initial(phrase) == initial(word.text) && matches(phrase, &words[at..]) {
                hits.push(Hit { line: word.line, phrase, suggestion });
            }
        }
    }
    hits
}

/// A word of prose without the punctuation around it.
struct Word<'p> {
    line: usize,
    text: &'p str,
    /// Punctuation stands before it.
    is_after: bool,
    /// Punctuation stands behind it.
    is_before: bool,
}

fn words(text: &str, line: usize) -> impl Iterator<Item = Word<'_>> {
    text.split_whitespace().map(move |whole| {
        let text = whole.trim_matches(|char: char| char.is_ascii_punctuation() && char != '_');
        Word { line, text, is_after: !whole.starts_with(text), is_before: !whole.ends_with(text) }
    })
}

/// Whether words begin with a phrase that no punctuation interrupts.
fn matches(phrase: &str, words: &[Word<'_>]) -> bool {
    let mut words = words.iter();
    let mut is_interrupted = false;
    phrase.split(' ').enumerate().all(|(at, expected)| {
        let Some(word) = words.next() else { return false };
        let is_apart = at > 0 && (is_interrupted || word.is_after);
        is_interrupted = word.is_before;
        !is_apart
            && match expected.strip_suffix('*') {
                Some(stem) => word.text.get(..stem.len()).is_some_and(|start| start.eq_ignore_ascii_case(stem)),
                None if expected.starts_with(char::is_uppercase) => word.text == expected,
                None => word.text.eq_ignore_ascii_case(expected),
            }
    })
}

/// Stands where code interrupts prose, so that no phrase reaches across.
const BREAK: char = '\u{1}';

/// Markdown without fences and indented blocks.
fn markdown_prose(text: &str) -> String {
    let mut is_fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        if !(is_fenced || is_fence || line.starts_with("    ")) {
            push_line(&mut prose, line);
        }
        prose.push('\n');
    }
    prose
}

/// The comments and the string literals of a Rust source, on the lines where they stand.
fn rust_prose(text: &str) -> String {
    let mut prose = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, length) = piece(rest);
        match piece {
            Piece::Prose(text) => {
                let end = if text.ends_with('\n') { "\n" } else { "" };
                for (at, line) in text.lines().enumerate() {
                    prose.push_str(if at > 0 { "\n" } else { "" });
                    push_line(&mut prose, line.trim_start().trim_start_matches(['/', '!', '*']));
                }
                prose.push_str(end);
            }
            Piece::Code if rest.starts_with(char::is_whitespace) => prose.push_str(&rest[..length]),
            Piece::Code => prose.extend([' ', BREAK, ' ']),
        }
        rest = &rest[length..];
    }
    prose
}

/// Adds a line, with a break for text in backticks, which is code.
fn push_line(prose: &mut String, line: &str) {
    for (at, part) in line.split('`').enumerate() {
        prose.push_str(if at % 2 == 0 { part } else { "\u{1}" });
    }
}

/// A part of a Rust source.
enum Piece {
    /// A comment, or the text of a string literal without its escapes.
    Prose(String),
    Code,
}

/// The first piece of a source that is not empty, and its length in bytes.
fn piece(source: &str) -> (Piece, usize) {
    let is_name = |char: char| char.is_alphanumeric() || char == '_';
    if source.starts_with("//") {
        let end = source.find('\n').unwrap_or(source.len());
        (Piece::Prose(source[..end].to_owned()), end)
    } else if source.starts_with("/*") {
        let end = block_comment(source);
        (Piece::Prose(source[..end].to_owned()), end)
    } else if let Some(literal) = string_literal(source) {
        literal
    } else if source.starts_with('\'') {
        (Piece::Code, char_literal(source))
    } else {
        let name = source.find(|char| !is_name(char)).unwrap_or(source.len());
        (Piece::Code, name.max(source.chars().next().map_or(0, char::len_utf8)))
    }
}

/// The length of a block comment; others may be nested in it.
fn block_comment(source: &str) -> usize {
    let mut depth = 0_u32;
    let marks =
        source.char_indices().filter(|(at, _)| source[*at..].starts_with("/*") || source[*at..].starts_with("*/"));
    for (at, char) in marks {
        if char == '/' {
            depth += 1
        } else {
            depth -= 1
        }
        if depth == 0 {
            return at + 2;
        }
    }
    source.len()
}

/// A string literal at the beginning of a source: plain, raw, of bytes or of C.
fn string_literal(source: &str) -> Option<(Piece, usize)> {
    let prefixes = ["", "r", "b", "c", "br", "cr"].into_iter();
    let mut prefixes =
        prefixes.filter(|prefix| source.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['"', '#'])));
    let prefix = prefixes.next()?;
    let (name, is_raw) = (prefix.len(), prefix.ends_with('r'));
    let hashes = source[name..].chars().take_while(|char| *char == '#').count();
    let start = name + hashes + 1;
    if !source[name + hashes..].starts_with('"') || (hashes > 0 && !is_raw) {
        return None;
    }
    let text = &source[start..];
    if is_raw {
        let closing = format!("\"{}", "#".repeat(hashes));
        let end = text.find(&closing).unwrap_or(text.len());
        return Some((Piece::Prose(text[..end].to_owned()), (start + end + closing.len()).min(source.len())));
    }
    let mut plain = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((Piece::Prose(plain), start + at + 1)),
            // Only the end of a line counts of an escape: the lines of hits are counted by it.
            '\\' => plain.push(chars.next().filter(|(_, escaped)| *escaped == '\n').map_or(' ', |_| '\n')),
            _ => plain.push(char),
        }
    }
    Some((Piece::Prose(plain), source.len()))
}

/// The length of a character literal, or of the mark of a lifetime.
fn char_literal(source: &str) -> usize {
    let text = &source[1..];
    let first = text.chars().next().map_or(0, char::len_utf8);
    match text.strip_prefix('\\') {
        // The escaped character may be a quote itself.
        Some(escaped) => escaped.char_indices().skip(1).find(|(_, char)| *char == '\'').map_or(1, |(at, _)| at + 3),
        None if text[first..].starts_with('\'') => first + 2,
        None => 1,
    }
}
