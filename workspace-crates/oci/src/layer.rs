//! Layers: the archives that a container engine stacks. The same tree always gives the same bytes.

use std::collections::HashSet;
use std::io::{Read, Write};

use serde::{Deserialize, Serialize};
use tierce_rootfs::{Node, NodeKind};

use crate::tar::relative;
use crate::{Digest, Error, HashingWriter, TarWriter};

/// Prefix of the names by which a layer deletes files of lower layers (OCI image-spec, "Whiteouts").
const WHITEOUT: &str = ".wh.";

/// Writes one layer (OCI image-spec, `application/vnd.oci.image.layer.v1.tar`) in one pass and hashes it.
///
/// A layer has more rules than a [`TarWriter`]:
/// - Entries come sorted by the bytes of their paths, as a `BTreeMap<String, Node>` gives them, each path once.
/// - Every entry's parent is a directory of the same layer. Otherwise an engine would invent the parent's mode and
///   owner, even if a lower layer has that directory.
/// - A hard link's target is an earlier regular file of the same layer: engines unpack layers separately.
/// - Only [`remove`](Self::remove) adds whiteouts, which delete files of lower layers.
///
/// It holds its buffer and the layer's paths in memory, never a whole content.
pub struct LayerWriter<W> {
    tar: TarWriter<HashingWriter<W>>,
    previous: String,
    directories: HashSet<String>,
    files: HashSet<String>,
}

/// The identity of a finished layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerInfo {
    /// Digest of the uncompressed archive.
    pub diff_id: Digest,
    /// Size of the uncompressed archive in bytes.
    pub size: u64,
}

impl<W: Write> LayerWriter<W> {
    /// Writes a layer to `inner`, with `mtime` (seconds since 1970, as in `SOURCE_DATE_EPOCH`) as the time of each
    /// entry.
    ///
    /// Pass `&mut inner` to keep it. It needs no buffer of its own.
    pub fn new(inner: W, mtime: u64) -> Self {
        Self {
            tar: TarWriter::new(HashingWriter::new(inner), mtime),
            previous: String::new(),
            directories: HashSet::new(),
            files: HashSet::new(),
        }
    }

    /// Appends one entry. Reads `content` to its end: it must be as long as the node's size, and empty for anything but a
    /// file.
    ///
    /// # Errors
    /// [`Error::Entry`], [`Error::Order`], [`Error::HardLink`] for an entry that breaks a rule,
    /// [`Error::ContentLength`], [`Error::Read`] and [`Error::Write`]. After an error the layer is incomplete: discard it.
    pub fn append(&mut self, path: &str, node: &Node, content: impl Read) -> Result<(), Error> {
        self.check(path, node)?;
        self.tar.append(path, node, content)?;
        match node.kind {
            NodeKind::Directory => drop(self.directories.insert(path.to_owned())),
            NodeKind::File { .. } => drop(self.files.insert(path.to_owned())),
            NodeKind::Symlink { .. } | NodeKind::HardLink { .. } => {}
        }
        path.clone_into(&mut self.previous);
        Ok(())
    }

    /// Appends a whiteout: it hides the entry of lower layers at `path`, and everything below that.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub fn remove(&mut self, path: &str) -> Result<(), Error> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let whiteout = format!("{parent}/{WHITEOUT}{name}");
        self.check_place(&whiteout)?;
        if name.is_empty() || name.starts_with(WHITEOUT) {
            return Err(Error::entry(path, "there is no whiteout of it"));
        }
        let node = Node::new(NodeKind::File { size: 0 }, 0o644);
        self.tar.append(&whiteout, &node, std::io::empty())?;
        self.previous = whiteout;
        Ok(())
    }

    /// Ends the layer, flushes the inner writer and returns the layer's identity.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn finish(self) -> Result<LayerInfo, Error> {
        let (diff_id, size, _) = self.tar.finish()?.finish();
        Ok(LayerInfo { diff_id, size })
    }

    fn check(&self, path: &str, node: &Node) -> Result<(), Error> {
        let name = relative(path).map_err(|reason| Error::entry(path, reason))?;
        if name.rsplit('/').next().is_some_and(|last| last.starts_with(WHITEOUT)) {
            return Err(Error::entry(path, "its name is a whiteout's, which would delete instead of add"));
        }
        self.check_place(path)?;
        match &node.kind {
            NodeKind::HardLink { target } if !self.files.contains(target) => {
                Err(Error::HardLink { path: path.to_owned(), target: target.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Checks an entry's path against the previous entries.
    fn check_place(&self, path: &str) -> Result<(), Error> {
        relative(path).map_err(|reason| Error::entry(path, reason))?;
        if path == self.previous {
            return Err(Error::entry(path, "the layer already has an entry of this path"));
        }
        if path < self.previous.as_str() {
            return Err(Error::Order { path: path.to_owned(), previous: self.previous.clone() });
        }
        let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !parent.is_empty() && !self.directories.contains(parent) {
            return Err(Error::entry(path, "its parent is no directory of the same layer"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::empty;

    use super::*;

    fn node(kind: NodeKind) -> Node {
        let mode = if kind == NodeKind::Directory { 0o755 } else { 0o644 };
        Node { kind, mode, uid: 0, gid: 0, xattrs: BTreeMap::new() }
    }

    fn directory() -> Node {
        node(NodeKind::Directory)
    }

    fn file() -> Node {
        node(NodeKind::File { size: 0 })
    }

    fn symlink(target: &str) -> Node {
        node(NodeKind::Symlink { target: target.to_owned() })
    }

    fn hard_link(target: &str) -> Node {
        node(NodeKind::HardLink { target: target.to_owned() })
    }

    fn layer(entries: &[(&str, Node)]) -> Result<LayerInfo, Error> {
        let mut writer = LayerWriter::new(Vec::new(), 0);
        for (path, node) in entries {
            writer.append(path, node, empty())?;
        }
        writer.finish()
    }

    fn refusal(entries: &[(&str, Node)]) -> String {
        layer(entries).expect_err("a refusal").to_string()
    }

    #[test]
    fn order_is_that_of_a_map() {
        let nodes = [
            ("/a", directory()),
            ("/a-b", directory()),
            ("/a-b/c", file()),
            ("/a/b", file()),
            ("/a/c", hard_link("/a/b")),
            ("/b", symlink("a/b")),
            ("/ü", directory()),
            ("/ü/ß", file()),
        ];
        let sorted: BTreeMap<&str, Node> = nodes.iter().cloned().collect();
        assert!(sorted.keys().eq(nodes.iter().map(|(path, _)| path)));
        assert!(layer(&nodes).is_ok());
    }

    #[test]
    fn whiteouts_are_sorted_with_entries() {
        let mut bytes = Vec::new();
        let mut writer = LayerWriter::new(&mut bytes, 0);
        writer.append("/etc", &directory(), empty()).unwrap();
        writer.remove("/etc/passwd").unwrap();
        writer.append("/etc/x", &file(), empty()).unwrap();
        for (path, reason) in [("/usr/x", "its parent is no directory"), ("/etc/a", "it has to come before")] {
            let error = writer.remove(path).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        writer.finish().unwrap();
        let mut archive = tar::Archive::new(bytes.as_slice());
        let names = archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        assert_eq!(names.collect::<Vec<_>>(), ["etc/", "etc/.wh.passwd", "etc/x"]);
    }

    #[test]
    fn entries_that_break_rules_are_refused() {
        let cases: [&[(&str, Node)]; 10] = [
            &[("/b", file()), ("/a", file())],
            &[("/a", file()), ("/a", file())],
            &[("/a/b", file())],
            &[("/a", file()), ("/a/b", file())],
            &[("/a", symlink("/etc")), ("/a/b", file())],
            &[("/a", hard_link("/b")), ("/b", file())],
            &[("/a", symlink("x")), ("/b", hard_link("/a"))],
            &[("/.wh.passwd", file())],
            &[("/d", directory()), ("/d/.wh..wh..opq", file())],
            &[("etc", file())],
        ];
        insta::assert_snapshot!(cases.map(refusal).join("\n"), @r#"
        failed to pack `/a`: it has to come before `/b`, entries are sorted by the bytes of their paths
        failed to pack `/a`: the layer already has an entry of this path
        failed to pack `/a/b`: its parent is no directory of the same layer
        failed to pack `/a/b`: its parent is no directory of the same layer
        failed to pack `/a/b`: its parent is no directory of the same layer
        failed to pack `/a`: its target `/b` is no regular file before it in the same layer
        failed to pack `/b`: its target `/a` is no regular file before it in the same layer
        failed to pack `/.wh.passwd`: its name is a whiteout's, which would delete instead of add
        failed to pack `/d/.wh..wh..opq`: its name is a whiteout's, which would delete instead of add
        failed to pack `etc`: the path is not absolute
        "#);
    }

    #[test]
    fn diff_id_is_the_digest_of_bytes() {
        let mut bytes = Vec::new();
        let mut writer = LayerWriter::new(&mut bytes, 1_700_000_000);
        writer.append("/d", &directory(), empty()).unwrap();
        writer.append("/d/f", &node(NodeKind::File { size: 5 }), &b"hello"[..]).unwrap();
        let info = writer.finish().unwrap();
        assert_eq!(info, LayerInfo { diff_id: Digest::of(&bytes), size: bytes.len() as u64 });
        // The bytes must not change: images keep their ids across versions of this crate.
        insta::assert_snapshot!(info.diff_id, @"sha256:3b7e3544c8dfdd8f918805e4af4e6e783f09cc036f05596db5deccbbde309715");
    }
}
