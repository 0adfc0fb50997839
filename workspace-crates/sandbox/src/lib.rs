//! Runs programs in namespaces of Linux over a stack of folders, without a daemon and without privileges.
//!
//! A sandbox is two processes of this program. [`entry`] recognises them by their name, so a program calls it first:
//!
//! 1. the *outer* process (`outer`) leaves the namespaces of its parent, which then maps its users,
//! 2. the *inner* process (`inner`) is the first one of the new pid namespace. It mounts the root, drops privileges, and starts the
//!    user's program or works on files of the root itself (`archive`).
//!
//! Everything that they need to know is plain data ([`Spec`]), which the parent sends over a socket (`control`). The socket also
//! ends them: if the parent dies, for whatever reason, the inner process notices the closed socket and ends, and the kernel kills
//! everything else in the namespace and removes its mounts.

mod archive;
mod asks;
mod attended;
mod binds;
mod cgroup;
mod cgroup_files;
mod cgroup_place;
mod children;
mod control;
mod devices;
mod error;
mod forward;
mod identity;
mod inner;
mod limits;
mod loopback;
mod mounts;
mod outer;
mod pipes;
mod privileges;
mod probe;
mod program;
mod raw;
mod running;
mod serving;
mod signals;
mod spec;
mod started;
mod stop;
mod syscalls;
mod targets;

pub use asks::Checked;
pub use attended::{Attended, Output, PackedFile};
pub use cgroup::limits_in_force;
pub use cgroup_place::NoLimits;
pub use error::Error;
pub use forward::Published;
pub use identity::{Identity, SubordinateIds};
pub use limits::Limits;
pub use outer::entry;
pub use probe::probe;
pub use running::{Sandbox, Stream};
pub use spec::{Mount, Program, Root, Spec, Stdin};
pub use started::Packed;
