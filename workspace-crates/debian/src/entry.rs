//! The entries of a root that no package holds.

/// A file, link or folder besides the packages, owned by root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraEntry {
    /// An absolute, normalised path. Missing folders above it are created (0755); links above it are followed.
    pub path: String,
    /// The type and content.
    pub kind: EntryKind,
    /// The permission bits; a link ignores them.
    pub mode: u32,
}

/// The type and content of an [`ExtraEntry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A file with this content; an error if a package holds the path.
    File(Vec<u8>),
    /// A symbolic link to this target; skipped if a package holds the path.
    Link(String),
    /// A folder; an existing one keeps its attributes.
    Folder,
    /// A line, without its end, of `/etc/passwd` or `/etc/group`, which the root's writer creates.
    AccountLine(String),
}

impl ExtraEntry {
    /// A file with the usual mode 0644.
    pub fn file(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), kind: EntryKind::File(content.into()), mode: 0o644 }
    }

    /// An executable file, mode 0755.
    pub fn program(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { mode: 0o755, ..Self::file(path, content) }
    }

    /// A symbolic link.
    pub fn link(path: impl Into<String>, target: impl Into<String>) -> Self {
        Self { path: path.into(), kind: EntryKind::Link(target.into()), mode: 0o777 }
    }

    /// A folder with the usual mode 0755.
    pub fn folder(path: impl Into<String>) -> Self {
        Self { path: path.into(), kind: EntryKind::Folder, mode: 0o755 }
    }
}
