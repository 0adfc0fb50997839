//! Tables with mistakes: each is refused with its line before anything else happens.

use std::fs;

use crate::support::Workspace;

/// The error that `cargo xtask image --dry-run` gives for a package with this table.
#[track_caller]
pub(crate) fn error_of(table: &str, defaults: &str) -> String {
    refused(&Workspace::with_package("app", table, defaults))
}

/// Returns the error of a workspace with invalid tables; the program does nothing.
#[track_caller]
pub(crate) fn refused(workspace: &Workspace) -> String {
    let ran = workspace.xtask(&["image", "--dry-run"]).fails_with(3);
    assert_eq!(ran.stdout, "", "a plan of a table with mistakes");
    assert!(!workspace.root().join("Tierce.lock").exists(), "a lock of a table with mistakes");
    ran.error(workspace.root())
}

#[test]
fn unknown_key_suggests_the_nearest() {
    insta::assert_snapshot!(error_of("package = []", ""), @"
    error: unknown key `package`
     --> app/Cargo.toml:7:1
      |
    7 | package = []
      | ^^^^^^^ unknown key
      |
      = help: did you mean `packages`?
    ");
    insta::assert_snapshot!(error_of("[package.metadata.image.healthcheck]\ncomand = []", ""), @r#"
    error: `healthcheck` needs exactly one of `cmd`, `http`, `tcp` and `file`
     --> app/Cargo.toml:7:1
      |
    7 | [package.metadata.image.healthcheck]
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ needs one of four
      |
      = help: write `http = 8080` where the program answers requests, or a `cmd` of its own

    error: unknown key `comand`
     --> app/Cargo.toml:8:1
      |
    8 | comand = []
      | ^^^^^^ unknown key
      |
      = help: there are `cmd`, `http`, `tcp`, `file`, `interval`, `timeout`, `start-period` and `retries`

    error: 2 mistakes in the tables of images
    "#);
    insta::assert_snapshot!(error_of("", "bilder = \"debian\""), @r#"
    error: unknown key `bilder`
     --> Cargo.toml:6:1
      |
    6 | bilder = "debian"
      | ^^^^^^ unknown key
      |
      = help: did you mean `builder`?
    "#);
}

#[test]
fn wrong_type_is_shown() {
    insta::assert_snapshot!(error_of("packages = \"media-libs/libpng\"", ""), @r#"
    error: `packages` must be a list of strings, not a string
     --> app/Cargo.toml:7:12
      |
    7 | packages = "media-libs/libpng"
      |            ^^^^^^^^^^^^^^^^^^^ expected a list of strings, found a string
      |
      = help: write `["media-libs/libpng"]`
    "#);
    insta::assert_snapshot!(error_of("expose = [8080, true]", ""), @"
    error: an item of `expose` must be a string or an integer, not `true`
     --> app/Cargo.toml:7:17
      |
    7 | expose = [8080, true]
      |                 ^^^^ expected a string or an integer, found `true`
    ");
}

#[test]
fn all_mistakes_are_shown_at_once() {
    insta::assert_snapshot!(error_of("uzer = \"1000\"\nstrip = \"all\"", "tags = [\"a b\"]"), @r#"
    error: `a b` is not a tag
     --> Cargo.toml:6:9
      |
    6 | tags = ["a b"]
      |         ^^^^^ not a tag
      |
      = help: a tag has letters, digits, `_`, `.` and `-`, begins with none of the last two, and has at most 128 characters

    error: unknown key `uzer`
     --> app/Cargo.toml:7:1
      |
    7 | uzer = "1000"
      | ^^^^ unknown key
      |
      = help: did you mean `user`?

    error: `strip` cannot be "all"
     --> app/Cargo.toml:8:9
      |
    8 | strip = "all"
      |         ^^^^^ unknown value
      |
      = help: there are `none`, `debuginfo` and `symbols`

    error: 3 mistakes in the tables of images
    "#);
}

#[test]
fn malformed_atom_is_shown() {
    insta::assert_snapshot!(error_of("packages = [\"media-libs/libpng\", \"libpng\"]", ""), @r#"
    error: malformed atom `libpng`: the category is missing
     --> app/Cargo.toml:7:35
      |
    7 | packages = ["media-libs/libpng", "libpng"]
      |                                   ^^^^^^ the category is missing
      |
      = help: write `media-libs/libpng`
    "#);
    insta::assert_snapshot!(error_of("packages = [\">=media-libs/libpng\"]", ""), @r#"
    error: malformed atom `>=media-libs/libpng`: the version is missing
     --> app/Cargo.toml:7:33
      |
    7 | packages = [">=media-libs/libpng"]
      |                                 ^ the version is missing
      |
      = help: write `media-libs/libpng-1.2.3`
    "#);
    insta::assert_snapshot!(error_of("package-use = { \"media-libs/libpng-1.6\" = [\"apng\"] }", ""), @r#"
    error: malformed atom `media-libs/libpng-1.6`: the version `1.6` needs an operator before the atom
     --> app/Cargo.toml:7:35
      |
    7 | package-use = { "media-libs/libpng-1.6" = ["apng"] }
      |                                   ^^^^ the version `1.6` needs an operator before the atom
      |
      = help: write `=media-libs/libpng-1.6` for exactly this version, or `>=media-libs/libpng-1.6`
    "#);
    insta::assert_snapshot!(error_of("package-use = { \"media-libs/libpng\" = [\"a png\"] }", ""), @r#"
    error: malformed USE setting `a png`: a space is not allowed in a USE flag
     --> app/Cargo.toml:7:42
      |
    7 | package-use = { "media-libs/libpng" = ["a png"] }
      |                                          ^^^^ a space is not allowed in a USE flag
      |
      = help: write one flag in each string: ["first", "-second"]
    "#);
}

#[test]
fn future_keys_are_refused() {
    let defaults = "builder = \"stage3\"\nregistry = \"example.com\"\nplatforms = [\"linux/arm64\"]";
    insta::assert_snapshot!(error_of("base = \"debian\"", defaults), @r#"
    error: "stage3" for `builder` is not supported yet
     --> Cargo.toml:6:11
      |
    6 | builder = "stage3"
      |           ^^^^^^^^ not supported yet
      |
      = help: write `builder = "debian"`, or unpack a stage3 yourself and name it with `builder = { rootfs = "stage3.tar.xz" }`

    error: `registry` is not supported yet
     --> Cargo.toml:7:1
      |
    7 | registry = "example.com"
      | ^^^^^^^^ not supported yet
      |
      = help: write it into `name`, such as "registry.example/team/web", and push the reference that the command prints with `docker push`

    error: `platforms` is not supported yet
     --> Cargo.toml:8:1
      |
    8 | platforms = ["linux/arm64"]
      | ^^^^^^^^^ not supported yet
      |
      = help: leave it out: Tierce builds images for linux/amd64

    error: the workspace has no image `debian` to begin with
     --> app/Cargo.toml:7:8
      |
    7 | base = "debian"
      |        ^^^^^^^^ no such image
      |
      = help: there is only `scratch`; for an image from elsewhere, write `base = { image = "debian" }`

    error: 4 mistakes in the tables of images
    "#);
}

#[test]
fn unknown_binary_is_refused() {
    insta::assert_snapshot!(error_of("bins = [\"ap\"]", ""), @r#"
    error: the package `app` has no binary `ap`
     --> app/Cargo.toml:7:9
      |
    7 | bins = ["ap"]
      |         ^^^^ no such binary
      |
      = help: did you mean `app`?
    "#);
}

#[test]
fn package_without_binary_is_refused() {
    let workspace = Workspace::with_package("app", "", "");
    fs::rename(workspace.root().join("app/src/main.rs"), workspace.root().join("app/src/lib.rs")).expect("writable");
    insta::assert_snapshot!(refused(&workspace), @"
    error: the package `app` has no binary
     --> app/Cargo.toml:6:19
      |
    6 | [package.metadata.image]
      |                   ^^^^^ an image of a package without a binary
      |
      = help: add src/main.rs or a `[[bin]]`; an image without a program has its table in the workspace's Cargo.toml, as `[workspace.metadata.images.NAME]`
    ");
}

#[test]
fn program_keys_need_a_program() {
    let workspace = Workspace::with_package(
        "app",
        "",
        "\n[workspace.metadata.images.php]\npackages = [\"dev-lang/php\"]\nbins = [\"php\"]\ninclude = \"closure\"",
    );
    insta::assert_snapshot!(refused(&workspace), @r#"
    error: the image has no program to start
     --> Cargo.toml:7:28
      |
    7 | [workspace.metadata.images.php]
      |                            ^^^ needs `entrypoint` or `cmd`
      |
      = help: add `entrypoint = ["/usr/bin/…"]`, a program of its packages, or `cmd` for a command that `docker run` may replace

    error: `bins` is about an image's program, and this image has none
     --> Cargo.toml:9:1
      |
    9 | bins = ["php"]
      | ^^^^ needs a program
      |
      = help: leave it out, or give the table to the program's package, as `[package.metadata.images.NAME]`

    error: a closure starts at a program, and this image has none
      --> Cargo.toml:10:11
       |
    10 | include = "closure"
       |           ^^^^^^^^^ needs a program
       |
       = help: leave `include` out: the image holds its packages, less `prune` and the presets

    error: 3 mistakes in the tables of images
    "#);
}
