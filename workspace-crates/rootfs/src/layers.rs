//! The assignment of an image's paths to layers.
//!
//! Layers go most stable first, since a changed layer makes those above it new for the daemon: libc and what comes with it,
//! then libraries, then data, then the programs, so that a rebuild ships the last one only.
//!
//! Where a library's files go is a function of its owner's name and of nothing else: [`BUCKETS`] layers, chosen by a digest
//! of the name. Grouping by size, or filling layers in turn, would let one package that grows or goes move others between
//! layers, and make all of them new. So one changed package changes one layer, and two images of one workspace share the
//! layers of the packages that both have alone in a bucket. An owner's name is without a version, or an update would move it.
//!
//! A layer holds the directories above its entries as well, each described as in every other layer, so that it can be
//! unpacked alone and none overrides another's. Hard links lie in the layer of their file, for a layer's archive cannot link
//! to another's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest, Sha256};

use crate::{Closure, Index, NodeKind, Reason, path};

/// Layers among which libraries are distributed. With the other groups, far below the 125 that daemons take.
pub const BUCKETS: u8 = 16;

/// The packages that change with the base and with nothing else.
const LIBC_OWNERS: [&str; 4] = ["sys-apps/baselayout", "sys-devel/gcc", "sys-libs/glibc", "sys-libs/musl"];

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// What it is for.
    pub group: Group,
    /// Its paths, sorted, so that directories precede what they hold; without the root.
    pub paths: Vec<String>,
}

/// What a layer is for, in the order of an image's layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The C library, the compiler's runtime libraries, the basic folders and links.
    Libc,
    /// The packages whose names fall into one bucket.
    Libraries(u8),
    /// What no package owns: declared files and directories, the linker cache.
    Data,
    /// The programs that the image is made for.
    Program,
}

impl Group {
    /// The group of what a package owns.
    #[must_use]
    pub fn of_owner(owner: &str) -> Self {
        if LIBC_OWNERS.contains(&owner) {
            return Self::Libc;
        }
        Self::Libraries(Sha256::digest(owner.as_bytes())[0] % BUCKETS)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Libc => formatter.write_str("libc"),
            Self::Libraries(bucket) => write!(formatter, "libraries-{bucket:02}"),
            Self::Data => formatter.write_str("data"),
            Self::Program => formatter.write_str("program"),
        }
    }
}

/// Assigns all of an image's paths to layers, lowest first, none empty. `owners` names, by real path, the package
/// (`category/name`) of each file that has one; of directories it is asked only for those that are empty in the image.
#[must_use]
pub fn layers(image: &Index, closure: &Closure, owners: &BTreeMap<String, String>) -> Vec<Layer> {
    let mut groups: BTreeMap<Group, BTreeSet<&str>> = BTreeMap::new();
    let entries = || image.tree().iter().filter(|(path, _)| *path != "/");
    let holding: BTreeSet<&str> = entries().filter_map(|(path, _)| path::parent(path)).collect();
    for (path, node) in entries() {
        if node.is_directory() && holding.contains(path) {
            continue;
        }
        let paths = groups.entry(group_of(path, image, closure, owners)).or_default();
        paths.insert(path);
        paths.extend(path::parents(path));
    }
    let layer =
        |(group, paths): (_, BTreeSet<&str>)| Layer { group, paths: paths.into_iter().map(str::to_owned).collect() };
    groups.into_iter().map(layer).collect()
}

fn group_of(path: &str, image: &Index, closure: &Closure, owners: &BTreeMap<String, String>) -> Group {
    let direct = |path: &str| match (closure.reason(path), owners.get(path)) {
        (Some(Reason::Program), _) => Some(Group::Program),
        (_, Some(owner)) => Some(Group::of_owner(owner)),
        _ => None,
    };
    let found = match image.tree().get(path).map(|node| &node.kind) {
        Some(NodeKind::HardLink { target }) => direct(target),
        // Links that were made behind Portage's back, such as ldconfig's, belong to what they lead to.
        Some(NodeKind::Symlink { .. }) => direct(path).or_else(|| direct(&image.tree().resolve(path).ok()?.path)),
        _ => direct(path),
    };
    found.unwrap_or(Group::Data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileContent, Node};

    fn sample(program: &[u8]) -> Vec<(String, Vec<String>)> {
        let mut image = Index::new();
        let node = Node::new(NodeKind::File { size: 0 }, 0o755);
        for path in ["/usr/bin/hello", "/usr/lib64/libc.so.6", "/usr/lib64/libz.so.1.2", "/usr/share/x/y"] {
            let bytes = program.to_vec();
            image.insert_file(path, node.clone(), bytes.len() as u64, FileContent::of_bytes(bytes)).unwrap();
        }
        for (path, target) in
            [("/usr/lib64/libz.so.1", "libz.so.1.2"), ("/lib64", "usr/lib64"), ("/hello", "usr/bin/hello")]
        {
            image.insert(path, Node::symlink(target)).unwrap();
        }
        let hard_link = NodeKind::HardLink { target: "/usr/bin/hello".to_owned() };
        image.insert("/usr/bin/again", Node::new(hard_link, 0o755)).unwrap();
        image.insert("/var/lib/hello", Node::new(NodeKind::Directory, 0o750)).unwrap();
        let owners = [
            ("/usr/lib64/libc.so.6", "sys-libs/glibc"),
            ("/lib64", "sys-apps/baselayout"),
            ("/usr/lib64/libz.so.1.2", "sys-libs/zlib"),
        ];
        let owners = owners.map(|(path, owner)| (path.to_owned(), owner.to_owned())).into();
        let mut closure = Closure::default();
        closure.add("/usr/bin/hello", Reason::Program);
        let layers = layers(&image, &closure, &owners);
        layers.into_iter().map(|layer| (layer.group.to_string(), layer.paths)).collect()
    }

    #[test]
    fn every_path_finds_its_layer() {
        insta::assert_debug_snapshot!(sample(b"x").into_iter().map(|(group, paths)| format!("{group}: {}", paths.join(" "))).collect::<Vec<_>>(), @r#"
        [
            "libc: /lib64 /usr /usr/lib64 /usr/lib64/libc.so.6",
            "libraries-02: /usr /usr/lib64 /usr/lib64/libz.so.1 /usr/lib64/libz.so.1.2",
            "data: /usr /usr/share /usr/share/x /usr/share/x/y /var /var/lib /var/lib/hello",
            "program: /hello /usr /usr/bin /usr/bin/again /usr/bin/hello",
        ]
        "#);
    }

    #[test]
    fn owners_keep_their_bucket() {
        // These must never change: every image's layers would.
        let owners = ["sys-libs/glibc", "sys-libs/zlib", "media-libs/libpng", "dev-db/sqlite"];
        let groups = owners.map(|owner| Group::of_owner(owner).to_string());
        insta::assert_debug_snapshot!(groups, @r#"
        [
            "libc",
            "libraries-02",
            "libraries-05",
            "libraries-05",
        ]
        "#);
    }
}
