//! Tests over folders that look like control groups.

use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::*;

/// A tree of groups, each with its path and the files in it. As in the kernel, only the root has no type.
fn tree(groups: &[(&str, &[(&str, &str)])]) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for (group, files) in groups {
        let folder = root.path().join(group);
        fs::create_dir_all(&folder).expect("writable");
        let kind = (!group.is_empty()).then_some(("cgroup.type", "domain\n"));
        for (file, text) in kind.iter().chain([&("cgroup.procs", "")]).chain(*files) {
            fs::write(folder.join(file), text).expect("writable");
        }
    }
    root
}

/// The folders of a group and of those above it, the nearest first.
fn upwards(root: &tempfile::TempDir, group: &str) -> Vec<PathBuf> {
    Path::new(group).ancestors().map(|folder| root.path().join(folder)).collect()
}

/// A kernel for a tree: it refuses what the real one refuses, cgroups(7).
struct Fake<'a> {
    /// The folders whose groups nobody can enter.
    closed: &'a [PathBuf],
    /// The writes to `cgroup.subtree_control`.
    writes: Mutex<Vec<(PathBuf, String)>>,
}

impl Fake<'_> {
    fn open() -> Fake<'static> {
        Fake::closed(&[])
    }

    fn closed(closed: &[PathBuf]) -> Fake<'_> {
        Fake { closed, writes: Mutex::default() }
    }

    /// The writes so far.
    fn writes(&self) -> Vec<(PathBuf, String)> {
        self.writes.lock().expect("no panic").clone()
    }
}

impl Kernel for Fake<'_> {
    fn pass_on(&self, folder: &Path, controllers: &str) -> io::Result<()> {
        self.writes.lock().expect("no panic").push((folder.to_owned(), controllers.to_owned()));
        let kind = read(&folder.join("cgroup.type"));
        let (is_root, has_processes) = (kind.is_empty(), !read(&folder.join("cgroup.procs")).is_empty());
        let added: Vec<&str> = controllers.split(' ').filter_map(|word| word.strip_prefix('+')).collect();
        if added.iter().any(|name| !has(folder, "cgroup.controllers", name)) {
            return Err(Errno::NOENT.into());
        }
        if !is_root && !added.is_empty() {
            match (added.contains(&"memory"), kind.trim()) {
                (_, "domain invalid") | (true, "domain threaded" | "threaded") => return Err(Errno::OPNOTSUPP.into()),
                (true, _) if has_processes => return Err(Errno::BUSY.into()),
                (false, "domain") if has_processes => fs::write(folder.join("cgroup.type"), "domain threaded\n")?,
                _ => {}
            }
        }
        let file = folder.join("cgroup.subtree_control");
        let mut passed: Vec<String> = read(&file).split_whitespace().map(str::to_owned).collect();
        passed.retain(|name| !controllers.split(' ').any(|word| word.strip_prefix('-') == Some(name)));
        passed.extend(added.into_iter().map(str::to_owned));
        fs::write(file, passed.join(" "))
    }

    fn enter(&self, group: &Path) -> io::Result<()> {
        let above = group.parent().expect("a folder");
        match read(&above.join("cgroup.type")).trim() {
            "" | "domain" if self.closed.iter().any(|closed| closed == above) => Err(Errno::ACCESS.into()),
            "" | "domain" => Ok(()),
            _ => Err(Errno::OPNOTSUPP.into()),
        }
    }
}

const BOTH: (&str, &str) = ("cgroup.controllers", "cpu memory pids\n");
const PASSES_BOTH: (&str, &str) = ("cgroup.subtree_control", "memory pids\n");
const PASSES_NONE: (&str, &str) = ("cgroup.subtree_control", "");
const BUSY: (&str, &str) = ("cgroup.procs", "17\n");

#[test]
fn limits_of_the_skipped_groups_stay() {
    let root = tree(&[
        ("", &[BOTH, PASSES_BOTH, ("memory.max", "1\n")]),
        ("a", &[BOTH, PASSES_NONE, BUSY, ("memory.max", "500\n"), ("memory.high", "300\n"), ("pids.max", "max\n")]),
        (
            "a/b",
            &[
                BOTH,
                PASSES_NONE,
                BUSY,
                ("memory.max", "900\n"),
                ("memory.high", "max\n"),
                ("memory.swap.max", "40\n"),
                ("pids.max", "70\n"),
            ],
        ),
    ]);
    let place = Place::find(&upwards(&root, "a/b"), &Fake::open()).expect("a place");
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
        ("a", &[BOTH, PASSES_NONE, BUSY, ("memory.max", "500\n")]),
    ]);
    let found = Place::find(&upwards(&root, "a"), &Fake::open());
    assert!(
        matches!(&found, Err(NoLimits::Closed(reason)) if reason.ends_with("the caller's memory.max")),
        "{found:?}"
    );
    fs::write(root.path().join("a/memory.max"), "max\n").expect("writable");
    let place = Place::find(&upwards(&root, "a"), &Fake::open()).expect("nothing is lifted");
    assert!(!place.has_memory && place.has_processes);
}

#[test]
fn groups_above_the_nearest_place_stay_unchanged() {
    let root =
        tree(&[("", &[BOTH, PASSES_NONE]), ("a", &[BOTH, PASSES_NONE]), ("a/b", &[BOTH, PASSES_BOTH]), ("a/b/c", &[])]);
    let place = Place::find(&upwards(&root, "a/b/c"), &Fake::open()).expect("a place");
    assert_eq!(place.folder(), root.path().join("a/b"));
    for above in ["", "a"] {
        let text = fs::read_to_string(root.path().join(above).join("cgroup.subtree_control")).expect("there");
        assert_eq!(text, "", "{above:?}");
    }
}

#[test]
fn groups_that_nobody_can_enter_stay_unchanged() {
    let root = tree(&[("", &[BOTH, PASSES_BOTH]), ("a", &[BOTH, PASSES_NONE])]);
    let folders = upwards(&root, "a");
    let kernel = Fake::closed(&folders[..1]);
    assert_eq!(Place::find(&folders, &kernel).expect("a place").folder(), root.path().join(""));
    assert_eq!(kernel.writes(), []);
    let left = fs::read_dir(&folders[0]).expect("a folder").flatten().filter(|entry| entry.path().is_dir()).count();
    assert_eq!(left, 0, "its group is removed");
    assert!(matches!(Place::find(&folders, &Fake::closed(&folders)), Err(NoLimits::Closed(_))));
    assert_eq!(Place::find(&[], &Fake::open()), Err(NoLimits::Absent));
}

#[test]
fn group_with_processes_does_not_become_threaded() {
    // The caller's scope is the nearest group, and no group above passes anything on.
    for (above, expected) in [(&[BOTH, PASSES_NONE][..], Some("+memory +pids")), (&[BOTH, PASSES_NONE, BUSY], None)] {
        let root = tree(&[("", &[BOTH, PASSES_BOTH]), ("a", above), ("a/b", &[BOTH, PASSES_NONE, BUSY])]);
        let kernel = Fake::open();
        let place = Place::find(&upwards(&root, "a/b"), &kernel).expect("a place");
        let chosen = root.path().join(if expected.is_some() { "a" } else { "" });
        assert_eq!((place.folder(), place.has_memory, place.has_processes), (chosen.as_path(), true, true));
        let writes: Vec<(PathBuf, String)> =
            expected.into_iter().map(|words| (chosen.clone(), words.to_owned())).collect();
        assert_eq!(kernel.writes(), writes);
        for group in ["a", "a/b"] {
            assert_eq!(read(&root.path().join(group).join("cgroup.type")), "domain\n");
        }
    }
    let root = tree(&[("", &[("cgroup.controllers", "pids\n"), PASSES_NONE, ("cgroup.type", "domain\n"), BUSY])]);
    let kernel = Fake::open();
    assert!(matches!(Place::find(&upwards(&root, ""), &kernel), Err(NoLimits::Closed(_))), "it is no real root");
    assert_eq!(kernel.writes(), []);
}

#[test]
fn real_root_passes_controllers_on_beside_its_processes() {
    let root = tree(&[("", &[BOTH, PASSES_NONE, BUSY])]);
    let place = Place::find(&upwards(&root, ""), &Fake::open()).expect("a place");
    assert!(place.has_memory && place.has_processes);
    assert_eq!(read(&root.path().join("cgroup.subtree_control")), "memory pids");
}

#[test]
fn refused_write_leaves_what_a_group_passes_on() {
    // A process came after the look: the kernel refuses the write as a whole.
    struct Late<'a>(Fake<'a>);
    impl Kernel for Late<'_> {
        fn pass_on(&self, folder: &Path, controllers: &str) -> io::Result<()> {
            fs::write(folder.join("cgroup.procs"), "17\n")?;
            self.0.pass_on(folder, controllers)
        }

        fn enter(&self, group: &Path) -> io::Result<()> {
            self.0.enter(group)
        }
    }
    let root = tree(&[("", &[("cgroup.controllers", "memory pids\n"), PASSES_NONE]), ("a", &[BOTH, PASSES_NONE])]);
    fs::write(root.path().join("cgroup.type"), "domain\n").expect("writable");
    let kernel = Late(Fake::open());
    assert!(matches!(Place::find(&upwards(&root, "a"), &kernel), Err(NoLimits::Closed(_))));
    for group in ["", "a"] {
        assert_eq!(read(&root.path().join(group).join("cgroup.type")), "domain\n");
        assert_eq!(read(&root.path().join(group).join("cgroup.subtree_control")), "");
    }
}

#[test]
fn write_after_which_nobody_can_enter_is_taken_back() {
    struct Closing<'a>(Fake<'a>);
    impl Kernel for Closing<'_> {
        fn pass_on(&self, folder: &Path, controllers: &str) -> io::Result<()> {
            self.0.pass_on(folder, controllers)
        }

        fn enter(&self, _group: &Path) -> io::Result<()> {
            if self.0.writes().is_empty() { Ok(()) } else { Err(Errno::OPNOTSUPP.into()) }
        }
    }
    let root = tree(&[("", &[BOTH, PASSES_NONE])]);
    let kernel = Closing(Fake::open());
    assert!(matches!(Place::find(&upwards(&root, ""), &kernel), Err(NoLimits::Closed(_))));
    assert_eq!(read(&root.path().join("cgroup.subtree_control")), "");
    let words: Vec<String> = kernel.0.writes().into_iter().map(|(_, words)| words).collect();
    assert_eq!(words, ["+memory +pids", "-memory -pids"]);
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
    let root = tree(&[]);
    let folder = root.path().join("a");
    fs::create_dir(&folder).expect("writable");
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
fn group_is_closed_to_other_users_and_goes_without_its_lock() {
    let root = tree(&[]);
    let (folder, _held) = claim(root.path()).expect("a group");
    let mode = fs::metadata(&folder).expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let folder = root.path().join("a");
    let refused = |_: &Path| Err(Errno::NOLCK.into());
    let lost = |_: &Path| Ok(None);
    assert!(make_locked(&folder, &refused).is_err() && !folder.exists());
    assert!(make_locked(&folder, &lost).expect("no error").is_none() && !folder.exists());
    assert!(make_locked(&folder, &lock).expect("no error").is_some() && folder.exists());
    let again = make_locked(&folder, &lock).expect_err("it is another process's");
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    assert!(folder.exists());
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
