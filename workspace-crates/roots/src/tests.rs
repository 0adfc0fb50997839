//! Roots and volumes in a cache of their own. No test starts a sandbox: an ordinary user owns all files.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tierce_store::files;
use tierce_store::paths::{Paths, UserFolders};
use tierce_store::receipts::Receipts;
use tierce_store::sealed;

use crate::about::About;
use crate::{SandboxStore, Scratch};

/// A process of another boot of the machine.
const DEAD: &str = "another-boot:1:1:1";

fn store(scratch: &Path) -> (SandboxStore, Receipts) {
    let user = UserFolders { tierce_cache: Some(scratch.join("cache")), ..UserFolders::default() };
    let paths = Paths::choose(&scratch.join("target"), &user).expect("writable");
    (SandboxStore::new(paths.clone(), Arc::default()), Receipts::of_sandbox(paths))
}

fn made(store: &SandboxStore, kind: &str, key: &str, below: Option<&str>) -> String {
    let scratch = store.scratch().expect("writable");
    fs::write(scratch.upper().join(key), kind).expect("writable");
    store.keep_root(&scratch, (kind, key), below).expect("kept")
}

/// Lets a killed run have made a root or a volume.
fn abandon(folder: &Path) {
    let path = folder.join("about.json");
    let about: About = sealed::read(&path).expect("a record");
    sealed::write(&path, &About { maker: DEAD.to_owned(), ..about }).expect("writable");
}

#[test]
fn root_has_the_layers_below_it() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (store, _) = store(scratch.path());
    let first = made(&store, "unpacked", "k1", None);
    let second = made(&store, "builder", "k2", Some(&first));
    let used = store.use_root(&second).expect("there");
    assert_eq!(used.layers, [format!("roots/{first}/tree"), format!("roots/{second}/tree")]);
    assert_eq!(fs::read_to_string(store.folder().join(&used.layers[1]).join("k2")).expect("there"), "builder");
    assert_eq!(store.root_ids(), [second.clone(), first.clone()], "each before the one below");
    assert!(store.use_root("0123456789abcdef").is_err());
    assert_eq!(store.find_root("../../etc"), None);
    assert_eq!(fs::read_dir(store.folder().join("scratch")).expect("a folder").count(), 0, "nothing is left over");
}

#[test]
fn name_leads_to_the_root_of_its_step_only() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (store, _) = store(scratch.path());
    let (one, other) = (made(&store, "builder", "k", None), made(&store, "builder", "l", None));
    store.name_root(&one, "ns-builder:k").expect("writable");
    assert_eq!(store.find_root("ns-builder:k"), Some(one.clone()));
    assert_eq!(store.find_root(&one), Some(one.clone()));
    assert_eq!(store.find_own_root("ns-builder:k", "builder", "k"), Some(one.clone()));
    for (kind, key) in [("builder", "l"), ("environment", "k")] {
        assert_eq!(store.find_own_root("ns-builder:k", kind, key), None, "{kind} {key}");
    }
    assert_eq!(store.title(&one), "ns-builder:k");
    store.name_root(&other, "ns-builder:k").expect("writable");
    assert_eq!(store.find_root("ns-builder:k"), Some(other));
}

#[test]
fn used_named_and_lower_roots_stay() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (store, _) = store(scratch.path());
    let lower = made(&store, "unpacked", "k1", None);
    let upper = made(&store, "builder", "k2", Some(&lower));
    store.drop_root(&lower).expect("looked at");
    assert!(store.find_root(&lower).is_some(), "another root is on top of it");
    let used = store.use_root(&upper).expect("there");
    store.drop_root(&upper).expect("looked at");
    assert!(store.find_root(&upper).is_some(), "a builder uses it");
    drop(used);
    store.name_root(&upper, "n:1").expect("writable");
    store.drop_root(&upper).expect("looked at");
    assert!(store.find_root(&upper).is_some(), "it has a name");
    assert!(store.remove_root(&upper).expect("removed"));
    assert_eq!(store.root_ids(), Vec::<String>::new(), "the root below went with it");
    assert_eq!(store.find_root("n:1"), None);
}

#[test]
fn leftovers_of_killed_runs_go() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (store, receipts) = store(scratch.path());
    let named = made(&store, "builder", "k1", None);
    store.name_root(&named, "n:1").expect("writable");
    let nameless = made(&store, "unpacked", "k2", None);
    let living = made(&store, "unpacked", "k3", None);
    for name in ["left", "of-living"] {
        store.create_volume("finish", name).expect("writable");
    }
    abandon(&store.folder().join("roots").join(&named));
    abandon(&store.folder().join("roots").join(&nameless));
    abandon(&store.folder().join("volumes/left"));
    let held: Scratch = store.scratch().expect("writable");
    let dead = store.folder().join("scratch/.tierce-dead.part");
    files::write(&dead.join("upper/file"), "half").expect("writable");
    store.remove_leftovers(&receipts).expect("removed");
    assert_eq!(store.find_root(&nameless), None);
    assert!(store.find_root(&named).is_some() && store.find_root(&living).is_some());
    assert!(!dead.exists() && held.path().exists());
    assert!(!store.volume("left").exists() && store.volume("of-living").exists());
}

#[test]
fn leftover_that_stays_keeps_no_other() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (store, receipts) = store(scratch.path());
    let folder = store.folder().join("scratch");
    let [stays, goes] = [".tierce-a.part", ".tierce-b.part"].map(|name| folder.join(name));
    files::write(&stays, "no folder").expect("writable");
    files::write(&goes.join("upper/file"), "half").expect("writable");
    let error = store.remove_leftovers(&receipts).expect_err("it stays").to_string();
    assert!(error.contains(".tierce-a.part"), "{error}");
    assert!(stays.exists() && !goes.exists());
}

#[test]
fn every_user_may_enter_a_root() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (store, _) = store(scratch.path());
    store.create_volume("root", "v").expect("writable");
    let changes = store.scratch().expect("writable");
    for path in [store.volume("v"), changes.upper()] {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).expect("there").permissions());
        assert_eq!(mode & 0o7777, 0o755);
    }
}

#[test]
fn volume_of_the_same_name_is_another_one() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (store, _) = store(scratch.path());
    store.create_volume("root", "v").expect("writable");
    let before = store.volume_created("root", "v").expect("there");
    assert_eq!(store.volume_created("finish", "v"), None, "another kind");
    store.drop_volume("v").expect("removed");
    assert_eq!(store.volume_created("root", "v"), None);
    store.create_volume("root", "v").expect("writable");
    assert_ne!(store.volume_created("root", "v").expect("there"), before);
}
