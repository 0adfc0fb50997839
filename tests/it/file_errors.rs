//! `files` that cannot go into an image.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use crate::manifest_errors::{error_of, refused};
use crate::support::Workspace;

#[test]
fn missing_file_is_shown() {
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
fn outside_file_is_refused() {
    insta::assert_snapshot!(error_of("files = [{ from = \"../Cargo.toml\", to = \"/etc/x\" }]", ""), @r#"
    error: `../Cargo.toml` is outside of the folder of this Cargo.toml
     --> app/Cargo.toml:7:19
      |
    7 | files = [{ from = "../Cargo.toml", to = "/etc/x" }]
      |                   ^^^^^^^^^^^^^^^ outside of the folder
      |
      = help: name a file inside of it; a build script can copy other files there
    "#);
    insta::assert_snapshot!(error_of("files = [{ from = \"/etc/passwd\", to = \"/etc/passwd\" }]", ""), @r#"
    error: `/etc/passwd` is outside of the folder of this Cargo.toml
     --> app/Cargo.toml:7:19
      |
    7 | files = [{ from = "/etc/passwd", to = "/etc/passwd" }]
      |                   ^^^^^^^^^^^^^ outside of the folder
      |
      = help: name a file inside of it; a build script can copy other files there
    "#);
}

#[test]
fn link_out_of_the_package_is_refused() {
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
fn link_out_of_the_package_fails() {
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
fn special_file_is_refused() {
    let workspace = Workspace::with_package("app", "files = [{ from = \"assets\", to = \"/usr/share/app\" }]", "")
        .file("app/assets/a", "");
    let _socket = UnixListener::bind(workspace.root().join("app/assets/socket")).expect("writable");
    insta::assert_snapshot!(refused(&workspace), @r#"
    error: `assets/socket` is neither a file, a folder nor a link
     --> app/Cargo.toml:7:19
      |
    7 | files = [{ from = "assets", to = "/usr/share/app" }]
      |                   ^^^^^^^^
    "#);
}
