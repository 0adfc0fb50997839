//! Workspaces and command lines that are not what they should be.

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
fn a_workspace_without_images() {
    let workspace = Workspace::with_package("app", "", "")
        .file("app/Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n");
    insta::assert_snapshot!(refused(&workspace), @"
    error: the workspace has no images
     |
     = help: add a table [package.metadata.image] to the Cargo.toml of a package with a binary, or [workspace.metadata.images.NAME] for an image of packages
    ");
}

#[test]
fn an_image_that_the_workspace_does_not_have() {
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
fn a_folder_that_is_no_workspace() {
    let folder = Workspace::new("empty");
    insta::assert_snapshot!(folder.xtask(&["image"]).fails_with(1).error(folder.root()), @"
    error: could not find `Cargo.toml` in `[WORKSPACE]` or any parent directory
    error: failed to run `cargo fetch` (exit code 101)
    ");
}

#[test]
fn a_command_line_that_is_wrong() {
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
