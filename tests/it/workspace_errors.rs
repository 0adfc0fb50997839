//! Errors of workspaces and command lines.

use crate::manifest_errors::{error_of, refused};
use crate::support::Workspace;

#[test]
fn text_that_is_no_toml() {
    // This is cargo's to say, and it says it before Tierce reads a table.
    let workspace = Workspace::with_package("app", "packages = [", "");
    let ran = workspace.xtask(&["image", "--dry-run"]).fails_with(1);
    insta::assert_snapshot!(ran.error(workspace.root()), @"
    error: unclosed array, expected `]`
     --> app/Cargo.toml:7:14
      |
    7 | packages = [
      |             ^
    error: failed to load manifest for workspace member `[WORKSPACE]/app`
    referenced by workspace at `[WORKSPACE]/Cargo.toml`
    error: failed to run `cargo fetch` (exit code 101)
    ");
}

#[test]
fn two_images_of_one_name() {
    let workspace = Workspace::with_package("app", "", "")
        .file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"other\"]\n")
        .file(
            "other/Cargo.toml",
            "[package]\nname = \"other\"\nedition = \"2024\"\n\n[package.metadata.image]\nname = \"app\"\n",
        )
        .file("other/src/main.rs", "fn main() {}\n");
    insta::assert_snapshot!(refused(&workspace), @r#"
    error: two images have the name `app`
     --> other/Cargo.toml:5:19
      |
    5 | [package.metadata.image]
      |                   ^^^^^ the second one
      |
     ::: app/Cargo.toml:6:19
      |
    6 | [package.metadata.image]
      |                   ----- the first one
      |
      = help: name one of them otherwise: `name = "…"` in its table, or another NAME in `[….metadata.images.NAME]`
    "#);
}

#[test]
fn workspace_without_images_is_an_error() {
    let workspace = Workspace::with_package("app", "", "")
        .file("app/Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n");
    insta::assert_snapshot!(refused(&workspace), @"
    error: the workspace has no images
     |
     = help: add a table [package.metadata.image] to the Cargo.toml of a package with a binary, or [workspace.metadata.images.NAME] for an image of packages
    ");
}

#[test]
fn unknown_image_suggests_the_nearest() {
    let workspace = Workspace::with_package("thumbnailer", "", "");
    for (arguments, name) in [(&["image", "thumbnail"][..], "thumbnail"), (&["why", "x", "/"], "x")] {
        let ran = workspace.xtask(arguments).fails_with(3);
        assert_eq!(ran.stdout, "");
        assert!(ran.stderr.contains(&format!("`{name}`")), "{}", ran.stderr);
    }
    let ran = workspace.xtask(&["image", "thumbnail"]);
    insta::assert_snapshot!(ran.error(workspace.root()), @"
    error: the workspace has no image `thumbnail`
     |
     = help: did you mean `thumbnailer`?
    ");
}

#[test]
fn folder_without_workspace_is_an_error() {
    let folder = Workspace::new("empty");
    insta::assert_snapshot!(folder.xtask(&["image"]).fails_with(1).error(folder.root()), @"
    error: could not find `Cargo.toml` in `[WORKSPACE]` or any parent directory
    error: failed to run `cargo fetch` (exit code 101)
    ");
}

#[test]
fn invalid_command_line_is_an_error() {
    let workspace = Workspace::with_package("app", "", "");
    insta::assert_snapshot!(workspace.xtask(&["image", "--layot", "x"]).fails_with(2).error(workspace.root()), @"
    error: unexpected argument '--layot' found

      tip: a similar argument exists: '--layout'

    Usage: cargo xtask image --layout <DIR> [IMAGE]...

    For more information, try '--help'.
    ");
}

#[test]
fn repositories_that_are_none() {
    let missing = "repositories = [{ name = \"mine\", path = \"overlay\" }]";
    insta::assert_snapshot!(error_of("", missing), @r#"
    error: the ebuild repository `[WORKSPACE]/overlay` is not there
     --> Cargo.toml:6:41
      |
    6 | repositories = [{ name = "mine", path = "overlay" }]
      |                                         ^^^^^^^^^
      |
      = help: `path` is a folder, from the workspace's root on
    "#);
    let workspace = Workspace::with_package("app", "", missing).file("overlay/profiles/repo_name", "yours\n");
    insta::assert_snapshot!(refused(&workspace), @r#"
    error: the ebuild repository `[WORKSPACE]/overlay` calls itself `yours`
     --> Cargo.toml:6:41
      |
    6 | repositories = [{ name = "mine", path = "overlay" }]
      |                                         ^^^^^^^^^
      |
      = help: `name` is what its profiles/repo_name says
    "#);
}

/// No run resolves packages for a graph.
#[test]
fn graph_reports_unresolved_packages() {
    let workspace = Workspace::with_package("web", "packages = [\"media-libs/libpng\"]", "");
    let text = workspace.xtask(&["graph", "--format", "text"]).ok().stdout;
    assert_eq!(text, "web\n└── media-libs/libpng  not resolved yet\n");
    assert!(!workspace.root().join("Tierce.lock").exists());
    let error = workspace.xtask(&["graph", "wbe"]).fails_with(3).error(workspace.root());
    assert!(error.starts_with("error: the workspace has no image `wbe`"), "{error}");
}

#[test]
fn name_of_a_builder_is_refused() {
    for (namespace, key, code) in [
        ("tierce", "name = \"tierce-builder\"", 3),
        ("tierce", "tags = [\"tierce-environment:x\"]", 3),
        ("others", "name = \"tierce-builder\"", 0),
    ] {
        let workspace = Workspace::with_package("app", key, "");
        let mut command = workspace.command();
        command.env("TIERCE_NAMESPACE", namespace).args(["list"]);
        let ran = crate::support::run(&mut command).fails_with(code);
        if code == 0 {
            continue;
        }
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.error(workspace.root()).replace("-environment", "-builder"), @r#"
            error: `tierce-builder` is the name of Tierce's own builders in the daemon
             --> app/Cargo.toml:6:19
              |
            6 | [package.metadata.image]
              |                   ^^^^^
              |
              = help: give the image another `name`, or other `tags`
            "#);
        }
    }
}
