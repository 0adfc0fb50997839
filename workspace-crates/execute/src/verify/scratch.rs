//! A place for a build from nothing, and the end of all that was made there.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tempfile::TempDir;
use tierce_docker::Docker;

use crate::places::Places;
use crate::session::Session;
use crate::{Error, files, owner};

/// A folder of its own and a namespace of the daemon of its own. Both are emptied in the end, however it comes.
pub(crate) struct Scratch<'a> {
    session: &'a Session,
    folder: TempDir,
    /// As long as it is open, nobody sweeps the folder.
    _held: File,
    places: Places,
    namespace: String,
}

impl Scratch<'_> {
    /// A new one below the workspace's own folder.
    pub(crate) fn new(session: &Session) -> Result<Scratch<'_>, Error> {
        let parent = session.places.own("verify");
        files::sweep(&parent, 0);
        let (folder, held) = files::temporary_folder_in(&parent)?;
        let places = session.places.alone_in(folder.path())?;
        let namespace = format!("{}-verify-{}", session.options.namespace, places.cache_id()?);
        Ok(Scratch { session, folder, _held: held, places, namespace })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Places below the folder, but for downloads.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    /// The namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        // After Ctrl-C, too: the session's own connection does nothing any more.
        let docker = Docker::connect(&self.session.options.daemon, Arc::new(AtomicBool::new(false)));
        let Ok(docker) = docker else { return };
        for made in owner::labelled(&docker, &format!("{}={}", owner::NAMESPACE, self.namespace)).into_iter().flatten()
        {
            // What stays is known by its label to a later run.
            let _ = made.remove(&docker);
        }
    }
}
