//! A run that waits for another prints the reason, and Ctrl-C ends the wait.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::ebuilds::with_repository;
use crate::kept::{halting_server, with_known_builder};
use crate::running::{OwnCache, Running, program};
use crate::support::{Workspace, unique_name};

/// The locks of a cache whose names begin so, made if there is one name only.
fn locks(cache: &OwnCache, begins: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache.path().join("locks")).expect("a run has been there").flatten();
    let names = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with(begins) && !name.ends_with(".used.lock")
    });
    names.map(|entry| entry.path()).collect()
}

/// Holds a lock as another run would.
fn hold(path: PathBuf) -> File {
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    let file = File::options().create(true).truncate(false).write(true).open(path).expect("writable");
    file.lock().expect("nobody holds it");
    file
}

/// A run that says this while it waits, and ends with Ctrl-C.
#[track_caller]
fn waits(cache: &OwnCache, workspace: &Workspace, texts: &[&str]) {
    let mut running = Running::start(cache.image(workspace.root()).args(["--layout", "layout"]));
    for text in texts {
        running.wait_for(&format!("Waiting for {text}"));
    }
    running.signal("INT");
    running.end().fails_with(130);
}

#[test]
fn waiting_run_names_the_cache_lock() {
    let workspace = program(&unique_name(), "");
    let cache = OwnCache::with_own_builder(&["debs", "wheels"]);
    let at = |name: &str| cache.path().join("locks").join(name);
    let held = hold(at("cache.used.lock"));
    waits(&cache, &workspace, &["`cargo xtask clean`, which removes from the cache"]);
    drop(held);
    let _held = hold(at("builder.lock"));
    waits(&cache, &workspace, &["another run or image that makes a builder"]);

    let table = "packages = [\"media-libs/data\"]\nbuild-packages = [\"media-libs/generator\"]";
    let workspace = with_known_builder(with_repository(table))
        .ebuild("data", "KEYWORDS=\"amd64\"\n")
        .ebuild("generator", "KEYWORDS=\"amd64\"\n");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    // The names of these locks are keys, which a run knows.
    let mut running = Running::start(cache.image(workspace.root()).args(["--layout", "layout"]));
    running.wait_for("Running environment");
    running.wait_for("Running root");
    running.signal("INT");
    running.end().fails_with(130);
    fs::remove_dir_all(cache.path().join("binpkgs")).expect("ours");
    let packages: Vec<File> = locks(&cache, "package-").into_iter().map(hold).collect();
    assert_eq!(packages.len(), 2);
    waits(&cache, &workspace, &["another run or image that compiles media-libs/"]);
    drop(packages);
    let _environment: Vec<File> = locks(&cache, "environment-").into_iter().map(hold).collect();
    let _root: Vec<File> = locks(&cache, "root-").into_iter().map(hold).collect();
    let texts = [
        "another run or image that adds the same build-packages to a builder",
        "another run or image that merges the same ROOT",
    ];
    waits(&cache, &workspace, &texts);
}

#[test]
fn clean_waits_for_other_runs() {
    let workspace = program(&unique_name(), "");
    let cache = OwnCache::with_own_builder(&[]);
    let path = cache.path().join("locks/cache.used.lock");
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    let run = File::options().create(true).truncate(false).write(true).open(path).expect("writable");
    run.lock_shared().expect("nobody holds it");
    for flag in ["--cache", "--builder", "--all"] {
        let mut command = crate::support::xtask(workspace.root());
        command.env("TIERCE_CACHE", cache.path()).env("TIERCE_NAMESPACE", cache.namespace()).args(["clean", flag]);
        let mut clean = Running::start(&mut command);
        clean.wait_for("Waiting for other runs that use the same cache");
        clean.signal("INT");
        clean.end().fails_with(130);
    }
}

#[test]
fn waiting_run_names_the_download() {
    let content: &'static str = Box::leak("one line of many\n".repeat(40_000).into_boxed_str());
    let (address, ranges) = halting_server(content);
    let file = format!("{}.txt", unique_name());
    let workspace = || {
        with_known_builder(with_repository("packages = [\"media-libs/large\"]")).downloaded(
            "large",
            &file,
            &format!("{address}/{file}"),
            content,
        )
    };
    let (first, second) = (workspace(), workspace());
    let cache = OwnCache::new(&["debs", "wheels", "binpkgs"]);
    let mut running = Running::start(cache.image(first.root()).args(["--layout", "layout"]));
    running.wait_until("it downloads", |_| !ranges.lock().expect("no panic").is_empty());
    waits(&cache, &second, &[&format!("another run that downloads {file}")]);
    running.signal("INT");
    running.end().fails_with(130);
}
