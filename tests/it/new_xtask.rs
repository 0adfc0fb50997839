//! `new` leaves a project as it is: its dependencies, its commands, its packages.

use std::path::Path;
use std::process::Command;

use crate::support::{Ran, Workspace, repository, run};

const PACKAGE: &str = "[package]\nname = \"app\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
const MAIN: &str = "fn main() {}\n";

/// cargo without the network, as a user starts it in a folder.
fn cargo(folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new("cargo");
    command.env_remove("CARGO_TARGET_DIR").current_dir(folder);
    run(command.args(arguments).arg("--offline"))
}

/// Adds Tierce to a project. Asserts that cargo finds the same packages with the same Cargo.lock, and that Tierce's own resolve.
#[track_caller]
fn add_to(project: &Workspace) -> Ran {
    cargo(project.root(), &["generate-lockfile"]).ok();
    let (lock, members) = (project.read("Cargo.lock"), project.members());
    let added = project.xtask(&["new", "workspace", "."]).ok();
    assert_eq!(project.members(), members);
    cargo(project.root(), &["metadata", "--format-version", "1", "--locked"]).ok();
    assert_eq!(project.read("Cargo.lock"), lock);

    let folder = if project.root().join("tierce-xtask").exists() { "tierce-xtask" } else { "xtask" };
    let locked = std::fs::read_to_string(repository().join("Cargo.lock")).expect("readable");
    project.write(&format!("{folder}/Cargo.lock"), &locked);
    let manifest = format!("{folder}/Cargo.toml");
    let own = cargo(project.root(), &["metadata", "--format-version", "1", "--no-deps", "--manifest-path", &manifest]);
    assert!(own.ok().stdout.contains(&format!("{}/{folder}\"", project.root().display())), "it is its own workspace");
    added
}

/// The line of the status `Next`.
fn next(ran: &Ran) -> &str {
    let line = ran.stderr.lines().find_map(|line| line.trim_start().strip_prefix("Next "));
    line.unwrap_or_else(|| panic!("{}", ran.stderr))
}

#[test]
fn project_keeps_its_lock_file() {
    let single = Workspace::new("single").file("Cargo.toml", PACKAGE).file("src/main.rs", MAIN);
    assert_eq!(next(&add_to(&single)), "cargo xtask new image app --bin");
    assert_eq!(single.read("Cargo.toml"), PACKAGE);

    let globs = Workspace::new("globs")
        .file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"*\"]\n")
        .file("app/Cargo.toml", PACKAGE)
        .file("app/src/main.rs", MAIN);
    add_to(&globs);

    // Two packages with the same `links` never resolve together, and Tierce links lzma.
    let links = Workspace::new("links")
        .file("Cargo.toml", &format!("{PACKAGE}\n[dependencies]\nlzma-sys = {{ path = \"lzma-sys\" }}\n"))
        .file("src/main.rs", MAIN)
        .file(
            "lzma-sys/Cargo.toml",
            "[package]\nname = \"lzma-sys\"\nversion = \"0.1.0\"\nedition = \"2024\"\nlinks = \"lzma\"\n",
        )
        .file("lzma-sys/build.rs", MAIN)
        .file("lzma-sys/src/lib.rs", "");
    add_to(&links);
}

#[test]
fn project_keeps_its_commands() {
    let alias = "[alias]\nxtask = \"run --quiet --package xtask --\"\n";
    let project = Workspace::new("project")
        .file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"xtask\"]\n")
        .file("xtask/Cargo.toml", &PACKAGE.replace("app", "xtask"))
        .file("xtask/src/main.rs", "fn main() { println!(\"theirs\"); }\n")
        .file(".cargo/config.toml", alias);
    assert_eq!(next(&add_to(&project)), "cargo tierce new image xtask --bin");
    assert!(project.read(".cargo/config.toml").starts_with(alias));
    assert_eq!(project.read("xtask/Cargo.toml"), PACKAGE.replace("app", "xtask"));
    let mut theirs = Command::new("cargo");
    let theirs = theirs.args(["xtask"]).env_remove("CARGO_TARGET_DIR").current_dir(project.root());
    assert_eq!(run(theirs).ok().stdout, "theirs\n");
}

#[test]
fn printed_command_works_in_every_project() {
    // An empty folder gets an image; other folders get the command that adds one.
    let fresh = Workspace::new("fresh folder");
    let mut command = crate::support::xtask(fresh.root().parent().expect("a folder"));
    let ran = run(command.args(["new", "workspace", "fresh folder"])).ok();
    assert_eq!(next(&ran), format!("cd '{}' && cargo xtask image", fresh.root().display()));

    let library = Workspace::new("library").file("Cargo.toml", PACKAGE).file("src/lib.rs", "");
    let ran = library.xtask(&["new", "workspace", "."]).ok();
    assert_eq!(next(&ran), "cargo xtask new image hello --bin");
    library.xtask(&["new", "image", "hello", "--bin"]).ok();
    assert_eq!(library.members(), ["app", "hello"]);

    let with_image = Workspace::with_package("app", "", "");
    assert_eq!(next(&with_image.xtask(&["new", "workspace", "."]).ok()), "cargo xtask image");
}

#[test]
fn packages_with_several_binaries_get_tables() {
    let project = Workspace::new("several")
        .file("Cargo.toml", &format!("{PACKAGE}default-run = \"server\"\n"))
        .file("src/bin/client.rs", MAIN)
        .file("src/bin/server.rs", MAIN);
    project.xtask(&["new", "image", "server", "--bin"]).ok();
    let manifest = project.read("Cargo.toml");
    assert!(manifest.contains("[package.metadata.images.server]\n"), "{manifest}");
    assert!(manifest.contains("\nbins = [\"server\"]\n"), "{manifest}");

    let project =
        Workspace::new("several").file("Cargo.toml", PACKAGE).file("src/main.rs", MAIN).file("src/bin/admin.rs", MAIN);
    project.xtask(&["new", "image", "app", "--bin"]).ok();
    assert!(project.read("Cargo.toml").contains("\nentrypoint = [\"/usr/bin/app\"]\n"));
    assert_eq!(project.xtask(&["list", "--format", "names"]).ok().stdout, "app\ntoolbox\n");
}

#[test]
fn path_of_this_machine_is_told() {
    let note = "the xtask depends on ";
    let project = Workspace::new("project").file("Cargo.toml", PACKAGE).file("src/main.rs", MAIN);
    let path = repository().display().to_string();
    let ran = project.xtask(&["new", "workspace", ".", "--path", &path]).ok();
    assert!(ran.stderr.contains(note) && ran.stderr.contains("`--git URL`"), "{}", ran.stderr);

    // A copy in the project's own repository is on every machine.
    let project = Workspace::new("project").file("Cargo.toml", PACKAGE).file("src/main.rs", MAIN).file(".git/HEAD", "");
    let project = project.file("vendor/tierce/workspace-crates/tierce/Cargo.toml", &PACKAGE.replace("app", "tierce"));
    let ran = project.xtask(&["new", "workspace", ".", "--path", "vendor/tierce"]).ok();
    assert!(!ran.stderr.contains(note), "{}", ran.stderr);
    let manifest = project.read("xtask/Cargo.toml");
    assert!(manifest.contains("path = \"../vendor/tierce/workspace-crates/tierce\""), "{manifest}");
}
