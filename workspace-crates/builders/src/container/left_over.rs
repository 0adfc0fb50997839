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
            // A second try of this run would fail the same way.
            *tidied = true;
            return store.remove_leftovers(&self.receipts());
        }
        self.remove_from_daemon()?;
        *tidied = true;
        Ok(())
    }

    /// Removes the leftovers in the daemon before a run starts containers of tests there, if its builders are sandboxes.
    pub fn remove_leftovers_of_tests(&self) -> Result<(), Error> {
        match self.engine {
            Engine::Sandbox(_) => self.remove_from_daemon(),
            // A run whose builders are containers has removed them.
            Engine::Daemon => self.remove_leftovers(),
        }
    }

    fn remove_from_daemon(&self) -> Result<(), Error> {
        let docker = self.docker()?;
        for leftover in leftovers::leftovers(&docker, &self.options.namespace, &self.paths, &self.receipts())? {
            leftover.remove(&docker)?;
        }
        Ok(())
    }
}
