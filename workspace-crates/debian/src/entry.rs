//! What goes into a root beside the packages.

/// A file, link or folder that a root gets beside its packages, owned by root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraEntry {
    /// Where: absolute and normalised. Missing folders above it are made (0755); links above it are followed.
    pub path: String,
    /// What.
    pub kind: EntryKind,
    /// The permission bits; of no effect for a link.
    pub mode: u32,
}

/// What an [`ExtraEntry`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryKind {
    /// A file with this content. A package's file of the same path is an error.
    File(Vec<u8>),
    /// A symbolic link to this target. It stands back for a package's own file of that path.
    Link(String),
    /// A folder; one that is there already stays as it is.
    Folder,
    /// A line, without its end, for `/etc/passwd` or `/etc/group`, which the root's writer makes itself.
    AccountLine(String),
}

impl ExtraEntry {
    /// A file with the usual mode 0644.
    pub fn file(path: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { path: path.into(), kind: EntryKind::File(content.into()), mode: 0o644 }
    }

    /// A file that may be executed, mode 0755.
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
