//! What a run is given by the command line.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camino::Utf8PathBuf;

use crate::places::UserFolders;

/// What a run is given by the command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// A folder of the workspace.
    pub folder: Utf8PathBuf,
    /// What decides where things lie.
    pub user: UserFolders,
    /// What decides where the daemon is.
    pub daemon: tierce_docker::Environment,
    /// The folder of cargo's own cache: `CARGO_HOME`.
    pub cargo_home: PathBuf,
    /// What everything in the daemon is named and labelled with.
    pub namespace: String,
    /// Whether the network is forbidden.
    pub offline: bool,
    /// Whether a change of a lock is forbidden.
    pub locked: bool,
    /// Kinds of steps that are done again whatever is there of them, as [`tierce_plan::StepId::verb`] names them; all of
    /// them where `all` is among them.
    pub no_cache: Vec<String>,
    /// Whether images that others begin with are not built unless they are asked for.
    pub no_deps: bool,
    /// Whether images are named without being tested.
    pub no_test: bool,
    /// For how many seconds a container that has compiled waits for the next time; 0 for none that waits.
    pub keep_warm: u32,
    /// Steps at once, and jobs of each.
    pub jobs: usize,
    /// Whether what other programs say may hold colours.
    pub colour: bool,
    /// Whether other programs are to say nothing but what is wrong.
    pub quiet: bool,
    /// Set by Ctrl-C.
    pub interrupted: Arc<AtomicBool>,
}
