//! Text from tables, files, locks, names and variables cannot move the terminal's cursor, turn text around, or hide.

use std::fs;

use crate::architecture::files_below;
use crate::support::{Ran, Workspace, repository, run};

/// A hostile text as TOML and JSON write it.
const ESCAPED: &str = r"\u001b[2J\u202e\u200b\u009bx\u007f";
/// The same text.
const HOSTILE: &str = "\u{1b}[2J\u{202e}\u{200b}\u{9b}x\u{7f}";
/// The characters that TOML takes as they are.
const IN_TOML: &str = "\u{202e}\u{2066}\u{200b}\u{feff}\u{9b}";

/// Panics if an output has one of the characters of [`HOSTILE`] and [`IN_TOML`] itself.
#[track_caller]
fn clean(ran: Ran) -> Ran {
    let hidden = |letter: char| (letter.is_control() && letter != '\n') || IN_TOML.contains(letter);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(hidden), "{text:?}");
    }
    ran
}

#[test]
fn tables_cannot_reach_the_terminal() {
    for (table, code) in [
        (format!("\"{ESCAPED}\" = 1"), 3),
        (format!("packages = [\"{ESCAPED}\"]"), 3),
        (format!("name = \"{ESCAPED}\""), 3),
        (format!("user = \"{ESCAPED}\""), 3),
        (format!("env = {{ \"{ESCAPED}\" = \"x\" }}"), 3),
        (format!("presets = [\"{ESCAPED}\"]"), 3),
        (format!("base = \"{ESCAPED}\""), 3),
        (format!("files = [{{ from = \"{ESCAPED}\", to = \"/x\" }}]"), 3),
        (format!("hooks = {{ finish = \"{ESCAPED}\" }}"), 3),
        (format!("packages = 1 # {IN_TOML}"), 3),
        (format!("packages = [ # {IN_TOML}"), 1),
        (format!("x{HOSTILE} = 1"), 1),
    ] {
        let workspace = Workspace::with_package("app", &table, "");
        let ran = clean(workspace.xtask(&["image", "--dry-run"]).fails_with(code));
        assert!(ran.stderr.contains("error"), "{table:?}: {}", ran.stderr);
        let diagnosis = clean(workspace.xtask(&["doctor", "--offline"]).fails_with(1));
        assert!(diagnosis.stdout.contains("\nworkspace        missing "), "{table:?}: {}", diagnosis.stdout);
    }
}

#[test]
fn escapes_leave_marks_in_place() {
    let workspace = Workspace::with_package("app", "labels = { a = \"\u{202e}\", b = 1 }", "");
    let ran = clean(workspace.xtask(&["image", "--dry-run"]).fails_with(3));
    insta::assert_snapshot!(ran.error(workspace.root()), @r#"
    error: `b` of `labels` must be a string, not an integer
     --> app/Cargo.toml:7:32
      |
    7 | labels = { a = "\u{202e}", b = 1 }
      |                                ^ expected a string, found an integer
      |
      = help: write `"1"`
    "#);
}

#[test]
fn lock_cannot_reach_the_terminal() {
    let workspace = Workspace::with_package("app", "packages = [\"sys-libs/zlib\"]", "");
    for lock in [
        format!("version = \"{ESCAPED}\""),
        format!("{IN_TOML}version = 1"),
        format!("<<<<<<< {HOSTILE}\n"),
        format!("version = 1\n\"{ESCAPED}\" = 1\n"),
        HOSTILE.to_owned(),
    ] {
        workspace.write("Tierce.lock", &lock);
        clean(workspace.xtask(&["image", "--dry-run"]).fails_with(9));
    }
}

#[test]
fn names_cannot_reach_the_terminal() {
    let workspace = Workspace::new(&format!("w{HOSTILE}"));
    clean(workspace.xtask(&["image"]).fails_with(1));
    let table = "files = [{ from = \"assets\", to = \"/usr/share/app\" }]";
    let workspace = Workspace::with_package("app", table, "").file("app/assets/a", "").file("elsewhere/key", "");
    let link = workspace.root().join(format!("app/assets/{HOSTILE}"));
    std::os::unix::fs::symlink("../../elsewhere/key", link).expect("writable");
    clean(workspace.xtask(&["image", "--dry-run"]).fails_with(3));
}

#[test]
fn words_and_variables_cannot_reach_the_terminal() {
    let workspace = Workspace::with_package("app", "", "");
    for arguments in [&["image", HOSTILE][..], &[HOSTILE], &["image", "--jobs", HOSTILE], &["why", "app", HOSTILE]] {
        let ran = clean(workspace.xtask(arguments));
        assert_ne!(ran.code, Some(0), "{}", ran.stdout);
    }
    for (variable, value) in [("DOCKER_HOST", format!("tcp://{HOSTILE}")), ("TIERCE_NAMESPACE", HOSTILE.to_owned())] {
        clean(run(workspace.command().args(["clean", "--dry-run"]).env(variable, &value)));
        clean(run(workspace.command().args(["doctor", "--offline"]).env(variable, value)));
        clean(run(workspace.command().arg("--help").env(variable, HOSTILE)));
    }
}

#[test]
fn json_has_escapes() {
    let workspace = Workspace::with_package("a\u{202e}p", "", "");
    let manifest = "[package]\nname = \"app\"\nedition = \"2024\"\n\n[package.metadata.image]\n";
    workspace.write("a\u{202e}p/Cargo.toml", manifest);
    let ran = clean(workspace.xtask(&["list", "--format", "json"]).ok());
    let list: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert!(list.to_string().contains('\u{202e}'), "{list}");
    let table = clean(workspace.xtask(&["list"]).ok());
    assert!(table.stdout.contains(r"a\u{202e}p/Cargo.toml"), "{}", table.stdout);
}

/// All other code passes [`Shown`](tierce) texts to it. The streams of interactive sessions and archives are data.
#[test]
fn one_file_writes_to_the_terminal() {
    let allowed = ["terminal/shown.rs", "terminal/target.rs", "debug/talk.rs", "debug/copy.rs"];
    let crates = repository().join("workspace-crates");
    for path in files_below("workspace-crates") {
        let is_source =
            path.extension().is_some_and(|end| end == "rs") && path.components().any(|part| part.as_os_str() == "src");
        let own = path.strip_prefix(&crates).expect("below it").to_string_lossy().into_owned();
        if is_source && !allowed.iter().any(|allowed| own == format!("tierce/src/{allowed}")) {
            let text = fs::read_to_string(&path).expect("source");
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let writes = ["stdout().lock()", "stderr().lock()", "print!(", "println!("];
            let found =
                code.filter(|line| !line.contains('"')).find(|line| writes.iter().any(|word| line.contains(word)));
            assert_eq!(found, None, "in {own}");
        }
    }
}
