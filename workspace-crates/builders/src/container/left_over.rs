//! Removes the leftovers of killed runs from the daemon, once a run.

use std::sync::PoisonError;

use crate::daemon::leftovers;
use crate::workspace::Workspace;
use crate::workspace::engine_choice::Engine;
use tierce_store::Error;

impl Workspace {
    /// Removes the leftovers in this namespace. Their containers may still write into the folders of this run.
    pub fn remove_leftovers(&self) -> Result<(), Error> {
        let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        if *tidied {
            return Ok(());
        }
        if let Engine::Sandbox(store) = &self.engine {
            store.remove_leftovers(&self.receipts())?;
            *tidied = true;
            return Ok(());
        }
        let docker = self.docker()?;
        for leftover in leftovers::leftovers(&docker, &self.options.namespace, &self.paths, &self.receipts())? {
            leftover.remove(&docker)?;
        }
        *tidied = true;
        Ok(())
    }
}
