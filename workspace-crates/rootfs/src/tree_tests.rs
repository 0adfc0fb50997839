use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::{FileTree, Node, NodeKind, path};

fn file() -> Node {
    Node::new(NodeKind::File { size: 1 }, 0o644)
}

fn merged_usr() -> FileTree {
    let mut tree = FileTree::new();
    for (at, node) in [
        ("/usr/lib64/libz.so.1.2", file()),
        ("/usr/lib64/libz.so.1", Node::symlink("libz.so.1.2")),
        ("/lib64", Node::symlink("usr/lib64")),
        ("/usr/lib", Node::symlink("/lib64")),
        ("/up", Node::symlink("../../../../etc")),
        ("/etc/x", file()),
        ("/a", Node::symlink("b")),
        ("/b", Node::symlink("a")),
    ] {
        tree.insert(at, node).unwrap();
    }
    tree
}

#[test]
fn resolving() {
    type Way<'case> = (&'case str, &'case [&'case str]);
    let cases: &[(&str, Result<Way<'_>, &str>)] = &[
        ("/", Ok(("/", &[]))),
        ("/usr/lib64", Ok(("/usr/lib64", &[]))),
        ("/lib64/libz.so.1", Ok(("/usr/lib64/libz.so.1.2", &["/lib64", "/usr/lib64/libz.so.1"]))),
        ("/usr/lib/libz.so.1.2", Ok(("/usr/lib64/libz.so.1.2", &["/usr/lib", "/lib64"]))),
        ("/usr/lib/../x/..", Err("failed to resolve `/usr/lib/../x/..`: there is no `/usr/x`")),
        ("/../../etc/x", Ok(("/etc/x", &[]))),
        ("/up/x", Ok(("/etc/x", &["/up"]))),
        ("/up/y", Err("failed to resolve `/up/y`: there is no `/etc/y`")),
        ("/etc/x/", Err("failed to resolve `/etc/x/`: `/etc/x` is not a directory")),
        ("/etc/x/y", Err("failed to resolve `/etc/x/y`: `/etc/x` is not a directory")),
        ("/a", Err("failed to resolve `/a`: it passes more than 40 symbolic links")),
    ];
    for (at, expected) in cases {
        let found = merged_usr().resolve(at).map_err(|error| error.to_string());
        let expected = expected
            .map(|(path, links)| (path.to_owned(), links.iter().map(|&link| link.to_owned()).collect::<Vec<_>>()))
            .map_err(str::to_owned);
        assert_eq!(found.map(|found| (found.path, found.links)), expected, "{at}");
    }
}

#[test]
fn inserting() {
    let hard_link = |target: &str| Node::new(NodeKind::HardLink { target: target.into() }, 0o644);
    let cases: &[(&str, Node, Result<&str, &str>)] = &[
        ("/lib64/new", file(), Ok("/usr/lib64/new")),
        ("/var/lib/x/y", file(), Ok("/var/lib/x/y")),
        ("/up/z", file(), Ok("/etc/z")),
        ("/lib64", Node::symlink("usr/lib"), Ok("/lib64")),
        ("/etc", Node::new(NodeKind::Directory, 0o700), Ok("/etc")),
        ("/etc/y", hard_link("/etc/x"), Ok("/etc/y")),
        ("/etc", file(), Err("failed to put `/etc` into the file tree: a directory stands there")),
        ("/etc/x", Node::directory(), Err("failed to put `/etc/x` into the file tree: a file stands there")),
        ("/etc/x/y", file(), Err("failed to resolve `/etc/x`: `/etc/x` is not a directory")),
        ("/a/x", file(), Err("failed to resolve `/a`: it passes more than 40 symbolic links")),
        ("etc", file(), Err("failed to use `etc` as a path inside the root filesystem")),
        ("/etc/../x", file(), Err("failed to use `/etc/../x` as a path inside the root filesystem")),
        ("/", file(), Err("failed to put `/` into the file tree: the root is a directory")),
        ("/l", Node::symlink(""), Err("failed to put `/l` into the file tree: its target has 0 bytes")),
        (
            "/l",
            hard_link("/lib64"),
            Err("failed to put `/l` into the file tree: `/lib64`, to which it is a hard link, is not a regular file"),
        ),
    ];
    for (at, node, expected) in cases {
        let found = merged_usr().insert(at, node.clone()).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(|error| error.as_str()), *expected, "{at}");
    }
}

#[test]
fn below_a_directory() {
    let mut tree = FileTree::new();
    for at in ["/usr/lib-x", "/usr/lib/a", "/usr/lib/b/c", "/usr/lib0"] {
        tree.insert(at, file()).unwrap();
    }
    let below = |at| tree.below(at).map(|(path, _)| path).collect::<Vec<_>>();
    assert_eq!(below("/usr/lib"), ["/usr/lib/a", "/usr/lib/b", "/usr/lib/b/c"]);
    assert_eq!(below("/").len(), 7);
    assert!(below("/usr/lib0").is_empty());
}

#[test]
fn maps_that_are_no_trees_are_refused() {
    let cases: &[(&[(&str, Node)], &str)] = &[
        (&[("x", file())], "failed to use `x` as a path inside the root filesystem"),
        (&[("/l", Node::symlink("x")), ("/l/y", file())], "failed to resolve `/l/y`: `/l` is not a directory"),
        (&[("/x", Node { mode: 0o10_000, ..file() })], "failed to put `/x` into the file tree: its mode is 10000"),
    ];
    for (nodes, expected) in cases {
        let nodes: BTreeMap<_, _> = nodes.iter().map(|(path, node)| ((*path).to_owned(), node.clone())).collect();
        assert_eq!(FileTree::try_from(nodes).unwrap_err().to_string(), *expected);
    }
}

/// Trees of few names, so that links meet, and targets that try to climb.
fn trees() -> impl Strategy<Value = FileTree> {
    let at = "(/[abc]){1,3}";
    let node = prop_oneof![
        Just(file()),
        Just(Node::directory()),
        "/?([abc]|\\.\\.|\\.)(/([abc]|\\.\\.)){0,3}".prop_map(Node::symlink),
    ];
    proptest::collection::vec((at, node), 0..24).prop_map(|entries| {
        let mut tree = FileTree::new();
        for (at, node) in entries {
            // The tree refuses some of the nodes: they must not be in it.
            let _ = tree.insert(&at, node);
        }
        tree
    })
}

proptest! {
    #[test]
    fn resolution_stays_inside_and_leaves_no_link(tree in trees(), at in "(/([abc]|\\.\\.)){0,5}") {
        if let Ok(resolved) = tree.resolve(&at) {
            prop_assert!(path::is_normal(&resolved.path));
            let node = tree.get(&resolved.path).unwrap();
            let is_link = matches!(node.kind, NodeKind::Symlink { .. });
            prop_assert!(!is_link);
            for link in &resolved.links {
                let is_link = matches!(tree.get(link).unwrap().kind, NodeKind::Symlink { .. });
                prop_assert!(is_link);
            }
            // A resolved path resolves to itself.
            let again = tree.resolve(&resolved.path).unwrap();
            prop_assert_eq!(again.path, resolved.path);
            prop_assert!(again.links.is_empty());
        }
    }

    #[test]
    fn a_tree_survives_its_serialisation(tree in trees()) {
        let text = serde_json::to_string(&tree).unwrap();
        prop_assert_eq!(serde_json::from_str::<FileTree>(&text).unwrap(), tree);
    }
}
