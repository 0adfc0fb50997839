//! The sandbox of a run, and the volumes of ROOTs, in whichever engine they are.

use std::sync::Arc;

use tierce_docker::Removal;
use tierce_manifest::EngineChoice;
use tierce_plan::Root;
use tierce_store::{Error, ErrorKind, Observer};

use crate::daemon::leftovers;
use crate::workspace::Workspace;
use crate::workspace::engine_choice::{Engine, refusal};
use tierce_roots::{SANDBOX_ID, SandboxStore};

impl Workspace {
    /// Returns the sandbox's folders of this run's cache, whatever engine the run has.
    pub fn sandbox_store(&self) -> SandboxStore {
        SandboxStore::new(self.paths.clone(), Arc::clone(&self.options.interrupted))
    }

    /// Returns the sandbox of this machine, whatever engine opens builders.
    ///
    /// # Errors
    /// If this machine has none.
    pub fn sandbox(&self, observer: &Observer<'_>) -> Result<SandboxStore, Error> {
        let mut store = self.sandbox_store();
        if self.has_sandbox() {
            return Ok(store);
        }
        match refusal(&mut store, &self.paths, EngineChoice::Sandbox, observer)? {
            None => Ok(store),
            Some(reason) => Err(Error::new(ErrorKind::Daemon, format!("this machine offers no sandbox: {reason}"))),
        }
    }

    /// Whether the sandbox opens the builders of this run.
    pub fn has_sandbox(&self) -> bool {
        matches!(self.engine, Engine::Sandbox(_))
    }

    /// Removes the volume of a ROOT. Returns whether it is gone: a container may use it, or another daemon may have it.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn remove_root_volume(&self, root: &Root) -> Result<bool, Error> {
        if root.daemon == SANDBOX_ID {
            return self.sandbox_store().drop_volume(&root.volume).map(|()| true);
        }
        let docker = self.docker()?;
        if docker.facts()?.id != root.daemon {
            return Ok(false);
        }
        leftovers::release(&docker, &root.volume)?;
        Ok(!matches!(docker.remove_volume(&root.volume)?, Removal::InUse(_)))
    }
}
