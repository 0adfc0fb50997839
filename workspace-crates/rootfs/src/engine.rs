//! The traces of container engines in the files that their archive interface sends.
//!
//! Docker sends every folder. Podman leaves out `/dev`, `/proc` and `/sys` of the copied folder. Both add mount points to the root
//! of a container: empty files in /etc, a link, and a file that says which engine it is. They also send different extended
//! attributes, and different attributes of the folder itself.

use crate::{Error, FileTree, Index, Node, NodeKind, path};

/// The folders that an engine mounts over.
const FOLDERS: [&str; 3] = ["/dev", "/proc", "/sys"];
/// The files that an engine mounts over; it creates them empty.
const MOUNT_POINTS: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];
/// The files that name the engine.
const MARKS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];
/// The link that an engine adds, and its target.
const MOUNTS: (&str, &str) = ("/etc/mtab", "/proc/mounts");
/// The extended attribute that every engine sends.
const CAPABILITY: &str = "security.capability";

/// Whether an engine adds or leaves out this entry.
pub fn is_of_engine(at: &str, node: &Node) -> bool {
    let is_below = std::iter::once(at).chain(path::parents(at)).any(|at| FOLDERS.contains(&at));
    is_below
        || MARKS.contains(&at)
        || match &node.kind {
            NodeKind::File { size: 0 } => MOUNT_POINTS.contains(&at),
            NodeKind::Symlink { target } => (at, target.as_str()) == MOUNTS,
            _ => false,
        }
}

impl Index {
    /// Returns the index without the traces of the engine that copied the files: the same files have the same index. `root` has
    /// the user and group that are the container's root on the engine's host.
    ///
    /// # Errors
    /// Those of [`Index::select`].
    pub fn without_engine(&self, root: (u32, u32)) -> Result<Index, Error> {
        let mut nodes = std::collections::BTreeMap::new();
        for (at, node) in self.tree().iter() {
            // Engines differ in the attributes that they send for a further name of a file.
            let attributes = match &node.kind {
                NodeKind::HardLink { target } => self.tree().get(target).unwrap_or(node),
                _ => node,
            };
            let mut node = Node { kind: node.kind.clone(), ..attributes.clone() };
            (node.uid, node.gid) = (inside(node.uid, root.0), inside(node.gid, root.1));
            node.xattrs.retain(|name, _| name == CAPABILITY);
            node.xattrs.values_mut().for_each(without_root_id);
            if node.is_symlink() {
                node.mode = 0o777;
            }
            nodes.insert(at.to_owned(), node);
        }
        nodes.insert("/".to_owned(), Node::directory());
        let files = self.files().map(|(at, content)| (at.to_owned(), content.clone())).collect();
        let whole = Index::from_parts(FileTree::try_from(nodes)?, files)?;
        let kept = whole.tree().iter().filter(|(at, node)| *at != "/" && !is_of_engine(at, node)).map(|(at, _)| at);
        whole.select(kept)
    }
}

/// The number in the container for a number of the engine's host.
fn inside(id: u32, root: u32) -> u32 {
    id.checked_sub(root).unwrap_or(id)
}

/// Turns capabilities of a file in a user namespace (`VFS_CAP_REVISION_3`, with the namespace's root) into those of a file outside
/// (`VFS_CAP_REVISION_2`), as capabilities(7) describes them.
fn without_root_id(capabilities: &mut Vec<u8>) {
    if capabilities.len() == 24 && capabilities[3] == 3 {
        capabilities[3] = 2;
        capabilities.truncate(20);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::tests::index;

    #[test]
    fn engine_files_are_left_out() {
        let own = "/usr/bin/a 1\n/etc/hosts 127.0.0.1\n/etc/mtab -> ../proc/self/mounts\n/run/x 1\n/device 1";
        let mut of_docker = index(&format!("{own}\n/dev/pts /\n/proc /\n/sys /\n/.dockerenv 1\n/run/.containerenv 1"));
        let file = || Node::new(NodeKind::File { size: 0 }, 0o755);
        for at in ["/etc/hostname", "/etc/resolv.conf"] {
            of_docker.insert_file(at, file(), 0, crate::FileContent::of_bytes(Vec::new())).unwrap();
        }
        assert_eq!(of_docker.without_engine((0, 0)).unwrap(), index(own));
        // A file with a content is a package's, as is another link.
        let mounts = index("/etc/mtab -> /proc/mounts\n/etc/resolv.conf nameserver");
        assert_eq!(mounts.without_engine((0, 0)).unwrap(), index("/etc/resolv.conf nameserver"));
    }

    #[test]
    fn owners_are_those_inside_of_the_container() {
        let mut sent = index("/x 1");
        for (at, id) in [("/a", 300_000), ("/b", 300_250)] {
            let node = Node { uid: id, gid: id + 1, ..Node::new(NodeKind::File { size: 0 }, 0o644) };
            sent.insert_file(at, node, 0, crate::FileContent::of_bytes(Vec::new())).unwrap();
        }
        let revision_3 = [[1, 0, 0, 3].as_slice(), &[7; 16], &[8; 4]].concat();
        sent.set_attribute("/a", CAPABILITY, revision_3).unwrap();
        let kept = sent.without_engine((300_000, 300_001)).unwrap();
        let owner = |at: &str| kept.tree().get(at).map(|node| (node.uid, node.gid)).unwrap();
        assert_eq!((owner("/a"), owner("/b")), ((0, 0), (250, 250)));
        let expected = [[1, 0, 0, 2].as_slice(), &[7; 16]].concat();
        assert_eq!(kept.tree().get("/a").unwrap().xattrs[CAPABILITY], expected);
    }

    #[test]
    fn attributes_are_those_that_every_engine_sends() {
        let mut sent = index("/a 1\n/l -> a");
        let hard = Node::new(NodeKind::HardLink { target: "/a".to_owned() }, 0o600);
        sent.insert("/b", hard).unwrap();
        for name in [CAPABILITY, "user.comment", "security.selinux"] {
            sent.set_attribute("/a", name, vec![1]).unwrap();
        }
        let kept = sent.without_engine((0, 0)).unwrap();
        for at in ["/a", "/b"] {
            let node = kept.tree().get(at).unwrap();
            assert_eq!(
                (node.mode, node.xattrs.keys().map(String::as_str).collect::<Vec<_>>()),
                (0o644, vec![CAPABILITY])
            );
        }
        assert_eq!(kept.tree().get("/").unwrap(), &Node::directory());
    }
}
