//! The specification of a builder's container: its root, mounts and program.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A builder's container before it is open. It has no network, and its mounts are all that it sees of the host.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// The root filesystem, as [`plan::Builder`](tierce_plan::Builder) names it.
    pub root: String,
    /// The kind of the step; it labels the container for people and later runs.
    pub kind: &'static str,
    /// The program and its first arguments.
    pub program: Vec<String>,
    /// Further arguments.
    pub arguments: Vec<String>,
    /// The mounts, in the order of mounting.
    pub mounts: Vec<Mount>,
    /// The user that the program runs as.
    pub user: User,
    /// Additional variables; the root has its own.
    pub environment: BTreeMap<String, String>,
    /// The program's working folder, by default the root's.
    pub working_dir: Option<String>,
    /// Whether the container can write only to its mounts.
    pub read_only_root: bool,
    /// Whether the program has a stdin or a terminal.
    pub interaction: Interaction,
}

/// The connection of a program's stdin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interaction {
    /// No stdin.
    #[default]
    None,
    /// A pipe.
    Pipe,
    /// A terminal.
    Terminal,
}

/// The user that a program runs as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum User {
    /// The container's root.
    #[default]
    Root,
    /// The user who runs Tierce, if the engine distinguishes users: then the user owns files written into a folder of the host.
    Caller,
}

/// A mount of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mount {
    /// A file or folder of the host.
    Folder {
        /// The path on the host.
        host: PathBuf,
        /// The path in the container.
        target: String,
        /// Whether the container cannot write to it.
        read_only: bool,
    },
    /// A managed volume.
    Volume {
        /// The name in the engine.
        name: String,
        /// The path in the container.
        target: String,
        /// Whether the container cannot write to it.
        read_only: bool,
    },
    /// An empty folder in memory.
    Memory {
        /// The path in the container.
        target: String,
    },
}

/// An output stream of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// stdout.
    Stdout,
    /// stderr.
    Stderr,
}

/// Mounts a folder of the host read-only.
pub fn read_only(host: impl Into<PathBuf>, target: impl Into<String>) -> Mount {
    Mount::Folder { host: host.into(), target: target.into(), read_only: true }
}

/// Mounts a folder of the host writable.
pub fn writable(host: impl Into<PathBuf>, target: impl Into<String>) -> Mount {
    Mount::Folder { host: host.into(), target: target.into(), read_only: false }
}

/// Mounts a managed volume.
pub fn mounted_volume(name: &str, target: &str, read_only: bool) -> Mount {
    Mount::Volume { name: name.to_owned(), target: target.to_owned(), read_only }
}
