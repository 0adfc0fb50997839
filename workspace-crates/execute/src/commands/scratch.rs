//! A temporary place for a build from scratch.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;
use tierce_builders::daemon::{labels, leftovers};
use tierce_builders::workspace::Workspace;
use tierce_docker::Docker;
use tierce_store::cache_id::cache_id;
use tierce_store::paths::Paths;
use tierce_store::{Error, files};

/// A folder and a namespace of the daemon of its own. Dropping it removes both.
pub(super) struct Scratch<'a> {
    workspace: &'a Workspace,
    folder: TempDir,
    /// While this file is open, no process sweeps the folder.
    _held: File,
    paths: Paths,
    namespace: String,
}

impl Scratch<'_> {
    /// Creates one in the workspace's folder of results.
    pub(crate) fn new(workspace: &Workspace) -> Result<Scratch<'_>, Error> {
        let parent = workspace.paths.own("verify");
        files::sweep(&parent, 0);
        let (folder, held) = files::temporary_folder_in(&parent)?;
        let paths = workspace.paths.alone_in(folder.path())?;
        let namespace = format!("{}-verify-{}", workspace.options.namespace, cache_id(&paths)?);
        Ok(Scratch { workspace, folder, _held: held, paths, namespace })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The paths in the folder. Only downloads are those of the workspace.
    pub(crate) fn paths(&self) -> &Paths {
        &self.paths
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        // This connection works after Ctrl-C too; the workspace's own does not.
        let docker = Docker::connect(&self.workspace.options.daemon, Arc::new(AtomicBool::new(false)));
        let Ok(docker) = docker else { return };
        for made in
            leftovers::labelled(&docker, &format!("{}={}", labels::NAMESPACE, self.namespace)).into_iter().flatten()
        {
            // A later run finds remaining results by their label.
            let _ = made.remove(&docker);
        }
    }
}
