//! Layers of arbitrary trees, read back by the `tar` crate.

use std::collections::BTreeMap;
use std::io::{Read, empty};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::Index;
use tierce_oci::{Digest, LayerWriter};
use tierce_rootfs::{Node, NodeKind};

// The `tar` crate splits PAX records at newlines and not by their length, so no value here has a newline. The judges of
// `judges.rs` cover those.

const MTIME: u64 = 1_700_000_000;

/// A tree with the content of its files.
type Tree = BTreeMap<String, (Node, Vec<u8>)>;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-zA-Z0-9_+-][a-zA-Z0-9._+-]{0,12}",
        2 => "[a-z]{90,255}",
        1 => "[äöüßéλ日本 \"'=\\\\*]{1,40}",
    ]
}

fn path() -> impl Strategy<Value = Vec<String>> {
    vec(name(), 1..8)
}

fn owner() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 0..70_000_u32, any::<u32>()]
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..600), (510..516_usize).prop_map(|size| vec![1; size]), Just(vec![2; 600_000])]
}

#[derive(Clone, Debug)]
enum Leaf {
    File(Vec<u8>),
    Directory,
    Symlink(String),
    /// Another name of the file that the index picks.
    HardLink(Index),
}

fn leaf() -> impl Strategy<Value = Leaf> {
    prop_oneof![
        4 => content().prop_map(Leaf::File),
        1 => Just(Leaf::Directory),
        2 => "[a-zé./]{1,150}".prop_map(Leaf::Symlink),
        2 => any::<Index>().prop_map(Leaf::HardLink),
    ]
}

fn attributes() -> impl Strategy<Value = Node> {
    let byte = any::<u8>().prop_filter("no newline", |byte| *byte != b'\n');
    let xattrs = btree_map("(user|security|trusted)\\.[a-z.]{1,20}", vec(byte, 0..50), 0..3);
    (0..=0o7777_u32, owner(), owner(), xattrs).prop_map(|(mode, uid, gid, xattrs)| Node {
        kind: NodeKind::Directory,
        mode,
        uid,
        gid,
        xattrs,
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    vec((path(), attributes(), leaf()), 0..24).prop_map(|entries| {
        let mut tree = Tree::new();
        let mut links = Vec::new();
        for (components, node, leaf) in entries {
            let path = format!("/{}", components.join("/"));
            if tree.contains_key(&path) || !make_parents(&mut tree, &components) {
                continue;
            }
            let (kind, content) = match leaf {
                Leaf::File(content) => (NodeKind::File { size: content.len() as u64 }, content),
                Leaf::Directory => (NodeKind::Directory, Vec::new()),
                Leaf::Symlink(target) => (NodeKind::Symlink { target }, Vec::new()),
                Leaf::HardLink(index) => {
                    links.push((path, node, index));
                    continue;
                }
            };
            tree.insert(path, (Node { kind, ..node }, content));
        }
        for (path, node, index) in links {
            link(&mut tree, path, node, index);
        }
        tree
    })
}

/// Adds the directories above the path. Returns whether none of them is something else.
fn make_parents(tree: &mut Tree, components: &[String]) -> bool {
    (1..components.len()).all(|depth| {
        let parent = format!("/{}", components[..depth].join("/"));
        let directory = Node { kind: NodeKind::Directory, mode: 0o755, uid: 0, gid: 0, xattrs: BTreeMap::new() };
        tree.entry(parent).or_insert((directory, Vec::new())).0.kind == NodeKind::Directory
    })
}

fn link(tree: &mut Tree, path: String, node: Node, index: Index) {
    let files = tree.iter().filter(|(_, (node, _))| matches!(node.kind, NodeKind::File { .. }));
    let before: Vec<String> = files.map(|(file, _)| file.clone()).filter(|file| *file < path).collect();
    if !before.is_empty() && !tree.contains_key(&path) {
        let target = index.get(&before).clone();
        tree.insert(path, (Node { kind: NodeKind::HardLink { target }, ..node }, Vec::new()));
    }
}

fn pack(tree: &Tree) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut layer = LayerWriter::new(&mut bytes, MTIME);
    for (path, (node, content)) in tree {
        if content.is_empty() {
            layer.append(path, node, empty()).unwrap();
        } else {
            layer.append(path, node, &content[..]).unwrap();
        }
    }
    let info = layer.finish().unwrap();
    assert_eq!((info.diff_id, info.size), (Digest::of(&bytes), bytes.len() as u64));
    bytes
}

fn unpack(bytes: &[u8]) -> Tree {
    let mut tree = Tree::new();
    for entry in tar::Archive::new(bytes).entries().unwrap() {
        let mut entry = entry.unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let archived = text(&entry.path_bytes());
        let link = entry.link_name_bytes().map(|link| text(&link));
        let kind = match entry.header().entry_type() {
            tar::EntryType::Regular => NodeKind::File { size: entry.size() },
            tar::EntryType::Directory => NodeKind::Directory,
            tar::EntryType::Symlink => NodeKind::Symlink { target: link.unwrap() },
            tar::EntryType::Link => NodeKind::HardLink { target: format!("/{}", link.unwrap()) },
            other => panic!("{other:?}"),
        };
        assert_eq!(archived.ends_with('/'), kind == NodeKind::Directory, "{archived}");
        assert_eq!(entry.header().mtime().unwrap(), MTIME);
        assert_eq!(entry.header().username_bytes().unwrap(), b"");
        let mut node = Node {
            kind,
            mode: entry.header().mode().unwrap(),
            uid: entry.header().uid().unwrap().try_into().unwrap(),
            gid: entry.header().gid().unwrap().try_into().unwrap(),
            xattrs: BTreeMap::new(),
        };
        for extension in entry.pax_extensions().unwrap().into_iter().flatten() {
            let extension = extension.unwrap();
            match extension.key().unwrap() {
                "uid" => node.uid = extension.value().unwrap().parse().unwrap(),
                "gid" => node.gid = extension.value().unwrap().parse().unwrap(),
                key => {
                    if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                        node.xattrs.insert(name.to_owned(), extension.value_bytes().to_vec());
                    }
                }
            }
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        tree.insert(format!("/{}", archived.strip_suffix('/').unwrap_or(&archived)), (node, content));
    }
    tree
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn unpacked_tree_equals_packed_tree(tree in tree()) {
        let bytes = pack(&tree);
        prop_assert_eq!(&bytes, &pack(&tree));
        prop_assert_eq!(bytes.len() % 512, 0);
        prop_assert_eq!(unpack(&bytes), tree);
    }
}
