//! "A first image in your own workspace", as the README tells it: what is indented there is copied, and nothing else is done.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Workspace, cache, namespace, repository, run, tool};

/// The pieces of text that the section gives to copy, in their order.
pub(crate) fn pieces() -> Vec<String> {
    let readme = fs::read_to_string(repository().join("README.md")).expect("readable");
    let section = readme.split_once("## A first image in your own workspace\n").expect("the section").1;
    let section = section.split_once("\n## ").expect("another section").0;
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

/// A program that links the library of the README's table, with the USE flag that stands there.
const PROGRAM: &str = r#"
#[link(name = "png16")]
unsafe extern "C" {
    fn png_access_version_number() -> u32;
    fn png_get_num_frames(png: *const u8, info: *const u8) -> u32;
}

fn main() {
    // SAFETY: the second one has an answer for null, and is in the library only with the USE flag.
    let (version, frames) = unsafe { (png_access_version_number(), png_get_num_frames(std::ptr::null(), std::ptr::null())) };
    println!("libpng {version}, {frames} frames");
}
"#;

/// A target folder with all that was compiled for these tests. Libraries are never written again, so they need no copy.
fn compiled_already() -> tempfile::TempDir {
    let target = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("beside what cargo has built");
    let debug = Path::new(env!("CARGO_BIN_EXE_xtask")).parent().expect("TARGET/debug");
    let copy = target.path().join("debug");
    fs::create_dir(&copy).expect("writable");
    for (how, name) in [("-al", "deps"), ("-a", "build"), ("-a", ".fingerprint")] {
        tool("cp", [Path::new(how), &debug.join(name), &copy]).ok();
    }
    target
}

#[test]
fn the_readme_leads_to_a_first_image() {
    let pieces = pieces();
    let [xtask, main, members, config, table] = &pieces[..] else { panic!("{pieces:#?}") };
    let beside = "../../tierce/";
    assert!(xtask.contains(beside));
    // This repository lies somewhere else. With the tests' own profile and lock, what it depends on is compiled already.
    let xtask = xtask.replace(beside, &format!("{}/", repository().display()));
    let alias = "run --profile xtask ";
    assert!(config.contains(alias));
    let target = compiled_already();
    let config = config.replace(alias, &format!("run --target-dir {} ", target.path().display()));
    let profiles = fs::read_to_string(repository().join("Cargo.toml")).expect("readable");
    let profiles = &profiles[profiles.find("[profile.dev.package]").expect("of the tests")..];

    let package = "[package]\nname = \"first\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let workspace = Workspace::new("first")
        .file("Cargo.toml", &format!("{package}\n{table}\n{members}\n{profiles}"))
        .file("src/main.rs", PROGRAM)
        .file("xtask/Cargo.toml", &xtask)
        .file("xtask/src/main.rs", main)
        .file(".cargo/config.toml", &config);
    fs::copy(repository().join("Cargo.lock"), workspace.root().join("Cargo.lock")).expect("writable");

    let mut command = Command::new("cargo");
    command.current_dir(workspace.root()).args(["xtask", "image"]).env("NO_COLOR", "1");
    // What the cargo that runs these tests says to them is no user's.
    command.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_MANIFEST_DIR");
    let first = run(command.env("TIERCE_CACHE", cache()).env("TIERCE_NAMESPACE", namespace())).ok();
    assert_eq!(first.line(), "first:latest");
    let ran = tool("docker", ["run", "--rm", "--network", "none", first.line()]).ok();
    assert_eq!(ran.stdout, "libpng 10639, 0 frames\n");
    let lock = fs::read_to_string(workspace.root().join("Tierce.lock")).expect("beside Cargo.lock");
    assert!(lock.contains("\"media-libs/libpng[apng]\""), "{lock}");
}
