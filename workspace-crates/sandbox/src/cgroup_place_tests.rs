//! Tests over folders that look like control groups.

use std::sync::atomic::AtomicBool;

use super::*;

/// A tree of groups, each with its path and the files in it.
fn tree(groups: &[(&str, &[(&str, &str)])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (group, files) in groups {
        let folder = root.path().join(group);
        fs::create_dir_all(&folder).expect("writable");
        for (file, text) in *files {
            fs::write(folder.join(file), text).expect("writable");
        }
    }
    root
}

/// The folders of a group and of those above it, the nearest first.
fn upwards(root: &tempfile::TempDir, group: &str) -> Vec<PathBuf> {
    Path::new(group).ancestors().map(|folder| root.path().join(folder)).collect()
}

fn is_open(_: &Path) -> io::Result<()> {
    Ok(())
}

const BOTH: (&str, &str) = ("cgroup.controllers", "cpu memory pids\n");
const PASSES_BOTH: (&str, &str) = ("cgroup.subtree_control", "memory pids\n");
const PASSES_NONE: (&str, &str) = ("cgroup.subtree_control", "");

#[test]
fn limits_of_the_skipped_groups_stay() {
    let root = tree(&[
        ("", &[BOTH, PASSES_BOTH, ("memory.max", "1\n")]),
        ("a", &[BOTH, PASSES_NONE, ("memory.max", "500\n"), ("memory.high", "300\n"), ("pids.max", "max\n")]),
        (
            "a/b",
            &[
                BOTH,
                PASSES_NONE,
                ("memory.max", "900\n"),
                ("memory.high", "max\n"),
                ("memory.swap.max", "40\n"),
                ("pids.max", "70\n"),
            ],
        ),
    ]);
    let place = Place::find(&upwards(&root, "a/b"), &is_open).expect("a place");
    assert_eq!((place.folder(), place.skipped.len()), (root.path().join("").as_path(), 2));
    for (limits, memory, swap, processes) in [
        (Limits::default(), 500, 40, 70),
        (Limits { memory: Some(600), processes: Some(100), ..Limits::default() }, 500, 40, 70),
        (Limits { memory: Some(400), processes: Some(20), without_swap: true, ..Limits::default() }, 400, 0, 20),
    ] {
        let values = place.values(&limits).expect("both controllers");
        let found = (values.memory, values.high, values.swap, values.processes);
        assert_eq!(found, (Some(memory), Some(300), Some(swap), Some(processes)), "{limits:?}");
    }
}

#[test]
fn place_that_would_lift_a_limit_is_refused() {
    let root = tree(&[
        ("", &[("cgroup.controllers", "pids\n"), ("cgroup.subtree_control", "pids\n")]),
        ("a", &[BOTH, PASSES_NONE, ("memory.max", "500\n")]),
    ]);
    let found = Place::find(&upwards(&root, "a"), &is_open);
    assert!(
        matches!(&found, Err(NoLimits::Closed(reason)) if reason.ends_with("the caller's memory.max")),
        "{found:?}"
    );
    fs::write(root.path().join("a/memory.max"), "max\n").expect("writable");
    let place = Place::find(&upwards(&root, "a"), &is_open).expect("nothing is lifted");
    assert!(!place.has_memory && place.has_processes);
}

#[test]
fn groups_above_the_nearest_place_stay_unchanged() {
    let root =
        tree(&[("", &[BOTH, PASSES_NONE]), ("a", &[BOTH, PASSES_NONE]), ("a/b", &[BOTH, PASSES_BOTH]), ("a/b/c", &[])]);
    let place = Place::find(&upwards(&root, "a/b/c"), &is_open).expect("a place");
    assert_eq!(place.folder(), root.path().join("a/b"));
    for above in ["", "a"] {
        let text = fs::read_to_string(root.path().join(above).join("cgroup.subtree_control")).expect("there");
        assert_eq!(text, "", "{above:?}");
    }
}

#[test]
fn groups_that_nobody_can_enter_stay_unchanged() {
    let root = tree(&[("", &[BOTH, PASSES_BOTH]), ("a", &[BOTH, PASSES_NONE])]);
    let own = root.path().join("a");
    let enter = |group: &Path| match group.starts_with(&own) {
        true => Err(io::Error::from(io::ErrorKind::PermissionDenied)),
        false => Ok(()),
    };
    assert_eq!(Place::find(&upwards(&root, "a"), &enter).expect("a place").folder(), root.path().join(""));
    assert_eq!(fs::read_to_string(own.join("cgroup.subtree_control")).expect("there"), "");
    assert_eq!(fs::read_dir(&own).expect("a folder").count(), 2, "its group is removed");
    let nowhere = |_: &Path| Err(io::Error::from(io::ErrorKind::PermissionDenied));
    assert!(matches!(Place::find(&upwards(&root, "a"), &nowhere), Err(NoLimits::Closed(_))));
    assert_eq!(Place::find(&[], &is_open), Err(NoLimits::Absent));
}

#[test]
fn files_of_a_group_get_its_limits() {
    let folder = |files: &[(&str, &str)]| tree(&[("", files)]);
    let text = |root: &tempfile::TempDir, file: &str| fs::read_to_string(root.path().join(file)).ok();
    let group = folder(&[("memory.swap.max", "max")]);
    let values = Values { memory: Some(5), swap: Some(0), ..Values::default() };
    values.write(group.path()).expect("written");
    assert_eq!(text(&group, "memory.max").as_deref(), Some("5"));
    assert_eq!(text(&group, "memory.swap.max").as_deref(), Some("0"));
    assert_eq!((text(&group, "memory.oom.group"), text(&group, "pids.max")), (None, None));
    let group = folder(&[]);
    Values { whole_group: true, high: Some(4), processes: Some(9), ..values }.write(group.path()).expect("written");
    assert_eq!(text(&group, "memory.oom.group").as_deref(), Some("1"));
    assert_eq!(text(&group, "memory.high").as_deref(), Some("4"));
    assert_eq!(text(&group, "pids.max").as_deref(), Some("9"));
    assert_eq!(text(&group, "memory.swap.max"), None, "this kernel does not count swap");
}

#[test]
fn removed_group_cannot_be_locked() {
    let root = tree(&[("a", &[])]);
    let folder = root.path().join("a");
    let open = || OwnedFd::from(fs::File::open(&folder).expect("a folder"));
    let first = lock_opened(&folder, open()).expect("a folder").expect("nobody has it");
    assert!(lock_opened(&folder, open()).expect("a folder").is_none(), "the first one has it");
    drop(first);
    let opened = open();
    fs::remove_dir(&folder).expect("empty");
    assert!(lock_opened(&folder, opened).expect("a folder").is_none(), "nothing is left to lock");
    assert!(lock(&folder).expect("no error").is_none());
}

#[test]
fn claimed_group_survives_the_removal_of_leftovers() {
    let root = tree(&[("", &[])]);
    let place = Place { folder: root.path().to_owned(), skipped: Vec::new(), has_memory: false, has_processes: false };
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    place.remove_leftovers();
                }
            });
        }
        let claims = (0..1000).map(|_| claim(root.path()));
        let lost = claims.filter(|claimed| !claimed.as_ref().is_ok_and(|(folder, _held)| folder.is_dir())).count();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(lost, 0);
    });
}
