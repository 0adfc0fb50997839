//! How errors look: cargo's manner, with the line of the Cargo.toml to blame and what to do.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet};
use camino::Utf8Path;
use tierce_execute::Error;
use tierce_manifest::Place;

/// The whole text of an error, lines included. Files are named from `folder` on, the current one, where they lie in it.
pub(crate) fn render(error: &Error, folder: &Utf8Path, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    match error {
        Error::Manifest(errors) => {
            let render = |error: &tierce_manifest::Error| {
                let mut marks = vec![Mark::primary(&error.place, &error.label, errors.text(&error.place))];
                marks.extend(error.also.iter().map(|(place, what)| Mark::also(place, what, errors.text(place))));
                marks.iter_mut().for_each(|mark| mark.path = from(folder, mark.path));
                snippet(&renderer, &error.message, &marks, error.help.as_deref())
            };
            let mut text: String = errors.iter().map(|error| render(error) + "\n").collect();
            if errors.len() > 1 {
                text.push_str(&snippet(
                    &renderer,
                    &format!("{} mistakes in the tables of images", errors.len()),
                    &[],
                    None,
                ));
            }
            text
        }
        other => {
            let message = with_causes(other);
            let text = other.place().map(text_of);
            let mut mark = other.place().zip(text.as_deref()).map(|(place, text)| Mark::primary(place, "", text));
            mark.iter_mut().for_each(|mark| mark.path = from(folder, mark.path));
            snippet(&renderer, &message, mark.as_slice(), other.help().as_deref())
        }
    }
}

/// The text of the file of a place: the library's own, or one of the host.
fn text_of(place: &Place) -> String {
    let read = || std::fs::read_to_string(place.file.as_std_path()).unwrap_or_default();
    tierce_manifest::library_text(&place.file).map_or_else(read, str::to_owned)
}

/// The same for what has no place in a file.
pub(crate) fn render_session(error: &tierce_debug::Error, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    snippet(&renderer, &with_causes(error), &[], error.help().as_deref())
}

/// A place in a text, and what to say about it.
struct Mark<'a> {
    path: &'a str,
    text: &'a str,
    span: Range<usize>,
    label: &'a str,
    kind: AnnotationKind,
}

impl<'a> Mark<'a> {
    fn primary(place: &'a Place, label: &'a str, text: &'a str) -> Mark<'a> {
        Mark { path: place.file.as_str(), text, span: within(&place.span, text), label, kind: AnnotationKind::Primary }
    }

    fn also(place: &'a Place, label: &'a str, text: &'a str) -> Mark<'a> {
        Mark { kind: AnnotationKind::Context, ..Mark::primary(place, label, text) }
    }
}

/// A path as it is reached from a folder.
fn from<'a>(folder: &Utf8Path, path: &'a str) -> &'a str {
    Utf8Path::new(path).strip_prefix(folder).map_or(path, Utf8Path::as_str)
}

/// A span that lies in the text, should the file have been changed since it was read.
fn within(span: &Range<usize>, text: &str) -> Range<usize> {
    let bound = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let start = bound(span.start);
    start..bound(span.end).max(start)
}

fn snippet(renderer: &Renderer, message: &str, marks: &[Mark<'_>], help: Option<&str>) -> String {
    let mut lines = message.splitn(2, '\n');
    let title = lines.next().unwrap_or_default();
    let mut elements: Vec<Element<'_>> = Vec::new();
    for mark in marks.iter().filter(|mark| !mark.text.is_empty()) {
        let label = Some(mark.label).filter(|label| !label.is_empty());
        let annotation = mark.kind.span(mark.span.clone()).label(label);
        elements.push(Snippet::source(mark.text).path(mark.path).annotation(annotation).into());
    }
    if let Some(rest) = lines.next() {
        elements.push(Level::NOTE.message(unindented(rest)).into());
    }
    if let Some(help) = help {
        elements.push(Level::HELP.message(help).into());
    }
    let group = Group::with_title(Level::ERROR.primary_title(title)).elements(elements);
    renderer.render(&[group]) + "\n"
}

/// Lines without the indentation that sets them off below a message: here they stand apart anyway.
fn unindented(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let is_indented = lines.iter().all(|line| line.starts_with("  "));
    lines.iter().map(|line| if is_indented { &line[2..] } else { line }).collect::<Vec<_>>().join("\n")
}

/// A message and its causes, each once: many errors say their cause themselves.
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
    fn a_file_error_has_its_cause_once() {
        let error = Error::File { verb: "read", path: "/x".into(), source: std::io::Error::other("it is gone") };
        insta::assert_snapshot!(render(&error, Utf8Path::new("/"), false), @"error: failed to read `/x`: it is gone");
    }

    #[test]
    fn indentation_that_all_lines_have_goes() {
        for (text, expected) in [("  a\n   b\n", "a\n b"), ("a\n  b", "a\n  b"), ("  a\n b", "  a\n b"), ("", "")] {
            assert_eq!(unindented(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_path_is_shown_from_the_current_folder() {
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
