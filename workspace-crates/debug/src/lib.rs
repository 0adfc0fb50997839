//! Debugging sessions: a container of tools beside a running one, in its namespaces.
//!
//! A [`Target`] is the container to debug. A [`Session`] is a container of a toolbox image that joins the target's process and
//! network namespaces. In it, `/target` is a link to the root directory of the target's process. So the session sees the
//! target's files, and Tierce writes nothing into the target. [`Keys`] finds the detach keys.
//!
//! This crate prints nothing and uses no terminal: the caller passes [`tierce_docker::Input`] and receives bytes.

mod command_line;
mod copy;
mod core_file;
mod errand;
mod error;
mod forward;
mod frames;
mod gdb;
mod host_file;
mod kept;
mod keys;
mod loaded;
mod maps;
mod options;
mod process;
mod remains;
mod resolve;
mod session;
mod snapshot;
mod spec;
mod symbols;
mod tar_filter;
mod target;

pub use command_line::{DryRun, quoted};
pub use copy::{Copied, CopyIn, CopyOut, Direction, Place, Source as CopySource};
pub use core_file::write_core;
pub use error::{Ambiguity, Error};
pub use forward::{Forward, ForwardReport, ForwardSpec};
pub use gdb::{CORE, HOST_SYMBOLS, SYMBOLS, Subject, gdb, subject_pid};
pub use host_file::stamp;
pub use kept::{KeptSession, attach, find_kept, kept, remove_kept};
pub use keys::{DetachKeys, Key, Keys};
pub use loaded::{FileNow, LoadedFile, loaded};
pub use options::{EnvironmentOption, Marks, Options, Toolbox, volume};
pub use process::Process;
pub use remains::{KNOWN, MountReport, Remains, Report, StateReport};
pub use session::{Outcome, Session};
pub use snapshot::{SnapshotOptions, is_compressed, write_snapshot};
pub use spec::LINK;
pub use symbols::{remarks, symbols_path};
pub use target::{Target, WhenPaused};
