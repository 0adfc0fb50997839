//! `cargo tierce`, as cargo starts it: with the subcommand's name as the first argument.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// The exit code and both streams.
fn tierce(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-tierce"));
    command.arg("tierce").args(arguments).current_dir(folder).env("NO_COLOR", "1").stdin(Stdio::null());
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_names_the_subcommand() {
    let (code, help, _) = tierce(Path::new("."), &["image", "--help"]);
    assert_eq!(code, Some(0));
    assert!(help.contains("Usage: cargo tierce image") && help.contains("$(cargo tierce image hello)"), "{help}");
    let (code, _, error) = tierce(Path::new("."), &["imgae"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("Usage: cargo tierce "), "{error}");
}

#[test]
fn error_help_names_the_subcommand() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(tierce(folder.path(), &["new", "workspace", "."]).0, Some(0));
    let (code, _, error) = tierce(folder.path(), &["new", "workspace", "images/hello"]);
    assert_eq!(code, Some(3));
    assert!(error.contains("help: run `cargo tierce new workspace "), "{error}");
}

#[test]
fn new_workspace_depends_on_version_git_or_path() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("this repository");
    let copy = repository.to_str().expect("UTF-8");
    for (source, expected) in [
        (&[][..], concat!("tierce = \"", env!("CARGO_PKG_VERSION"), "\"")),
        (&["--git", "https://git.example/tierce"], "tierce = { git = \"https://git.example/tierce\" }"),
        (&["--path", copy], "/workspace-crates/tierce\" }"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let (code, _, error) = tierce(folder.path(), &[&["new", "workspace", "."], source].concat());
        assert_eq!(code, Some(0), "{error}");
        let manifest = fs::read_to_string(folder.path().join("xtask/Cargo.toml")).expect("an xtask");
        assert!(manifest.trim_end().ends_with(expected), "{manifest}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let (code, _, error) = tierce(folder.path(), &["new", "workspace", ".", "--git", "x", "--path", "y"]);
    assert_eq!(code, Some(2), "{error}");
}
