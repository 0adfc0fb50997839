//! The rendering of errors in cargo's manner: the message, the line of the Cargo.toml, and the help.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet};
use camino::Utf8Path;
use tierce_execute::Error;
use tierce_manifest::Place;

use crate::terminal::shown::{Shown, escaped_source, one_line};

/// The most mistakes that are shown: nobody reads more of them at once.
const MOST_ERRORS: usize = 100;

/// Returns the whole text of an error. Paths inside of `folder`, the current one, are relative to it.
pub(crate) fn render(error: &Error, folder: &Utf8Path, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    match error.source_as::<tierce_manifest::Errors>() {
        Some(errors) => {
            let render = |error: &tierce_manifest::Error| {
                let mut marks = vec![Mark::primary(&error.place, &error.label, errors.text(&error.place))];
                marks.extend(error.also.iter().map(|(place, what)| Mark::also(place, what, errors.text(place))));
                marks.iter_mut().for_each(|mark| mark.path = from(folder, mark.path));
                snippet(&renderer, &error.message, &marks, error.help.as_deref())
            };
            let mut text: String = errors.iter().take(MOST_ERRORS).map(|error| render(error) + "\n").collect();
            if errors.len() > 1 {
                let mut message = format!("{} mistakes in the tables of images", errors.len());
                if errors.len() > MOST_ERRORS {
                    message = format!("{message}; these are the first {MOST_ERRORS}");
                }
                text.push_str(&snippet(&renderer, &message, &[], None));
            }
            text
        }
        None => {
            let message = with_causes(error);
            let text = error.place().map(text_of);
            let mut mark = error.place().zip(text.as_deref()).map(|(place, text)| Mark::primary(place, "", text));
            mark.iter_mut().for_each(|mark| mark.path = from(folder, mark.path));
            snippet(&renderer, &message, mark.as_slice(), error.help())
        }
    }
}

/// Returns the text of a place's file: the library's own, or one of the host.
fn text_of(place: &Place) -> String {
    let read = || tierce_bounded::text(place.file.as_std_path(), &tierce_bounded::TEXT).unwrap_or_default();
    tierce_manifest::library_text(&place.file).map_or_else(read, str::to_owned)
}

/// Renders an error without a place.
pub(crate) fn render_session(error: &tierce_debug::Error, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    snippet(&renderer, &with_causes(error), &[], error.help().as_deref())
}

/// A place in a text, with its label.
struct Mark<'a> {
    path: &'a str,
    /// The lines of the place, escaped.
    text: String,
    /// The number of the first of them.
    line: usize,
    /// The place in this text.
    span: Range<usize>,
    label: &'a str,
    kind: AnnotationKind,
}

impl<'a> Mark<'a> {
    fn primary(place: &'a Place, label: &'a str, text: &'a str) -> Mark<'a> {
        let span = within(&place.span, text);
        let (start, end) = lines_of(text, &span);
        let (shown, inside) = escaped_source(&text[start..end], &(span.start - start..span.end.min(end) - start));
        let line = text[..start].bytes().filter(|byte| *byte == b'\n').count() + 1;
        Mark { path: place.file.as_str(), text: shown, line, span: inside, label, kind: AnnotationKind::Primary }
    }

    fn also(place: &'a Place, label: &'a str, text: &'a str) -> Mark<'a> {
        Mark { kind: AnnotationKind::Context, ..Mark::primary(place, label, text) }
    }
}

/// Makes a path relative to a folder that contains it.
fn from<'a>(folder: &Utf8Path, path: &'a str) -> &'a str {
    Utf8Path::new(path).strip_prefix(folder).map_or(path, Utf8Path::as_str)
}

/// The start and the end of the lines that a span touches. A line without a letter has the one before it with it.
fn lines_of(text: &str, span: &Range<usize>) -> (usize, usize) {
    let start_of_line = |at: usize| text[..at].rfind('\n').map_or(0, |end| end + 1);
    let last = if !span.is_empty() && text[..span.end].ends_with('\n') { span.end - 1 } else { span.end };
    let end = text[last..].find('\n').map_or(text.len(), |end| last + end);
    let end = if end > span.end && text[..end].ends_with('\r') { end - 1 } else { end };
    match start_of_line(span.start) {
        start if start == end && start > 0 => (start_of_line(start - 1), end),
        start => (start, end),
    }
}

/// Limits a span to the text: the file may have changed since it was read.
fn within(span: &Range<usize>, text: &str) -> Range<usize> {
    let bound = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let start = bound(span.start);
    start..bound(span.end).max(start)
}

fn snippet(renderer: &Renderer, message: &str, marks: &[Mark<'_>], help: Option<&str>) -> String {
    let shown = |text: &str| Shown::text(text).as_str().to_owned();
    let message = shown(message);
    let mut lines = message.splitn(2, '\n');
    let title = lines.next().unwrap_or_default();
    let mut elements: Vec<Element<'_>> = Vec::new();
    for mark in marks.iter().filter(|mark| !mark.text.is_empty()) {
        let label = Some(one_line(mark.label)).filter(|label| !label.is_empty());
        let annotation = mark.kind.span(mark.span.clone()).label(label);
        elements.push(
            Snippet::source(&mark.text).line_start(mark.line).path(one_line(mark.path)).annotation(annotation).into(),
        );
    }
    if let Some(rest) = lines.next() {
        elements.push(Level::NOTE.message(unindented(rest)).into());
    }
    if let Some(help) = help {
        elements.push(Level::HELP.message(shown(help)).into());
    }
    let group = Group::with_title(Level::ERROR.primary_title(title)).elements(elements);
    renderer.render(&[group]) + "\n"
}

/// Removes the indentation of lines, which separates them from a message elsewhere.
fn unindented(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let is_indented = lines.iter().all(|line| line.starts_with("  "));
    lines.iter().map(|line| if is_indented { &line[2..] } else { line }).collect::<Vec<_>>().join("\n")
}

/// Joins a message and its causes, each once: many messages contain their cause.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_error_has_its_cause_once() {
        let error = Error::file("read", "/x".as_ref(), std::io::Error::other("it is gone"));
        insta::assert_snapshot!(render(&error, Utf8Path::new("/"), false), @"error: failed to read `/x`: it is gone");
    }

    #[test]
    fn foreign_text_is_escaped() {
        let source = std::io::Error::other("\x1b]0;title\x07\u{202e}gone");
        let error = Error::file("read", "/\x1b[31mx".as_ref(), source);
        for colour in [false, true] {
            let text = render(&error, Utf8Path::new("/"), colour);
            assert!(text.contains(r"`/\x1b[31mx`: \x1b]0;title\x07\u{202e}gone"), "{text}");
        }
    }

    #[test]
    fn source_with_escapes_has_its_mark_in_place() {
        let place = Place { file: Utf8Path::new("/a\u{202e}/Cargo.toml").into(), span: 8..12 };
        let text = "x = \"\x1b\u{200b}\x07ab\"\r\n";
        let renderer = Renderer::plain();
        let mark = Mark::primary(&place, "\x1b here", text);
        insta::assert_snapshot!(snippet(&renderer, "bad \u{9b}", &[mark], Some("no \u{2066}\nmore")), @r#"
        error: bad \u{9b}
         --> /a\u{202e}/Cargo.toml:1:10
          |
        1 | x = "\x1b\u{200b}\x07ab"
          |          ^^^^^^^^^^^^^^ \x1b here
          |
          = help: no \u{2066}
                  more
        "#);
    }

    #[test]
    fn indentation_that_all_lines_have_goes() {
        for (text, expected) in [("  a\n   b\n", "a\n b"), ("a\n  b", "a\n  b"), ("  a\n b", "  a\n b"), ("", "")] {
            assert_eq!(unindented(text), expected, "{text:?}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_current_folder() {
        for (folder, shown) in [
            ("/home/u", "app/Cargo.toml"),
            ("/home/u/app", "Cargo.toml"),
            ("/home/u/ap", "/home/u/app/Cargo.toml"),
            ("/", "home/u/app/Cargo.toml"),
        ] {
            assert_eq!(from(Utf8Path::new(folder), "/home/u/app/Cargo.toml"), shown, "{folder}");
        }
    }

    #[test]
    fn spans_are_kept_inside_of_the_text() {
        for (span, text, expected) in [(0..3, "abc", 0..3), (2..9, "abc", 2..3), (7..9, "abc", 3..3), (1..2, "ä", 0..2)]
        {
            assert_eq!(within(&span, text), expected, "{span:?} of {text}");
        }
    }
}
