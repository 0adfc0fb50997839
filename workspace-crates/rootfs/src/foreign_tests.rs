use super::*;
use tierce_elf::{Class, Elf, Endianness, Kind, Machine};

use crate::Start;
use crate::base::tests::{base_from_elsewhere, index};
use crate::ld_cache::Entry;
use crate::{Format, Loader, stack};

/// Merges a selection with a base and lists each path that differs from the base, and the findings.
fn completed(below: &str, selected: &str, globs: &Globs) -> Result<(Vec<String>, Closure), Error> {
    let (base, selected) = (base_from_elsewhere(below), index(selected));
    let mut closure = Closure::default();
    for (at, node) in selected.tree().iter().filter(|(_, node)| !node.is_directory()) {
        let reason = if node.is_symlink() { Reason::Merged } else { Reason::Program };
        let Start { path, reason } = Start { reason, path: at.to_owned() };
        closure.add(&path, reason);
    }
    let Completed { image, .. } = base.complete(&selected, &mut closure, globs, &BTreeMap::new())?;
    Ok((changed(&base, &image, &closure), closure))
}

fn changed(base: &Base, image: &Index, closure: &Closure) -> Vec<String> {
    let changes = base.changes(image);
    let text = |at: &String| match &image.tree().get(at).unwrap().kind {
        NodeKind::Symlink { target } => format!("{at} -> {target}"),
        _ => format!("{at} ({})", closure.reason(at).map_or("none", Reason::label)),
    };
    let removed = changes.removed.iter().map(|at| format!("no {at}"));
    changes.added.iter().map(text).chain(removed).collect()
}

fn replaced(closure: &Closure) -> Vec<String> {
    let of = |finding: &Finding| match finding {
        Finding::ForeignBase { replaced, .. } => replaced.clone(),
        _ => Vec::new(),
    };
    closure.findings.iter().flat_map(of).collect()
}

#[test]
fn folders_and_links_are_those_of_below() {
    let ours = "/lib64 -> usr/lib64\n/usr/lib64/ld.so 2\n/usr/lib64/libc.so 2\n/usr/bin/p program";
    let cases: [(&str, &str, &[&str], &[&str]); 7] = [
        // Alike: only files are new.
        (
            "merged",
            "/lib64 -> usr/lib64\n/usr/lib64/ld.so 1\n/bin -> usr/bin\n/usr/bin/sh 1",
            &["/usr/bin/p (program)", "/usr/lib64/ld.so (program)", "/usr/lib64/libc.so (program)"],
            &["/usr/lib64/ld.so"],
        ),
        (
            "another libc",
            "/lib/ld-musl.so 1\n/bin/sh 1",
            &[
                "/lib64 -> usr/lib64",
                "/usr (directory)",
                "/usr/bin (directory)",
                "/usr/bin/p (program)",
                "/usr/lib64 (directory)",
                "/usr/lib64/ld.so (program)",
                "/usr/lib64/libc.so (program)",
            ],
            &[],
        ),
        (
            "a folder where we have a link",
            "/lib64/ld.so -> ../lib/ld.so\n/lib/ld.so 1\n/usr/bin/sh 1",
            &[
                "/lib64/ld.so -> /usr/lib64/ld.so",
                "/lib64/libc.so -> /usr/lib64/libc.so",
                "/usr/bin/p (program)",
                "/usr/lib64 (directory)",
                "/usr/lib64/ld.so (program)",
                "/usr/lib64/libc.so (program)",
            ],
            &["/lib64/ld.so"],
        ),
        (
            "a link where we have a folder",
            "/lib64 -> usr/lib\n/usr/lib64 -> lib\n/usr/lib/ld.so 2\n/usr/bin/sh 1",
            &["/usr/bin/p (program)", "/usr/lib/libc.so (program)"],
            &[],
        ),
        (
            "a link to another folder",
            "/lib64 -> lib\n/lib/ld.so 1\n/usr/bin/sh 1",
            &[
                "/lib/ld.so -> /usr/lib64/ld.so",
                "/lib/libc.so -> /usr/lib64/libc.so",
                "/usr/bin/p (program)",
                "/usr/lib64 (directory)",
                "/usr/lib64/ld.so (program)",
                "/usr/lib64/libc.so (program)",
            ],
            &["/lib/ld.so"],
        ),
        (
            "a link to nothing where we have a folder",
            "/usr/lib64 -> lib\n/usr/bin/sh 1",
            &[
                "/lib64 -> usr/lib64",
                "/usr/bin/p (program)",
                "/usr/lib (directory)",
                "/usr/lib/ld.so (program)",
                "/usr/lib/libc.so (program)",
            ],
            &[],
        ),
        (
            "a link to a file",
            "/lib64 -> usr/lib64\n/usr/bin/p -> q\n/usr/bin/q 1\n/usr/lib64/ld.so 2\n/usr/lib64/libc.so 2",
            &["/usr/bin/p (program)"],
            &["/usr/bin/p"],
        ),
    ];
    for (name, below, expected, expected_replaced) in cases {
        let (changes, closure) = completed(below, ours, &Globs::default()).unwrap();
        assert_eq!(changes, expected, "{name}");
        assert_eq!(replaced(&closure), expected_replaced, "{name}");
    }
}

#[test]
fn moved_file_has_its_new_path() {
    let (_, closure) =
        completed("/usr/lib64 -> lib\n/usr/lib/x 1", "/usr/lib64/y 1\n/a -> usr/lib64/y", &Globs::default()).unwrap();
    assert_eq!(closure.reason("/usr/lib/y"), Some(&Reason::Program));
    assert_eq!(closure.reason("/usr/lib64/y"), None);
    assert_eq!(closure.reason("/usr/lib64").map(Reason::label), Some("base image"));
    let mut closure = Closure::default();
    closure.add("/a/b", Reason::Program);
    closure.add("/c", Reason::Interpreter { of: "/a/b".into() });
    closure.add("/d", Reason::TargetOf { link: "/c".into() });
    closure.rename(&BTreeMap::from([("/a/b".into(), "/x/b".into()), ("/c".into(), "/x/c".into())]));
    let chain: Vec<&str> = closure.chain("/d").into_iter().map(|(at, _)| at).collect();
    assert_eq!(chain, ["/x/b", "/x/c", "/d"]);
}

#[test]
fn pruned_and_removed_files_leave_the_base() {
    let globs = Globs {
        prune: Patterns::new(["/usr/share/doc"]).unwrap(),
        remove: Patterns::new(["/etc/*.d/x"]).unwrap(),
        ..Globs::default()
    };
    let below = "/usr/share/doc/a 1\n/etc/a.d/x 1\n/etc/a.d/y 1";
    let (changes, _) = completed(below, "/p 1", &globs).unwrap();
    assert_eq!(changes, ["/p (program)", "no /etc/a.d/x", "no /usr/share/doc"]);
}

#[test]
fn folder_of_the_base_beats_a_link_of_root() {
    // The base has /bin as a folder, and ROOT has it as a link. Each case has the paths that the image changes, and the paths that
    // Tierce reports as replaced.
    type Case<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str]);
    let below = "/bin/sh 1\n/bin/x 1\n/lib/s/a 1\n/usr/lib/s/b 1";
    let cases: [Case<'_>; 5] = [
        (
            "a script's interpreter",
            below,
            "",
            &["/bin", "/usr/bin/p", "/usr/bin/sh"],
            &["/bin/p -> /usr/bin/p", "/usr/bin (directory)", "/usr/bin/p (program)"],
            &[],
        ),
        (
            "a program of that name",
            below,
            "/usr/bin/x mine",
            &["/usr/bin/x"],
            &["/bin/x -> /usr/bin/x", "/usr/bin (directory)", "/usr/bin/x (program)"],
            &["/bin/x"],
        ),
        (
            "a declared file",
            below,
            "/bin/x mine",
            &["/bin", "/usr/bin/x"],
            &["/bin/x -> /usr/bin/x", "/usr/bin (directory)", "/usr/bin/x (program)"],
            &["/bin/x"],
        ),
        ("only what stays", below, "", &["/usr/bin/sh", "/usr/lib/s/a", "/usr/lib/s/b"], &[], &[]),
        (
            "a folder that stands twice",
            below,
            "/usr/lib/s/mine 1",
            &["/usr/lib/s/a", "/usr/lib/s/mine"],
            &["/usr/lib/s/mine (program)"],
            &[],
        ),
    ];
    for (name, below, brought, selected, expected, expected_replaced) in cases {
        let base = base_from_elsewhere(below);
        let mut root = index("/bin -> usr/bin\n/lib -> usr/lib\n/usr/bin/p 1\n/usr/lib/x 1");
        let laid = base.lay_over(&mut root).unwrap();
        for (at, content) in brought.lines().filter_map(|line| line.split_once(' ')) {
            let node = Node::new(NodeKind::File { size: 0 }, 0o755);
            root.insert_file(at, node, content.len() as u64, FileContent::of_bytes(content.into())).unwrap();
        }
        let mut closure = Closure::default();
        for at in selected {
            closure.add(at, Reason::Program);
        }
        let selected = root.select(selected.iter().copied()).unwrap();
        let Completed { image, .. } = base.complete(&selected, &mut closure, &Globs::default(), &laid).unwrap();
        assert_eq!(changed(&base, &image, &closure), expected, "{name}");
        assert_eq!(replaced(&closure), expected_replaced, "{name}");
        let strangers: Vec<_> = closure.iter().filter(|(at, _)| image.tree().get(at).is_none()).collect();
        assert_eq!(strangers, [], "{name}");
    }
}

#[test]
fn older_c_library_is_found() {
    let with_libc = |at: &str, glibc: (u16, u16)| {
        let mut elf = Elf::bare(Class::Elf64, Endianness::Little, Machine::X86_64, Kind::Shared);
        (elf.soname, elf.glibc) = (Some("libc.so.6".into()), Some(glibc));
        let content = FileContent { format: Format::Elf(Box::new(elf)), ..FileContent::of_bytes(vec![glibc.1 as u8]) };
        let mut index = Index::new();
        index.insert_file(at, Node::new(NodeKind::File { size: 0 }, 0o755), 1, content).unwrap();
        index
    };
    for (below, own, expected) in
        [((2, 39), (2, 9), Some([(2, 39), (2, 9)])), ((2, 9), (2, 39), None), ((2, 39), (2, 39), None)]
    {
        let layers = [with_libc("/lib/any/libc.so.6", below)];
        let base = Base::new("x:1", &stack(&layers), &[], Index::new(), true).unwrap();
        let mut closure = Closure::default();
        let selected = with_libc("/usr/lib64/libc.so.6", own);
        base.complete(&selected, &mut closure, &Globs::default(), &BTreeMap::new()).unwrap();
        let found = closure.findings.iter().find_map(|finding| match finding {
            Finding::ForeignBase { older_libc, .. } => *older_libc,
            _ => None,
        });
        assert_eq!(found, expected);
    }
}

#[test]
fn libraries_before_the_bases_are_named() {
    let mut image = index(
        "/lib/any/libz.so.1 1\n/lib/any/liby.so.1 same\n/lib/any/libw.so.1 1\n/usr/lib64/libz.so.1 2\n/usr/lib64/liby.so.1 same",
    );
    let cache = |folder: &str, names: &[&str]| {
        let entry = |name: &&str| Entry {
            soname: format!("lib{name}.so.1"),
            path: format!("{folder}/lib{name}.so.1"),
            flags: 0x303,
            hwcaps: None,
        };
        LdCache::new(names.iter().map(entry).collect())
    };
    let loader = Loader { cache: cache("/usr/lib64", &["z", "y"]), ..Loader::default() };
    let mut closure = Closure::default();
    let finding = |replaced: &[&str]| Finding::ForeignBase {
        image: "x:1".into(),
        replaced: replaced.iter().map(|&path| path.to_owned()).collect(),
        older_libc: None,
    };
    closure.findings.insert(finding(&["/lib/any/libw.so.1"]));
    closure.add_made(&mut image, &loader, &cache("/lib/any", &["z", "y", "w"])).unwrap();
    assert_eq!(closure.findings, [finding(&["/lib/any/libw.so.1", "/lib/any/libz.so.1"])].into());
}

#[test]
fn glob_may_match_only_the_base() {
    let base = base_from_elsewhere("/bin/x 1");
    let mut closure = Closure::default();
    let pattern = "/bin/x".to_owned();
    closure.findings.insert(Finding::UnmatchedRemove { pattern: pattern.clone(), nearest: None });
    let globs = Globs { remove: Patterns::new([&pattern]).unwrap(), ..Globs::default() };
    base.complete(&Index::new(), &mut closure, &globs, &BTreeMap::new()).unwrap();
    assert_eq!(closure.findings.len(), 1, "{:?}", closure.findings);
}

#[test]
fn shared_folders_hold_files_of_both() {
    let ours = "/lib -> usr/lib\n/usr/lib/s/a 2\n/usr/lib/s/d/b 2\n/usr/lib/t/c 2";
    let cases: [(&str, &str, &[&str]); 3] = [
        (
            "a folder in a folder",
            "/lib/s/a 1\n/lib/s/d/x 1\n/lib/s/z 1\n/usr/lib/s/d/y 1",
            &["/lib/s/a -> /usr/lib/s/a", "/lib/s/d/b -> /usr/lib/s/d/b", "/lib/t -> /usr/lib/t"],
        ),
        (
            "a link to a folder in it",
            "/lib/s -> ../x\n/x/y 1\n/usr/lib/s/d/y 1",
            &["/lib/t -> /usr/lib/t", "/x/a -> /usr/lib/s/a", "/x/d -> /usr/lib/s/d"],
        ),
        ("nothing in it", "/lib/z 1", &["/lib/s -> /usr/lib/s", "/lib/t -> /usr/lib/t"]),
    ];
    for (name, below, expected) in cases {
        let (changes, _) = completed(below, ours, &Globs::default()).unwrap();
        let links: Vec<&String> = changes.iter().filter(|change| change.contains("->")).collect();
        assert_eq!(links, expected, "{name}");
    }
}

#[test]
fn files_at_one_path_must_be_equal() {
    let below = "/usr/sbin -> bin\n/usr/lib64 -> lib/any\n/usr/bin/sh 1\n/usr/lib/any/z 1";
    for (ours, expected) in [
        ("/usr/bin/x 1\n/usr/sbin/x 1", Ok(vec!["/usr/bin/x (program)"])),
        ("/usr/bin/x 1\n/usr/sbin/x -> ../bin/x", Ok(vec!["/usr/bin/x (program)"])),
        ("/usr/bin/x -> ../sbin/x\n/usr/sbin/x 1", Ok(vec!["/usr/bin/x (program)"])),
        ("/usr/sbin/sh -> ../bin/sh", Ok(vec![])),
        // A link leads where it did.
        (
            "/usr/lib64/l -> ../share/f\n/usr/lib64/m -> l\n/usr/share/f 1",
            Ok(vec![
                "/usr/lib/any/l -> /usr/share/f",
                "/usr/lib/any/m -> l",
                "/usr/share (directory)",
                "/usr/share/f (program)",
            ]),
        ),
        (
            "/usr/lib64/l -> ../lib64/n\n/usr/lib64/n 1",
            Ok(vec!["/usr/lib/any/l -> /usr/lib64/n", "/usr/lib/any/n (program)"]),
        ),
        (
            "/usr/bin/x 1\n/usr/sbin/x 2",
            Err(
                "failed to put `/usr/bin/x` into the file tree: `/usr/bin/x` and `/usr/sbin/x` differ, and links of the base image lead both there",
            ),
        ),
    ] {
        let found = completed(below, ours, &Globs::default()).map(|(changes, _)| changes);
        let found = found.map_err(|error| error.to_string());
        let expected = expected.map(|changes| changes.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(found, expected.map_err(str::to_owned), "{ours}");
    }
}

#[test]
fn folder_and_file_conflict() {
    for (below, selected) in [
        ("/a/b 1", "/a 2"),
        ("/a 1", "/a/b 2"),
        ("/l -> a\n/a 1", "/l/b 2"),
        ("/a/b 1", "/a -> c\n/c 1"),
        ("/a/b/x 1", "/a -> c\n/c/b 1"),
    ] {
        let error = completed(below, selected, &Globs::default()).unwrap_err();
        assert!(error.to_string().contains("/a"), "{below}: {error}");
    }
}
