//! One entry of a root filesystem.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One entry of a file tree without its content. Independent of the host's umask, clock and user names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The kind of entry.
    pub kind: NodeKind,
    /// Permission bits with setuid, setgid and sticky: at most `0o7777`.
    pub mode: u32,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Extended attributes by full name (`security.capability`), values as raw bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

impl Node {
    /// An entry of root's, without extended attributes.
    #[must_use]
    pub fn new(kind: NodeKind, mode: u32) -> Self {
        Self { kind, mode, uid: 0, gid: 0, xattrs: BTreeMap::new() }
    }

    /// A directory of root's with mode 0755: the default for an undescribed one.
    #[must_use]
    pub fn directory() -> Self {
        Self::new(NodeKind::Directory, 0o755)
    }

    /// A symbolic link of root's.
    #[must_use]
    pub fn symlink(target: impl Into<String>) -> Self {
        Self::new(NodeKind::Symlink { target: target.into() }, 0o777)
    }

    /// Whether this is a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        matches!(self.kind, NodeKind::Symlink { .. })
    }

    /// Whether this is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.kind == NodeKind::Directory
    }
}

/// The kinds of entry that an image may contain: no device nodes, sockets or pipes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "type")]
pub enum NodeKind {
    /// A regular file of this many bytes.
    File {
        /// Content length in bytes.
        size: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link with its target as written, absolute or relative.
    Symlink {
        /// The link's text.
        target: String,
    },
    /// Another name of a regular file of the same tree.
    HardLink {
        /// Absolute path, inside the tree, of the regular file.
        target: String,
    },
}
