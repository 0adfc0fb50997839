//! A tree of paths and their nodes, and the resolution of paths inside of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use crate::{Error, Node, NodeKind, path};

/// Symbolic links that one resolution follows: the Linux kernel's `MAXSYMLINKS`.
const MAX_LINKS: usize = 40;

/// A file tree: normalised absolute paths and their nodes, sorted by path, so that a directory precedes its entries.
///
/// Invariants: the root exists, every parent is a directory, every hard link's target is a regular file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, Node>", try_from = "BTreeMap<String, Node>")]
pub struct FileTree {
    nodes: BTreeMap<String, Node>,
}

/// The result of resolving a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The path without links. Its node is never a symbolic link.
    pub path: String,
    /// The paths of the followed links, in order. Their parents contain no links.
    pub links: Vec<String>,
}

impl Default for FileTree {
    fn default() -> Self {
        Self { nodes: BTreeMap::from([("/".to_owned(), Node::directory())]) }
    }
}

impl FileTree {
    /// A tree with only its root.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The node at a normalised path, links not followed.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Sets an extended attribute of the regular file that `path` leads to. Replaces one of the same name.
    ///
    /// # Errors
    /// Those of [`FileTree::resolve`], and [`Error::Insert`] if it is not a file.
    pub(crate) fn set_attribute(&mut self, path: &str, name: &str, value: Vec<u8>) -> Result<(), Error> {
        let mut at = self.resolve(path)?.path;
        if let Some(NodeKind::HardLink { target }) = self.nodes.get(&at).map(|node| &node.kind) {
            at.clone_from(target);
        }
        match self.nodes.get_mut(&at) {
            Some(node) if matches!(node.kind, NodeKind::File { .. }) => {
                node.xattrs.insert(name.to_owned(), value);
                Ok(())
            }
            _ => Err(Error::Insert { path: at, problem: "it is not a regular file".to_owned() }),
        }
    }

    /// The tree's own copy of a path that is in it.
    pub(crate) fn key(&self, path: &str) -> Option<&str> {
        self.nodes.get_key_value(path).map(|(path, _)| path.as_str())
    }

    /// All entries, sorted by path, the root included.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// The entries below a directory, at any depth, sorted by path, the directory itself excluded.
    pub fn below(&self, directory: &str) -> impl Iterator<Item = (&str, &Node)> {
        let prefix = path::join(directory, "");
        let range = (Bound::Excluded(prefix.clone()), Bound::Unbounded);
        self.nodes
            .range::<String, _>(range)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(path, node)| (path.as_str(), node))
    }

    /// Adds a node at a path. Resolves all components but the last, as the kernel does for a new file. Creates missing parents
    /// as directories of root's with mode 0755. Replaces a present node, but not a directory by something else or the reverse.
    /// Returns the resolved path.
    ///
    /// # Errors
    /// [`Error::Path`] for a path that is not normal, [`Error::Insert`] for a node that contradicts the tree, and those of
    /// [`FileTree::resolve`].
    pub fn insert(&mut self, at: &str, node: Node) -> Result<String, Error> {
        Ok(self.replace(at, node)?.0)
    }

    /// As [`FileTree::insert`]. If it replaced a file with hard links, also returns the first of those: it is the file now.
    pub(crate) fn replace(&mut self, at: &str, node: Node) -> Result<(String, Option<String>), Error> {
        if !path::is_normal(at) {
            return Err(Error::Path { path: at.to_owned() });
        }
        let real = match path::parent(at) {
            None => at.to_owned(),
            Some(parent) => path::join(&self.make_directory(parent)?, path::file_name(at)),
        };
        self.check(&real, &node)?;
        let before = match self.nodes.entry(real.clone()) {
            Entry::Occupied(mut there) if there.get().is_directory() == node.is_directory() => there.insert(node),
            Entry::Occupied(there) => {
                let problem =
                    if there.get().is_directory() { "a directory stands there" } else { "a file stands there" };
                return Err(Error::Insert { path: real, problem: problem.to_owned() });
            }
            Entry::Vacant(free) => {
                free.insert(node);
                return Ok((real, None));
            }
        };
        let first = match before.kind {
            NodeKind::File { .. } => self.move_links(&real, &before.kind),
            _ => None,
        };
        Ok((real, first))
    }

    /// Makes the first hard link to a replaced file the file, and points the others to it.
    fn move_links(&mut self, from: &str, file: &NodeKind) -> Option<String> {
        let mut first: Option<String> = None;
        for (path, node) in &mut self.nodes {
            if !matches!(&node.kind, NodeKind::HardLink { target } if target == from) {
                continue;
            }
            node.kind = match &first {
                Some(first) => NodeKind::HardLink { target: first.clone() },
                None => file.clone(),
            };
            first.get_or_insert_with(|| path.clone());
        }
        first
    }

    /// The path of an entry with the links above it resolved, but not the entry itself: Portage's database names files as ebuilds
    /// installed them. A path that leads nowhere is returned as it is.
    pub fn real_path(&self, path: &str) -> String {
        let Some((folder, name)) = path.rsplit_once('/') else { return path.to_owned() };
        match self.resolve(if folder.is_empty() { "/" } else { folder }) {
            Ok(resolved) => format!("{}/{name}", resolved.path.trim_end_matches('/')),
            Err(_) => path.to_owned(),
        }
    }

    /// Follows `path` from the root: absolute links are relative to the root, `..` of the root is the root, the last
    /// component is followed as well.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotADirectory`], and [`Error::LinkLoop`] after 40 links.
    pub fn resolve(&self, path: &str) -> Result<Resolved, Error> {
        match self.walk(path)? {
            Walk::There(resolved) => Ok(resolved),
            Walk::Absent { at, .. } => Err(Error::NotFound { path: path.to_owned(), at }),
        }
    }

    /// Follows the links in the parents of a path that is in the tree. The path itself may be a link.
    ///
    /// # Errors
    /// Those of [`FileTree::resolve`].
    pub(crate) fn resolve_folder(&self, path: &str) -> Result<Resolved, Error> {
        let folder = match self.walk(path::parent(path).unwrap_or("/"))? {
            Walk::There(folder) => folder,
            Walk::Absent { at } => return Err(Error::NotFound { path: path.to_owned(), at }),
        };
        let at = if path == "/" { folder.path } else { path::join(&folder.path, path::file_name(path)) };
        match self.get(&at) {
            Some(_) => Ok(Resolved { path: at, links: folder.links }),
            None => Err(Error::NotFound { path: path.to_owned(), at }),
        }
    }

    /// Resolves a directory's path and creates its missing components.
    fn make_directory(&mut self, path: &str) -> Result<String, Error> {
        loop {
            match self.walk(path)? {
                Walk::There(Resolved { path: real, .. }) if self.nodes[&real].is_directory() => return Ok(real),
                Walk::There(Resolved { path: at, .. }) => {
                    return Err(Error::NotADirectory { path: path.to_owned(), at });
                }
                Walk::Absent { at, .. } => {
                    self.nodes.insert(at, Node::directory());
                }
            }
        }
    }

    fn walk(&self, path: &str) -> Result<Walk, Error> {
        let mut at = "/".to_owned();
        let mut links = Vec::new();
        let mut pending: Vec<&str> = path.rsplit('/').collect();
        while let Some(component) = pending.pop() {
            match component {
                "" | "." => continue,
                ".." => {
                    at.truncate(path::parent(&at).unwrap_or("/").len());
                    continue;
                }
                _ => {}
            }
            let next = path::join(&at, component);
            match self.nodes.get(&next).map(|node| &node.kind) {
                None => return Ok(Walk::Absent { at: next }),
                Some(NodeKind::Symlink { target }) => {
                    links.push(next);
                    if links.len() > MAX_LINKS {
                        return Err(Error::LinkLoop { path: path.to_owned(), limit: MAX_LINKS });
                    }
                    if target.starts_with('/') {
                        at.truncate(1);
                    }
                    pending.extend(target.rsplit('/'));
                }
                Some(NodeKind::Directory) => at = next,
                // A trailing slash or a further component demands a directory.
                Some(_) if !pending.is_empty() => {
                    return Err(Error::NotADirectory { path: path.to_owned(), at: next });
                }
                Some(_) => at = next,
            }
        }
        Ok(Walk::There(Resolved { path: at, links }))
    }

    /// Checks whether a node may be added at a path without links.
    fn check(&self, path: &str, node: &Node) -> Result<(), Error> {
        let problem = match &node.kind {
            _ if node.mode > 0o7777 => format!("its mode is {:o}", node.mode),
            kind if path == "/" && *kind != NodeKind::Directory => "the root is a directory".to_owned(),
            NodeKind::Symlink { target } if target.is_empty() || target.len() > path::MAX_LENGTH => {
                format!("its target has {} bytes", target.len())
            }
            NodeKind::Symlink { target } if target.contains('\0') => "its target has a NUL byte".to_owned(),
            NodeKind::HardLink { target }
                if target == path || !matches!(self.get(target), Some(Node { kind: NodeKind::File { .. }, .. })) =>
            {
                format!("`{target}`, to which it is a hard link, is not a regular file")
            }
            _ => return Ok(()),
        };
        Err(Error::Insert { path: path.to_owned(), problem })
    }
}

enum Walk {
    There(Resolved),
    /// The first absent path on the way. Its parent is a directory.
    Absent {
        at: String,
    },
}

impl TryFrom<BTreeMap<String, Node>> for FileTree {
    type Error = Error;

    /// Checks a map from an archive or a file and adds missing parents. A map with a link in a parent is refused: it breaks the
    /// tree's invariants.
    fn try_from(nodes: BTreeMap<String, Node>) -> Result<Self, Error> {
        let mut tree = Self { nodes };
        tree.nodes.entry("/".to_owned()).or_insert_with(Node::directory);
        let mut missing = Vec::new();
        for (path, node) in &tree.nodes {
            if !path::is_normal(path) {
                return Err(Error::Path { path: path.clone() });
            }
            tree.check(path, node)?;
            for parent in path::parents(path) {
                match tree.nodes.get(parent) {
                    Some(node) if node.is_directory() => break,
                    Some(_) => {
                        return Err(Error::NotADirectory { path: path.clone(), at: parent.to_owned() });
                    }
                    None => missing.push(parent.to_owned()),
                }
            }
        }
        tree.nodes.extend(missing.into_iter().map(|path| (path, Node::directory())));
        Ok(tree)
    }
}

impl From<FileTree> for BTreeMap<String, Node> {
    fn from(tree: FileTree) -> Self {
        tree.nodes
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
