//! The guide's page "Set up a workspace by hand": the test copies the indented blocks and does nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Workspace, cache, namespace, repository, run, tool};
use crate::{engine, xtask_path};

/// Returns the blocks that the page gives to copy, in order.
pub(crate) fn pieces() -> Vec<String> {
    let section = fs::read_to_string(repository().join("docs/src/guide/by-hand.md")).expect("a page");
    let mut pieces = vec![String::new()];
    for line in section.lines() {
        let piece = pieces.last_mut().expect("one at least");
        match line.strip_prefix("       ") {
            Some(line) => piece.push_str(&format!("{line}\n")),
            None if line.is_empty() => piece.push('\n'),
            None if piece.trim().is_empty() => {}
            None => pieces.push(String::new()),
        }
    }
    pieces.retain(|piece| !piece.trim().is_empty());
    pieces.into_iter().map(|piece| format!("{}\n", piece.trim())).collect()
}

/// A program that links the library of the page's table.
const PROGRAM: &str = r#"
#[link(name = "png16")]
unsafe extern "C" {
    safe fn png_access_version_number() -> u32;
}

fn main() {
    println!("libpng {}", png_access_version_number());
}
"#;

/// A target folder with all that was compiled for these tests. Libraries are never written again, so they need no copy.
fn compiled_already() -> tempfile::TempDir {
    let target = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("beside what cargo has built");
    let debug = Path::new(xtask_path()).parent().expect("TARGET/debug");
    let copy = target.path().join("debug");
    fs::create_dir(&copy).expect("writable");
    for (how, name) in [("-al", "deps"), ("-a", "build"), ("-a", ".fingerprint")] {
        tool("cp", [Path::new(how), &debug.join(name), &copy]).ok();
    }
    target
}

#[test]
fn by_hand_page_leads_to_an_image() {
    let pieces = pieces();
    let [xtask, main, exclude, config, table] = &pieces[..] else { panic!("{pieces:#?}") };
    let beside = "../../tierce/";
    assert!(xtask.contains(beside));
    // This repository has another path. With the tests' own profile and lock file, its dependencies are compiled already.
    let xtask = xtask.replace(beside, &format!("{}/", repository().display()));
    let (profile, folder) = ("--profile xtask ", "target/xtask");
    assert!(config.contains(profile) && config.contains(folder));
    let target = compiled_already();
    let config = config.replace(profile, "").replace(folder, &target.path().display().to_string());
    let profiles = fs::read_to_string(repository().join("Cargo.toml")).expect("readable");
    let profiles = &profiles[profiles.find("[profile.dev.package]").expect("of the tests")..];

    let package = "[package]\nname = \"first\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let workspace = Workspace::new("first")
        .file("Cargo.toml", &format!("{package}\n{table}\n{exclude}"))
        .file("src/main.rs", PROGRAM)
        .file("xtask/Cargo.toml", &format!("{xtask}\n{profiles}"))
        .file("xtask/src/main.rs", main)
        .file(".cargo/config.toml", &config);
    fs::copy(repository().join("Cargo.lock"), workspace.root().join("xtask/Cargo.lock")).expect("writable");

    let mut command = Command::new("cargo");
    command.current_dir(workspace.root()).args(["xtask", "image"]).env("NO_COLOR", "1");
    // The cargo that runs these tests sets variables that a user does not have.
    command.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_MANIFEST_DIR");
    let first =
        run(command.env("TIERCE_CACHE", cache()).env("TIERCE_NAMESPACE", namespace()).env("TIERCE_ENGINE", engine()))
            .ok();
    assert_eq!(first.line(), "first:latest");
    let ran = tool("docker", ["run", "--rm", "--network", "none", first.line()]).ok();
    assert_eq!(ran.stdout, "libpng 10639\n");
    let lock = fs::read_to_string(workspace.root().join("Tierce.lock")).expect("beside Cargo.lock");
    assert!(lock.contains("\"media-libs/libpng[simd]\""), "{lock}");
}
