//! Receipts: the record of a finished step under its key, written by rename when the result is whole.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tierce_plan::{Action, Ingredients, Key, Outcome, Step, StepId};

use crate::Error;
use crate::failed::Failed;
use crate::files::{read_json, write_json};
use crate::places::Places;

/// A finished step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Receipt {
    /// The result.
    pub(crate) outcome: Outcome,
    /// How long it took to make.
    pub(crate) took: Duration,
}

/// Reads and writes receipts. Those of results that all workspaces share lie in the user's cache, the others in the
/// workspace's target folder.
#[derive(Clone, Debug)]
pub(crate) struct Receipts {
    places: Places,
}

impl Receipts {
    pub(crate) fn new(places: Places) -> Receipts {
        Receipts { places }
    }

    /// The receipt under this key. A damaged one is the same as none.
    pub(crate) fn find(&self, action: &Action, key: &Key) -> Option<Receipt> {
        read_json(&self.path(action, key))
    }

    /// Records a finished step under its key.
    pub(crate) fn write(&self, step: &Step, key: &Key, receipt: &Receipt) -> Result<(), Error> {
        write_json(&self.path(&step.action, key), receipt)
    }

    /// Keeps what a finished step was made of, to say later what differs.
    pub(crate) fn note(&self, step: &StepId, ingredients: &Ingredients) -> Result<(), Error> {
        Failed::forget(&self.places, step)?;
        write_json(&self.last_path(step), ingredients)
    }

    /// The same for a result of another workspace that serves here, unless something is kept already.
    pub(crate) fn note_first(&self, step: &StepId, made_of: impl FnOnce() -> Option<Ingredients>) -> Result<(), Error> {
        if self.last_path(step).exists() {
            return Ok(());
        }
        made_of().map_or(Ok(()), |ingredients| self.note(step, &ingredients))
    }

    /// Keeps that a step has failed.
    pub(crate) fn note_failed(&self, step: &StepId, error: &Error) -> Result<(), Error> {
        Failed::note(&self.places, step, error)
    }

    /// Where the receipts of a kind of action lie that serve all workspaces.
    pub(crate) fn shared_folder(&self, action: &Action) -> PathBuf {
        self.places.shared("receipts").join(action.kind().0)
    }

    /// The place of one of them.
    pub(crate) fn shared_path(&self, action: &Action, key: &str) -> PathBuf {
        self.shared_folder(action).join(format!("{key}.json"))
    }

    /// The volumes of all ROOTs that were merged with this cache.
    pub(crate) fn volumes(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.shared_folder(&Action::MergeRoot { image: String::new() }))
            .into_iter()
            .flatten()
            .flatten();
        let receipts = entries.filter_map(|entry| read_json::<Receipt>(&entry.path()));
        receipts
            .filter_map(|receipt| if let Outcome::Root(root) = receipt.outcome { Some(root.volume) } else { None })
            .collect()
    }

    /// Why a step runs: what differs from its last run in this workspace.
    pub(crate) fn cause(&self, step: &Step, now: &Ingredients) -> String {
        if step.again {
            return "--no-cache asks for it".to_owned();
        }
        // What it comes to is in the lock, and so is what it was made of.
        if let Action::Resolve { why, .. } = &step.action {
            return if why.is_empty() { "it is asked for".to_owned() } else { why.join("; ") };
        }
        let Some(last) = read_json::<Ingredients>(&self.last_path(&step.id)) else {
            return "it was not done in this workspace yet".to_owned();
        };
        match now.changes_since(&last) {
            changes if !changes.is_empty() => changes.join("; "),
            _ if step.action.is_recorded() => "its result is gone".to_owned(),
            _ => "a step after it needs what it brings".to_owned(),
        }
    }

    fn path(&self, action: &Action, key: &Key) -> PathBuf {
        let folder = if action.is_shared() { self.places.shared("receipts") } else { self.places.own("receipts") };
        folder.join(action.kind().0).join(format!("{key}.json"))
    }

    fn last_path(&self, step: &StepId) -> PathBuf {
        self.places.own("receipts").join("last").join(format!("{}.json", step.as_str().replace(' ', ".")))
    }
}
