//! The tutorial works: its files are written, its commands run in order, and they print the lines that it shows.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{cache, namespace, repository, run, xtask};
use crate::{engine, xtask_path};

/// The pages in reading order; each continues in the workspace of the one before.
const PAGES: [&str; 4] = ["hello", "native-library", "service", "packages"];

/// A code block of the tutorial that a reader acts on.
#[derive(Debug, PartialEq)]
enum Action {
    /// "Write `PATH`:" before a block.
    Write(String, String),
    /// "Add to `PATH`:" before a block.
    Append(String, String),
    /// A line of a `console` block that begins with `$`, and the lines that it prints.
    Run(String, Vec<String>),
}

#[test]
fn tutorial_commands_print_what_it_shows() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let clone = scratch.path().join("tierce");
    fs::create_dir(&clone).expect("writable");
    let path = with_cargo(scratch.path());
    let mut folder = clone;
    for page in PAGES {
        let text = fs::read_to_string(repository().join(format!("docs/src/tutorial/{page}.md"))).expect("a page");
        let actions = actions(&text);
        assert!(!actions.is_empty(), "{page} has no command");
        for action in actions {
            match action {
                Action::Write(file, content) => {
                    let file = folder.join(file);
                    fs::create_dir_all(file.parent().expect("a folder")).expect("writable");
                    fs::write(file, content).expect("writable");
                }
                Action::Append(file, content) => {
                    let file = folder.join(file);
                    let before = fs::read_to_string(&file).expect("a file of an earlier step");
                    fs::write(file, format!("{before}\n{content}")).expect("writable");
                }
                Action::Run(command, expected) => {
                    let (printed, next) = run_in(&folder, &command, &path, scratch.path());
                    assert!(
                        matches(&printed, &expected),
                        "{page}: {command} printed\n{printed}\ninstead of\n{expected:#?}"
                    );
                    folder = next;
                }
            }
        }
    }
    compare_picture(&folder);
}

/// Compares the README's picture of the image `png` with the one that `size` draws, or rewrites it under `TIERCE_UPDATE=1`.
fn compare_picture(workspace: &Path) {
    let drawn = workspace.join("drawn.svg");
    run(xtask(workspace).args(["size", "png"]).arg(format!("--svg={}", drawn.display()))).ok();
    let committed = repository().join("docs/src/png.svg");
    if std::env::var_os("TIERCE_UPDATE").is_some() {
        fs::copy(&drawn, &committed).expect("writable");
    }
    let read = |path: &Path| fs::read_to_string(path).expect("a picture");
    assert_eq!(read(&committed), read(&drawn), "docs/src/png.svg is stale; TIERCE_UPDATE=1 rewrites it");
}

/// Puts a `cargo` first in the path that answers `cargo xtask` with the tested program, so that nothing is compiled twice.
fn with_cargo(scratch: &Path) -> String {
    let folder = scratch.join("bin");
    fs::create_dir(&folder).expect("writable");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = xtask ]; then shift; exec {:?} \"$@\"; fi\nexec {:?} \"$@\"\n",
        xtask_path(),
        env!("CARGO")
    );
    fs::write(folder.join("cargo"), script).expect("writable");
    fs::set_permissions(folder.join("cargo"), fs::Permissions::from_mode(0o755)).expect("its owner");
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}

/// Runs a command as a shell does, and returns its stdout and the folder that it leaves the shell in.
fn run_in(folder: &Path, command: &str, path: &str, scratch: &Path) -> (String, PathBuf) {
    let place = scratch.join("place");
    let script = format!("set -e\n{command}\npwd > {place:?}");
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(folder).env("PATH", path).env("NO_COLOR", "1");
    shell
        .env("TIERCE_CACHE", cache())
        .env("TIERCE_NAMESPACE", namespace())
        .env("TIERCE_KEEP_WARM", "0")
        .env("TIERCE_ENGINE", engine());
    shell.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_MANIFEST_DIR");
    let ran = run(&mut shell).ok();
    let next = PathBuf::from(fs::read_to_string(place).expect("the shell's folder").trim());
    // The workspace's crates are those of this repository's own lock file.
    if next.join("xtask").is_dir() && !next.join("Cargo.lock").exists() {
        fs::copy(repository().join("Cargo.lock"), next.join("Cargo.lock")).expect("writable");
    }
    (ran.stdout, next)
}

/// Compares printed lines: `…` in a line stands for any text, and a line of `…` alone for any lines.
fn matches(printed: &str, expected: &[String]) -> bool {
    fn lines(printed: &[&str], expected: &[String]) -> bool {
        match (printed, expected) {
            ([], []) => true,
            (_, [first, rest @ ..]) if first == "…" => {
                (0..=printed.len()).any(|skipped| lines(&printed[skipped..], rest))
            }
            ([line, others @ ..], [first, rest @ ..]) => matches_line(line, first) && lines(others, rest),
            _ => false,
        }
    }
    lines(&printed.lines().collect::<Vec<_>>(), expected)
}

fn matches_line(line: &str, expected: &str) -> bool {
    match expected.split_once('…') {
        None => line.trim_end() == expected,
        Some((start, end)) => line.len() >= start.len() + end.len() && line.starts_with(start) && line.ends_with(end),
    }
}

/// Reads the actions of a page.
fn actions(text: &str) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut lines = text.lines();
    let mut before = "";
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            before = if line.is_empty() { before } else { line };
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let content = block.join("\n") + "\n";
        let named = |verb: &str| before.strip_prefix(verb)?.strip_suffix("`:").map(str::to_owned);
        if language == "console" {
            for line in block {
                match (line.strip_prefix("$ "), actions.last_mut()) {
                    (Some(command), _) => actions.push(Action::Run(command.to_owned(), Vec::new())),
                    (None, Some(Action::Run(_, printed))) => printed.push(line.to_owned()),
                    (None, _) => panic!("output without a command: {line}"),
                }
            }
        } else if let Some(path) = named("Write `") {
            actions.push(Action::Write(path, content));
        } else if let Some(path) = named("Add to `") {
            actions.push(Action::Append(path, content));
        }
    }
    actions
}

#[test]
fn actions_of_pages_are_read() {
    let text = "Write `a/b`:\n\n```toml\nx = 1\n```\n\nThen:\n\n```console\n$ one\n1\n$ two\n```\n";
    let expected = [
        Action::Write("a/b".to_owned(), "x = 1\n".to_owned()),
        Action::Run("one".to_owned(), vec!["1".to_owned()]),
        Action::Run("two".to_owned(), Vec::new()),
    ];
    assert_eq!(actions(text), expected);
    assert!(matches("a 12 b\nx\ny\n", &["a … b".to_owned(), "…".to_owned()]));
    assert!(!matches("a\n", &["b".to_owned()]) && !matches("a\n", &[]));
}
