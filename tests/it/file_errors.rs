//! `files` that cannot go into an image.

use std::os::unix::fs::symlink;

use crate::manifest_errors::{error_of, refused};
use crate::support::{Workspace, tool};

#[test]
fn a_file_that_is_missing() {
    insta::assert_snapshot!(error_of("files = [{ from = \"assets\", to = \"/usr/share/app\" }]", ""), @r#"
    error: `assets` cannot be read: No such file or directory (os error 2)
     --> app/Cargo.toml:7:19
      |
    7 | files = [{ from = "assets", to = "/usr/share/app" }]
      |                   ^^^^^^^^
      |
      = help: it is looked for in [WORKSPACE]/app
    "#);
}

#[test]
fn a_file_outside_of_the_package() {
    insta::assert_snapshot!(error_of("files = [{ from = \"../Cargo.toml\", to = \"/etc/x\" }]", ""), @r#"
    error: `../Cargo.toml` is outside of the folder of this Cargo.toml
     --> app/Cargo.toml:7:19
      |
    7 | files = [{ from = "../Cargo.toml", to = "/etc/x" }]
      |                   ^^^^^^^^^^^^^^^ outside of the folder
      |
      = help: name a file inside of it; what lies elsewhere can be copied there, by a build script for one
    "#);
    insta::assert_snapshot!(error_of("files = [{ from = \"/etc/passwd\", to = \"/etc/passwd\" }]", ""), @r#"
    error: `/etc/passwd` is outside of the folder of this Cargo.toml
     --> app/Cargo.toml:7:19
      |
    7 | files = [{ from = "/etc/passwd", to = "/etc/passwd" }]
      |                   ^^^^^^^^^^^^^ outside of the folder
      |
      = help: name a file inside of it; what lies elsewhere can be copied there, by a build script for one
    "#);
}

#[test]
fn a_link_out_of_the_package() {
    let workspace = Workspace::with_package("app", "files = [{ from = \"assets\", to = \"/usr/share/app\" }]", "")
        .file("elsewhere/key", "secret");
    symlink("../elsewhere", workspace.root().join("app/assets")).expect("writable");
    insta::assert_snapshot!(refused(&workspace), @r#"
    error: `assets` leads out of the folder of its Cargo.toml
     --> app/Cargo.toml:7:19
      |
    7 | files = [{ from = "assets", to = "/usr/share/app" }]
      |                   ^^^^^^^^
      |
      = help: it is a link to [WORKSPACE]/elsewhere; copy what the image needs
    "#);
}

#[test]
fn a_link_out_of_the_package_below_a_folder() {
    let workspace = Workspace::with_package("app", "files = [{ from = \"assets\", to = \"/usr/share/app\" }]", "")
        .file("elsewhere/key", "secret")
        .file("app/assets/a", "");
    symlink("../../elsewhere/key", workspace.root().join("app/assets/key")).expect("writable");
    insta::assert_snapshot!(refused(&workspace), @r#"
    error: `assets/key` leads out of the folder of its Cargo.toml
     --> app/Cargo.toml:7:19
      |
    7 | files = [{ from = "assets", to = "/usr/share/app" }]
      |                   ^^^^^^^^
      |
      = help: it is a link to [WORKSPACE]/elsewhere/key; copy what the image needs
    "#);
}

#[test]
fn what_is_no_file() {
    let workspace = Workspace::with_package("app", "files = [{ from = \"assets\", to = \"/usr/share/app\" }]", "")
        .file("app/assets/a", "");
    tool("mkfifo", [workspace.root().join("app/assets/pipe")]).ok();
    insta::assert_snapshot!(refused(&workspace), @r#"
    error: `assets/pipe` is neither a file, a folder nor a link
     --> app/Cargo.toml:7:19
      |
    7 | files = [{ from = "assets", to = "/usr/share/app" }]
      |                   ^^^^^^^^
    "#);
}
