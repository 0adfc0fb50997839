//! Receipts: the record of a finished step under its key, written when the result is whole.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tierce_plan::{Action, Ingredients, Key, Outcome, Step, StepId};

use crate::failed::Failed;
use crate::paths::{Paths, file_name, image_of};
use crate::{Error, sealed};

/// A finished step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The result.
    pub outcome: Outcome,
    /// How long it took to make.
    pub took: Duration,
}

/// Reads and writes receipts. Those of results that all workspaces share lie in the user's cache, the others in the workspace's target
/// folder.
#[derive(Clone, Debug)]
pub struct Receipts {
    paths: Paths,
    namespace: String,
}

impl Receipts {
    /// Receipts of results in the daemon are those of this namespace.
    pub fn new(paths: Paths, namespace: &str) -> Receipts {
        // It is the name of a folder.
        Receipts { paths, namespace: file_name(namespace) }
    }

    /// Receipts of results of the sandbox, which lie in the cache beside them. No namespace of a daemon has this name.
    pub fn of_sandbox(paths: Paths) -> Receipts {
        Receipts::new(paths, SANDBOX)
    }

    /// The other namespaces whose ROOTs were merged with this cache.
    pub fn other_namespaces(&self) -> BTreeSet<String> {
        let folder = self.paths.shared("receipts").join(MERGE_ROOT.kind().0);
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        let names = folders.map(|entry| entry.file_name().to_string_lossy().into_owned());
        let names = names.filter(|name| *name != file_name(SANDBOX));
        names.filter(|name| *name != self.namespace).map(|name| image_of(&name)).collect()
    }

    /// The receipt under this key. A damaged one counts as missing.
    pub fn find(&self, action: &Action, key: &Key) -> Option<Receipt> {
        sealed::read(&self.path(action, key))
    }

    /// Records a finished step under its key.
    pub fn write(&self, step: &Step, key: &Key, receipt: &Receipt) -> Result<(), Error> {
        sealed::write(&self.path(&step.action, key), receipt)
    }

    /// Keeps the ingredients of a finished step; a later run names those that differ.
    pub fn note(&self, step: &StepId, ingredients: &Ingredients) -> Result<(), Error> {
        Failed::forget(&self.paths, step)?;
        sealed::write(&self.last_path(step), ingredients)
    }

    /// Does the same for a result of another workspace, unless ingredients are kept already.
    pub fn note_first(&self, step: &StepId, made_of: impl FnOnce() -> Option<Ingredients>) -> Result<(), Error> {
        if self.last_path(step).exists() {
            return Ok(());
        }
        made_of().map_or(Ok(()), |ingredients| self.note(step, &ingredients))
    }

    /// Records a failed step.
    pub fn note_failed(&self, step: &StepId, error: &Error) -> Result<(), Error> {
        Failed::note(&self.paths, step, error)
    }

    /// The folder of receipts of one kind of action, for results that all workspaces share.
    pub fn shared_folder(&self, action: &Action) -> PathBuf {
        let folder = self.paths.shared("receipts").join(action.kind().0);
        if is_in_daemon(action) { folder.join(&self.namespace) } else { folder }
    }

    /// One receipt of that folder.
    pub fn shared_path(&self, action: &Action, key: &str) -> PathBuf {
        self.shared_folder(action).join(format!("{key}.json"))
    }

    /// The volumes of this namespace of all ROOTs that were merged with this cache.
    pub fn volumes(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.shared_folder(&MERGE_ROOT)).into_iter().flatten().flatten();
        let receipts = entries.filter_map(|entry| sealed::read::<Receipt>(&entry.path()));
        receipts
            .filter_map(|receipt| if let Outcome::Root(root) = receipt.outcome { Some(root.volume) } else { None })
            .collect()
    }

    /// Why a step runs: the ingredients that differ from its last run in this workspace.
    pub fn cause(&self, step: &Step, now: &Ingredients) -> String {
        if step.again {
            return "--no-cache asks for it".to_owned();
        }
        // Tierce.lock has the result of a resolution, and its inputs.
        if let Action::Resolve { why, .. } = &step.action {
            return if why.is_empty() { "it is asked for".to_owned() } else { why.join("; ") };
        }
        let Some(last) = sealed::read::<Ingredients>(&self.last_path(&step.id)) else {
            return "first run in this workspace".to_owned();
        };
        match now.changes_since(&last) {
            changes if !changes.is_empty() => changes.join("; "),
            _ if step.action.is_recorded() => "its result is gone".to_owned(),
            _ => "a later step needs its result".to_owned(),
        }
    }

    fn path(&self, action: &Action, key: &Key) -> PathBuf {
        if action.is_shared() {
            return self.shared_path(action, key.as_str());
        }
        self.paths.own("receipts").join(action.kind().0).join(format!("{key}.json"))
    }

    fn last_path(&self, step: &StepId) -> PathBuf {
        self.paths.own("receipts").join("last").join(format!("{}.json", file_name(step.as_str()).replace(' ', ".")))
    }
}

/// The place of a namespace in the paths of the sandbox's receipts.
const SANDBOX: &str = "sandbox:";

/// Any merge of a ROOT.
const MERGE_ROOT: Action = Action::MergeRoot { image: String::new() };

/// Whether the result is an object of the daemon, which one namespace has.
fn is_in_daemon(action: &Action) -> bool {
    matches!(
        action,
        Action::MakeBuilder | Action::ImportBuilder | Action::ExtendBuilder { .. } | Action::MergeRoot { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::UserFolders;

    #[test]
    fn namespaces_share_no_object_of_the_daemon() {
        let scratch = tempfile::tempdir().expect("a folder");
        let paths = Paths::choose(scratch.path(), &UserFolders::default()).expect("writable");
        let [one, two] = ["one", "two"].map(|namespace| Receipts::new(paths.clone(), namespace));
        let image = || "web".to_owned();
        for (action, shares) in [
            (Action::MakeBuilder, false),
            (Action::ExtendBuilder { image: image() }, false),
            (Action::MergeRoot { image: image() }, false),
            (Action::Unmerge { image: image(), packages: Vec::new() }, true),
            (Action::BuildPackages { image: image(), packages: Vec::new() }, true),
        ] {
            assert_eq!(one.shared_path(&action, "key") == two.shared_path(&action, "key"), shares, "{action:?}");
        }
        assert_eq!(one.other_namespaces(), BTreeSet::new());
        std::fs::create_dir_all(two.shared_folder(&MERGE_ROOT)).expect("writable");
        assert_eq!(one.other_namespaces(), BTreeSet::from(["two".to_owned()]));
    }
}
