//! The options of a run, from the command line.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use camino::Utf8PathBuf;
use tierce_manifest::EngineChoice;
use tierce_store::paths::UserFolders;

/// The options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// A folder of the workspace.
    pub folder: Utf8PathBuf,
    /// The variables that choose the folders.
    pub user: UserFolders,
    /// The variables that choose the daemon.
    pub daemon: tierce_docker::Environment,
    /// The folder of cargo's own cache: `CARGO_HOME`.
    pub cargo_home: PathBuf,
    /// The prefix and label of everything in the daemon.
    pub namespace: String,
    /// The engine that opens builders; None for that of the workspace's table.
    pub engine: Option<EngineChoice>,
    /// Whether the network is forbidden.
    pub offline: bool,
    /// Whether no lock file may change.
    pub locked: bool,
    /// The kinds of steps that run again whatever results exist, as [`tierce_plan::StepId::verb`] names them; `all` means every kind.
    pub no_cache: Vec<String>,
    /// Whether base images are only built if the command names them.
    pub no_deps: bool,
    /// Whether images get their names untested.
    pub no_test: bool,
    /// Seconds for which a container waits for the next compilation; 0 for no such container.
    pub keep_warm: u32,
    /// Steps at once, and the jobs of each.
    pub jobs: usize,
    /// Whether the output of other programs may have colours.
    pub colour: bool,
    /// Whether other programs only report problems.
    pub quiet: bool,
    /// Set by Ctrl-C.
    pub interrupted: Arc<AtomicBool>,
}
