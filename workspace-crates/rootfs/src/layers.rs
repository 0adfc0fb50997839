//! The assignment of an image's paths to layers.
//!
//! The most stable layers come first, since a changed layer invalidates those above it in the daemon: libc and its companions,
//! then libraries, then data, then the programs. So a rebuild ships the last layer only.
//!
//! The layer of a library's files depends on its owner's name alone: a digest of the name chooses one of [`BUCKETS`] layers.
//! If layers were grouped or filled by size, one package that grows or goes would move others to other layers and invalidate
//! all of them. This way one changed package changes one layer. Two images of a workspace share the layer of a bucket if both
//! have the same packages in it. An owner's name has no version, as an update would move it.
//!
//! A layer also contains the directories above its entries, each with the same attributes in every layer, so that it can be
//! unpacked alone and does not override another layer. Hard links are in the layer of their file, as an archive cannot link
//! to a file of another archive.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest, Sha256};

use crate::{Closure, Index, NodeKind, Reason, path};

/// The number of layers for libraries. With the other groups, far below the daemons' limit of 125.
pub const BUCKETS: u8 = 16;

/// The packages that change only with the base.
const LIBC_OWNERS: [&str; 4] = ["sys-apps/baselayout", "sys-devel/gcc", "sys-libs/glibc", "sys-libs/musl"];

/// One layer of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The group of its files.
    pub group: Group,
    /// Its paths without the root, sorted, so that a directory precedes its entries.
    pub paths: Vec<String>,
}

/// The groups of files, in the order of an image's layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The C library, the compiler's runtime libraries, the basic folders and links.
    Libc,
    /// The packages whose names fall into one bucket.
    Libraries(u8),
    /// Files without an owner: declared files and directories, the linker cache.
    Data,
    /// The image's programs.
    Program,
}

impl Group {
    /// The group of a package's files.
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

/// Assigns all of an image's paths to layers, the lowest first, none of them empty. `owners` maps real paths to packages
/// (`category/name`); it matters for files, and for directories that are empty in the image.
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
        // A link without an owner, such as ldconfig's, belongs to the owner of its target.
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
    fn every_path_has_its_layer() {
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
        // These must never change: every image's layers would change.
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
