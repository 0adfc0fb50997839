//! The index of a root filesystem: its tree, and the place and format of each regular file's bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use crate::{Error, FileContent, FileTree, Node, NodeKind, Source};

/// A root filesystem without its bytes. Later runs read the serialised index instead of the archive.
///
/// Invariant: exactly the regular files of the tree have a content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Index {
    tree: FileTree,
    files: BTreeMap<String, FileContent>,
    /// Folders without an entry of their own in the archive, which has entries below them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    implied: BTreeSet<String>,
}

/// The serialised form of an index, not yet checked.
#[derive(Deserialize)]
struct Parts {
    tree: FileTree,
    files: BTreeMap<String, FileContent>,
    #[serde(default)]
    implied: BTreeSet<String>,
}

impl Index {
    /// An index with only a root directory.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Combines a tree and its contents.
    ///
    /// # Errors
    /// [`Error::Insert`] for a regular file without a content, or a content without a regular file.
    pub fn from_parts(tree: FileTree, files: BTreeMap<String, FileContent>) -> Result<Self, Error> {
        let unmatched =
            |path: &str, problem: &str| Err(Error::Insert { path: path.to_owned(), problem: problem.to_owned() });
        let is_file = |node: &Node| matches!(node.kind, NodeKind::File { .. });
        for (path, node) in tree.iter() {
            if is_file(node) && !files.contains_key(path) {
                return unmatched(path, "its content is not known");
            }
        }
        for (path, content) in &files {
            let Some(Node { kind: NodeKind::File { size }, .. }) = tree.get(path) else {
                return unmatched(path, "it has a content and is not a regular file");
            };
            if matches!(content.source, Source::Archive { size: of_source, .. } if of_source != *size) {
                return unmatched(path, "its size and that of its content differ");
            }
        }
        Ok(Self { tree, files, implied: BTreeSet::new() })
    }

    /// Marks these folders as implied.
    pub(crate) fn with_implied(self, implied: BTreeSet<String>) -> Self {
        Self { implied, ..self }
    }

    /// Whether the archive has no entry of its own for a folder, only entries below it.
    pub(crate) fn is_implied(&self, path: &str) -> bool {
        self.implied.contains(path)
    }

    /// The tree.
    #[must_use]
    pub fn tree(&self) -> &FileTree {
        &self.tree
    }

    /// The contents of all regular files, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &FileContent)> {
        self.files.iter().map(|(path, content)| (path.as_str(), content))
    }

    /// The content of the regular file or hard link at a normalised path, symbolic links not followed.
    #[must_use]
    pub fn content(&self, path: &str) -> Option<&FileContent> {
        match &self.tree.get(path)?.kind {
            NodeKind::HardLink { target } => self.files.get(target),
            _ => self.files.get(path),
        }
    }

    /// Adds or replaces a regular file and returns its path with all links resolved. Takes mode, owner and attributes from
    /// `node`, ignores its kind.
    ///
    /// # Errors
    /// Those of [`FileTree::insert`].
    pub fn insert_file(&mut self, path: &str, node: Node, size: u64, content: FileContent) -> Result<String, Error> {
        let node = Node { kind: NodeKind::File { size }, ..node };
        let (real, moved) = self.tree.replace(path, node)?;
        self.move_content(&real, moved);
        self.files.insert(real.clone(), content);
        Ok(real)
    }

    /// Adds or replaces a directory or a link and returns its path with all links but the last resolved.
    ///
    /// # Errors
    /// Those of [`FileTree::insert`], and [`Error::Insert`] for a regular file, which has a content.
    pub fn insert(&mut self, path: &str, node: Node) -> Result<String, Error> {
        if matches!(node.kind, NodeKind::File { .. }) {
            return Err(Error::Insert { path: path.to_owned(), problem: "its content is not known".to_owned() });
        }
        let (real, moved) = self.tree.replace(path, node)?;
        self.move_content(&real, moved);
        Ok(real)
    }

    /// Sets an extended attribute of the regular file that `path` leads to, links of any kind followed.
    ///
    /// # Errors
    /// Those of [`FileTree::resolve`], and [`Error::Insert`] for a path that is not a file.
    pub fn set_attribute(&mut self, path: &str, name: &str, value: Vec<u8>) -> Result<(), Error> {
        self.tree.set_attribute(path, name, value)
    }

    /// Removes the content of a replaced file. If it had hard links, the first of them gets the content.
    fn move_content(&mut self, path: &str, moved: Option<String>) {
        if let (Some(content), Some(first)) = (self.files.remove(path), moved) {
            self.files.insert(first, content);
        }
    }

    /// Selects some entries, such as a closure's, with every directory above them. If a file has several selected paths, the
    /// first becomes the regular file and the others hard links to it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a path that is not in the tree.
    pub fn select<'path>(&self, paths: impl IntoIterator<Item = &'path str>) -> Result<Self, Error> {
        let mut nodes = BTreeMap::new();
        for path in paths {
            for path in std::iter::once(path).chain(crate::path::parents(path)) {
                if nodes.contains_key(path) {
                    break;
                }
                let node = self
                    .tree
                    .get(path)
                    .ok_or_else(|| Error::NotFound { path: path.to_owned(), at: path.to_owned() })?;
                nodes.insert(path.to_owned(), node.clone());
            }
        }
        nodes.extend(self.tree.get("/").map(|root| ("/".to_owned(), root.clone())));
        let (nodes, files) = self.with_contents(nodes);
        Self::from_parts(FileTree::try_from(nodes)?, files)
    }

    /// Assigns every selected regular file its content. The first path of a file is the file and the others are links to it,
    /// whatever the archive's order: so a layer can be unpacked in the order of its paths.
    fn with_contents(
        &self,
        mut nodes: BTreeMap<String, Node>,
    ) -> (BTreeMap<String, Node>, BTreeMap<String, FileContent>) {
        let mut files = BTreeMap::new();
        let mut firsts: BTreeMap<String, String> = BTreeMap::new();
        for (path, node) in &mut nodes {
            let original = match &node.kind {
                NodeKind::File { .. } => path.clone(),
                NodeKind::HardLink { target } => target.clone(),
                NodeKind::Directory | NodeKind::Symlink { .. } => continue,
            };
            if let Some(first) = firsts.get(&original) {
                node.kind = NodeKind::HardLink { target: first.clone() };
                continue;
            }
            let (Some(content), Some(file)) = (self.files.get(&original), self.tree.get(&original)) else { continue };
            node.kind = file.kind.clone();
            files.insert(path.clone(), content.clone());
            firsts.insert(original, path.clone());
        }
        (nodes, files)
    }

    /// Reads a small file from the archive (or from memory), such as a text of the installed-package database. Follows
    /// symbolic links.
    ///
    /// # Errors
    /// Those of [`FileTree::resolve`], and [`Error::Read`]: also if it is not a regular file, is larger than `limit` bytes, or
    /// lies in a file of the host.
    pub fn read(&self, archive: &mut (impl Read + Seek), path: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let real = self.tree.resolve(path)?.path;
        let read = match self.content(&real).map(|content| &content.source) {
            Some(Source::Archive { size, .. }) if *size > limit => {
                Err(std::io::Error::other(format!("it has {size} bytes, which is more than the limit of {limit}")))
            }
            Some(Source::Archive { offset, size }) => read_range(archive, *offset, *size),
            Some(Source::Bytes(bytes)) => Ok(bytes.clone()),
            Some(Source::Host { .. } | Source::Part { .. }) => {
                Err(std::io::Error::other("its bytes are not in the archive"))
            }
            None => Err(std::io::Error::other("it is not a regular file")),
        };
        read.map_err(|source| Error::Read { what: format!("`{path}`"), source })
    }
}

fn read_range(archive: &mut (impl Read + Seek), offset: u64, size: u64) -> std::io::Result<Vec<u8>> {
    archive.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    archive.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

impl TryFrom<Parts> for Index {
    type Error = Error;

    fn try_from(parts: Parts) -> Result<Self, Error> {
        Ok(Self::from_parts(parts.tree, parts.files)?.with_implied(parts.implied))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Index {
        let mut index = Index::new();
        let node = Node::new(NodeKind::File { size: 0 }, 0o755);
        for path in ["/usr/bin/a", "/usr/bin/z"] {
            let content = FileContent::of_bytes(path.into());
            index.insert_file(path, node.clone(), path.len() as u64, content).unwrap();
        }
        index.insert("/bin", Node::symlink("usr/bin")).unwrap();
        for path in ["/usr/bin/0", "/usr/bin/b", "/usr/bin/c"] {
            let kind = NodeKind::HardLink { target: "/usr/bin/a".to_owned() };
            index.insert(path, Node::new(kind, 0o755)).unwrap();
        }
        index
    }

    #[test]
    fn selection_keeps_contents() {
        type Entries<'case> = &'case [(&'case str, &'case str)];
        let cases: &[(&[&str], Entries<'_>)] = &[
            (&["/usr/bin/z"], &[("/usr/bin/z", "file")]),
            (&["/usr/bin/a", "/usr/bin/c"], &[("/usr/bin/a", "file"), ("/usr/bin/c", "link to /usr/bin/a")]),
            (&["/usr/bin/b", "/usr/bin/c"], &[("/usr/bin/b", "file"), ("/usr/bin/c", "link to /usr/bin/b")]),
            // An archive may have a file under its last name first.
            (
                &["/usr/bin/a", "/usr/bin/0", "/usr/bin/b"],
                &[("/usr/bin/0", "file"), ("/usr/bin/a", "link to /usr/bin/0"), ("/usr/bin/b", "link to /usr/bin/0")],
            ),
        ];
        for (paths, expected) in cases {
            let selected = sample().select(paths.iter().copied()).unwrap();
            let found: Vec<_> = selected
                .tree()
                .below("/usr/bin")
                .map(|(path, node)| match &node.kind {
                    NodeKind::HardLink { target } => (path, format!("link to {target}")),
                    _ => (path, "file".to_owned()),
                })
                .collect();
            let expected: Vec<_> = expected.iter().map(|&(path, what)| (path, what.to_owned())).collect();
            assert_eq!(found, expected);
            let first = selected.content(expected[0].0).unwrap();
            assert_eq!(Some(first), sample().content(expected[0].0));
        }
        let error = sample().select(["/nothing"]).unwrap_err();
        assert_eq!(error.to_string(), "failed to resolve `/nothing`: there is no `/nothing`");
    }

    #[test]
    fn replaced_file_keeps_other_names() {
        let content = |index: &Index, path: &str| match index.content(path).map(|content| content.source.clone()) {
            Some(Source::Bytes(bytes)) => String::from_utf8(bytes).unwrap(),
            other => format!("{other:?}"),
        };
        type Replace = fn(&mut Index);
        let replacements: [Replace; 2] = [
            |index| {
                let node = Node::new(NodeKind::File { size: 0 }, 0o644);
                index.insert_file("/usr/bin/a", node, 3, FileContent::of_bytes(b"new".into())).unwrap();
                assert_eq!(index.content("/usr/bin/a"), Some(&FileContent::of_bytes(b"new".into())));
            },
            |index| {
                index.insert("/usr/bin/a", Node::symlink("z")).unwrap();
                assert_eq!(index.content("/usr/bin/a"), None);
            },
        ];
        for replace in replacements {
            let mut index = sample();
            replace(&mut index);
            for path in ["/usr/bin/0", "/usr/bin/b", "/usr/bin/c"] {
                assert_eq!(content(&index, path), "/usr/bin/a", "{path}");
            }
            // The tree's invariants hold.
            FileTree::try_from(
                index.tree().iter().map(|(path, node)| (path.to_owned(), node.clone())).collect::<BTreeMap<_, _>>(),
            )
            .unwrap();
        }
    }

    #[test]
    fn attribute_reaches_the_file_by_any_name() {
        for path in ["/usr/bin/a", "/bin/c", "/usr/bin/0"] {
            let mut index = sample();
            index.set_attribute(path, "user.x", b"1".into()).unwrap();
            let having: Vec<&str> =
                index.tree().iter().filter(|(_, node)| !node.xattrs.is_empty()).map(|(path, _)| path).collect();
            assert_eq!(having, ["/usr/bin/a"], "{path}");
        }
        for (path, expected) in [
            ("/nothing", "failed to resolve `/nothing`: there is no `/nothing`"),
            ("/bin", "failed to put `/usr/bin` into the file tree: it is not a regular file"),
        ] {
            let error = sample().set_attribute(path, "user.x", Vec::new()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn malformed_serialisation_is_refused() {
        let text = serde_json::to_string(&sample()).unwrap();
        assert_eq!(serde_json::from_str::<Index>(&text).unwrap(), sample());
        let damaged = text.replace("\"files\":{\"/usr/bin/a\"", "\"files\":{\"/usr/bin/x\"");
        let error = serde_json::from_str::<Index>(&damaged).unwrap_err().to_string();
        assert!(error.contains("failed to put `/usr/bin/a` into the file tree: its content is not known"), "{error}");
    }

    #[test]
    fn link_in_place_of_file_drops_content() {
        let mut index = sample();
        index.insert("/bin/z", Node::symlink("a")).unwrap();
        assert!(index.content("/usr/bin/z").is_none());
        let mut nothing = std::io::Cursor::new([]);
        assert_eq!(index.read(&mut nothing, "/bin/z", 99).unwrap(), b"/usr/bin/a");
    }
}
