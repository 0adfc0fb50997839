//! `new` in a workspace with some of the parts, and without arguments.

use crate::support::Workspace;

#[test]
fn new_workspace_keeps_existing_values() {
    let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\n    \"web\", # first\n]\n";
    let workspace = Workspace::new("theirs")
        .file("Cargo.toml", manifest)
        .file("web/Cargo.toml", "[package]\nname = \"web\"\nedition = \"2024\"\n")
        .file("web/src/main.rs", "fn main() {}\n");
    workspace.xtask(&["new", "workspace", "."]).ok();
    assert_eq!(workspace.read("Cargo.toml"), format!("{manifest}exclude = [\"xtask\"]\n"));
    assert_eq!(workspace.members(), ["web"]);

    let inside = workspace.xtask(&["new", "workspace", "web"]).fails_with(3);
    insta::assert_snapshot!(inside.error(workspace.root()), @"
    error: [WORKSPACE]/web belongs to the workspace in [WORKSPACE]
     |
     = help: run `cargo xtask new workspace [WORKSPACE]`
    ");
    workspace.write(".cargo/config.toml", "alias = { b = \"build\" }\n");
    workspace.xtask(&["new", "workspace", "."]).ok();
    let edited = workspace.read(".cargo/config.toml");
    assert!(edited.starts_with("alias = { b = \"build\", xtask = \"run "), "{edited}");

    let repositories = "\n[[workspace.metadata.image.repositories]]\nname = \"first\"\npath = \"first\"\n";
    workspace.write("Cargo.toml", &(workspace.read("Cargo.toml") + repositories));
    let form = workspace.xtask(&["new", "builder", "--repository", "ours", "--path", "ebuilds"]).fails_with(3);
    insta::assert_snapshot!(form.error(workspace.root()), @r#"
    error: failed to add this to `Cargo.toml`, because `workspace.metadata.image.repositories` has another form there:
     |
     = note: { name = "ours", path = "ebuilds" }
     = help: add it by hand; nothing was written
    "#);
}

#[test]
fn missing_arguments_are_named() {
    let workspace = Workspace::with_package("web", "user = 1", "");
    for (arguments, named) in [
        (&["workspace"][..], "PATH"),
        (&["image"], "NAME"),
        (&["image", "x"], "--bin or --packages-only"),
        (&["image", "x", "--packages-only"], "--packages,"),
        (&["image", "x", "--packages-only", "--packages", "a/b"], "--entrypoint"),
        (&["builder"], "--repository"),
    ] {
        let ran = workspace.xtask(&[&["new"], arguments].concat()).fails_with(2);
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
    for (arguments, problem) in [
        (["--packages", "sqlite", "--expose", "1"], "`sqlite` is not an atom: the category is missing"),
        (["--packages", "a/b", "--expose", "99999"], "`99999` is not a port"),
    ] {
        let ran = workspace.xtask(&[&["new", "image", "x", "--bin"][..], &arguments].concat()).fails_with(3);
        assert!(ran.stderr.contains(problem), "{}", ran.stderr);
    }
    assert_eq!(workspace.members(), ["web"]);
}
