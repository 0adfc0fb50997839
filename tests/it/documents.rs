//! Links and anchors of every document lead somewhere, and the book lists every page.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::architecture::{files_below, source_files};
use crate::support::{repository, run};

/// A link of a document: the path, which may be empty, and the anchor.
type Link = (String, Option<String>);

#[test]
fn links_and_anchors_lead_somewhere() {
    let mut broken = Vec::new();
    let documents = source_files().into_iter().filter(|path| path.extension().is_some_and(|end| end == "md"));
    for document in documents {
        let text = fs::read_to_string(&document).expect("a document");
        for (path, anchor) in links(&text) {
            let target = if path.is_empty() { document.clone() } else { document.with_file_name("").join(&path) };
            let has_anchor = |anchor: &String| {
                let target = fs::read_to_string(&target).unwrap_or_default();
                anchors(&target).contains(anchor)
            };
            if !target.exists() || anchor.as_ref().is_some_and(|anchor| !has_anchor(anchor)) {
                broken.push(format!("{}: {path}#{}", document.display(), anchor.unwrap_or_default()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn summary_lists_every_page() {
    let book = repository().join("docs/src");
    let summary = fs::read_to_string(book.join("SUMMARY.md")).expect("the summary of the book");
    let listed: BTreeSet<PathBuf> = links(&summary).into_iter().map(|(path, _)| book.join(path)).collect();
    let pages = files_below("docs/src").into_iter();
    let pages = pages.filter(|path| path.extension().is_some_and(|end| end == "md") && !path.ends_with("SUMMARY.md"));
    assert_eq!(pages.collect::<BTreeSet<_>>(), listed);
}

#[test]
fn readme_is_short() {
    let lines = fs::read_to_string(repository().join("README.md")).expect("a README").lines().count();
    assert!(lines <= 150, "the README has {lines} lines");
}

/// Builds the book where mdbook is installed; elsewhere the tests above have to suffice.
#[test]
fn book_builds_with_mdbook() {
    let Ok(version) = std::process::Command::new("mdbook").arg("--version").output() else { return };
    assert!(version.status.success());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut mdbook = std::process::Command::new("mdbook");
    run(mdbook.args(["build", "--dest-dir"]).arg(folder.path()).arg(repository().join("docs"))).ok();
    assert!(folder.path().join("reference/keys.html").is_file());
}

/// Returns the relative links of a document, outside of its code.
fn links(text: &str) -> Vec<Link> {
    let text = without_code(text);
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let relative = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    let link = |target: &str| match target.split_once('#') {
        Some((path, anchor)) => (path.to_owned(), Some(anchor.to_owned())),
        None => (target.to_owned(), None),
    };
    relative.map(link).collect()
}

/// Returns the anchors that GitHub and mdBook give the headings of a document.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut anchors = BTreeSet::new();
    for line in text.lines() {
        fenced ^= line.starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !fenced) {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
            anchors.insert(kept.map(|character| if character == ' ' { '-' } else { character }).collect());
        }
    }
    anchors
}

/// Returns a document without its code blocks and code spans.
fn without_code(text: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced && !line.starts_with("    ") {
            prose.extend(line.split('`').step_by(2));
            prose.push('\n');
        }
    }
    prose
}

#[test]
fn links_are_found_outside_of_code() {
    let text = "# A b, c\n[x](a.md#b) `[y](no.md)`\n```\n[z](no.md)\n# no\n```\n[w](https://example.org) [v](#a-b-c)\n";
    let expected = [("a.md", "b"), ("", "a-b-c")].map(|(path, anchor)| (path.to_owned(), Some(anchor.to_owned())));
    assert_eq!(links(text), expected);
    assert_eq!(anchors(text), BTreeSet::from(["a-b-c".to_owned()]));
}
