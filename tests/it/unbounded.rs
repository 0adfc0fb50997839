//! Files without an end, pipes and devices in the places of files that Tierce reads, and texts that are too large.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::architecture::files_below;
use crate::support::{Ran, Workspace, repository, run};

/// Enough for a machine that does other things too; a run that waits for a pipe never ends.
const SOON: Duration = Duration::from_secs(60);

fn workspace() -> Workspace {
    Workspace::with_package("app", "packages = [\"sys-libs/zlib\"]\nenv-files = [\"settings\"]", "")
        .file("app/settings", "A=1\n")
}

/// Puts a link to a device, a pipe, or too many bytes at a path.
fn replaced(workspace: &Workspace, path: &str, with: &str) {
    let path = workspace.root().join(path);
    let _ = fs::remove_file(&path);
    match with {
        "pipe" => drop(run(Command::new("mkfifo").arg(&path)).ok()),
        "large" => {
            let file = fs::File::create(&path).expect("writable");
            file.set_len(20 << 20).expect("writable");
        }
        device => symlink(device, &path).expect("writable"),
    }
}

#[track_caller]
fn refused(workspace: &Workspace, expected: &str) -> Ran {
    let start = Instant::now();
    let ran = workspace.xtask(&["image", "--dry-run"]);
    assert_ne!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stderr.contains(expected), "{expected} is not in\n{}", ran.stderr);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    ran
}

/// Only folders are opened otherwise, to sync and to lock them.
#[test]
fn files_are_read_with_a_limit() {
    let of_folders = ["debug/src/copy.rs", "store/src/files.rs"];
    let crates = repository().join("workspace-crates");
    for path in files_below("workspace-crates") {
        let own = path.strip_prefix(&crates).expect("below it").to_string_lossy().into_owned();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_source = own.contains("/src/") && own.ends_with(".rs") && stem != "tests" && !stem.ends_with("_tests");
        if !is_source || of_folders.contains(&own.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("source");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let unlimited = ["fs::read(", "fs::read_to_string(", " File::open(", "(File::open(", "fs::File::open("];
        let found = unlimited.into_iter().find(|call| code.contains(call));
        assert_eq!(found, None, "in {own}");
    }
}

#[test]
fn endless_lock_is_refused() {
    for (with, expected) in [
        ("/dev/zero", "Tierce.lock`: it is a device, not a file; put a regular file there"),
        ("pipe", "Tierce.lock`: it is a named pipe, not a file; put a regular file there"),
        ("large", "Tierce.lock`: it has more than 8 MiB, the limit of a lock file; restore it from version control"),
    ] {
        let workspace = workspace();
        replaced(&workspace, "Tierce.lock", with);
        refused(&workspace, expected).fails_with(9);
    }
}

#[test]
fn endless_variables_are_refused() {
    for (with, expected) in [
        ("/dev/zero", "`settings`"),
        ("pipe", "`settings`"),
        ("large", "it has more than 16 MiB, the limit of a text that Tierce reads; split it"),
    ] {
        let workspace = workspace();
        replaced(&workspace, "app/settings", with);
        refused(&workspace, expected).fails_with(3);
    }
}

#[test]
fn many_globs_and_bases_are_refused() {
    let globs: String = (0..20_000).map(|index| format!("\"/usr/share/*/x{index}*\", ")).collect();
    let workspace = Workspace::with_package("app", &format!("prune = [{globs}]"), "");
    refused(&workspace, "`prune` has 20000 items, and Tierce takes at most 1000").fails_with(3);
    let image = |index: usize| match index {
        0 => "[workspace.metadata.images.i0]\ncmd = [\"/x\"]\n".to_owned(),
        _ => format!("[workspace.metadata.images.i{index}]\nbase = \"i{}\"\n", index - 1),
    };
    let images: String = (0..3000).map(image).collect();
    let workspace = Workspace::with_package("app", "", &images);
    refused(&workspace, "the workspace has 3001 images, and Tierce takes at most 1000").fails_with(3);
}
