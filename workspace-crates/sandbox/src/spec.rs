//! The specification of a sandbox: its root, its mounts, and its task, as plain data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::asks::Attention;

/// A root and what is mounted in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The folder that has the folders of the root.
    pub store: PathBuf,
    /// The root.
    pub root: Root,
    /// Whether the root refuses changes outside of its mounts.
    pub read_only: bool,
    /// Whether `/tmp` and `/run` are folders of the root. Otherwise they are empty folders in memory.
    pub own_tmp: bool,
    /// The mounts, in their order.
    pub mounts: Vec<Mount>,
}

/// A root. The names are relative to [`Spec::store`], and have no characters that overlayfs interprets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Root {
    /// One folder, only for archives: it has no devices.
    Folder(String),
    /// Several folders over each other.
    Layers {
        /// The folders, the lowest first.
        layers: Vec<String>,
        /// A folder with the folder `upper`, which receives the changes.
        scratch: String,
    },
}

impl Default for Root {
    fn default() -> Root {
        Root::Folder(String::new())
    }
}

/// A mount in the root. Programs can neither use device files nor gain privileges through it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mount {
    /// A file or folder of the host.
    Folder {
        /// The path on the host.
        host: PathBuf,
        /// The path in the root. The sandbox creates it where it is missing.
        target: String,
        /// Whether the mount, and every mount below it, refuses changes.
        read_only: bool,
    },
    /// An empty folder in memory.
    Memory {
        /// The path in the root.
        target: String,
    },
    /// A folder of the layers, which takes changes even if the root refuses them. The sandbox creates it where it is missing, and
    /// mounts everything else later.
    Volume {
        /// The path in the root.
        target: String,
    },
}

/// A program of the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The program, by its path or by its name in `PATH`, and its arguments.
    pub command: Vec<String>,
    /// The whole environment.
    pub environment: Vec<(String, String)>,
    /// The folder in which the program starts; `/` without one.
    pub working_dir: Option<String>,
    /// The numbers of the user and the group inside of the sandbox.
    pub user: (u32, u32),
    /// The numbers of further groups.
    pub groups: Vec<u32>,
    /// Whether changes of a file's owner succeed without an effect, for a sandbox with one user.
    pub fakes_owners: bool,
    /// The connection of the program's stdin.
    pub stdin: Stdin,
    /// Capabilities that the program lacks besides, as `NET_RAW`; `ALL` stands for all of them.
    pub cap_drop: Vec<String>,
}

/// The connection of a program's stdin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stdin {
    /// `/dev/null`.
    #[default]
    Null,
    /// The bytes that the caller has.
    Bytes,
    /// The terminal of the caller, for stdin, stdout and stderr. The program gets the signals of its keys, as the caller does.
    Terminal,
    /// The caller's stdin, stdout and stderr. The program gets only the signals that the caller passes on.
    Inherited,
}

impl Stdin {
    /// Whether the program has the caller's own streams.
    pub(crate) fn is_inherited(self) -> bool {
        matches!(self, Stdin::Terminal | Stdin::Inherited)
    }
}

/// The task of the inner process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Runs a program of the root.
    Run(Program),
    /// Runs a program of the root that the parent attends: it sends requests meanwhile.
    Attend(Program, Attention),
    /// Writes a file or folder of the root to stdout, as a tar archive.
    Pack { path: String },
    /// Unpacks the tar archive on stdin into a folder of the root. Without `owners`, all files get the sandbox's root as owner.
    /// With `layer`, the archive's whiteouts become those of overlayfs.
    Unpack { folder: String, owners: bool, layer: bool },
    /// Removes folders of the host, whatever user of the sandbox owns the files in them.
    Remove { folders: Vec<PathBuf> },
}

/// Everything that the inner process gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) spec: Spec,
    /// Whether groups besides root are mapped.
    pub(crate) has_range: bool,
    pub(crate) task: Task,
}
