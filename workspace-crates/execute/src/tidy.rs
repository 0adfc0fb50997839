//! What a run removes by itself: before it, what killed runs have left; after it, what has lost its use.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::PoisonError;

use tierce_manifest::ImageSpec;
use tierce_plan::{Action, Outcome, Sink, StepId};

use crate::progress::{Event, Observer};
use crate::receipts::Receipts;
use crate::run::Results;
use crate::session::Session;
use crate::uses::{self, Users};
use crate::{Error, files, owner, untagged};

impl Session {
    /// Removes files that killed runs left half written, wherever this run may write, too.
    pub(crate) fn sweep(&self, sink: &Sink) {
        self.places.sweep();
        files::sweep(self.workspace.root.as_std_path(), 0);
        match sink {
            Sink::Daemon => {}
            Sink::Layout(folder) => files::sweep(folder.as_std_path(), 2),
            Sink::Archive(file) => files::sweep(file.as_std_path().parent().unwrap_or(Path::new("/")), 0),
        }
    }

    /// Before the first step that makes something in the daemon: removes what killed runs left there. Their containers may still
    /// be at work on the same folders.
    pub(crate) fn remove_leftovers(&self, action: &Action) -> Result<(), Error> {
        let makes = matches!(
            action,
            Action::MakeBuilder
                | Action::ImportBuilder
                | Action::UseBuilderImage { .. }
                | Action::Resolve { .. }
                | Action::BuildPackages { .. }
                | Action::ExtendBuilder { .. }
                | Action::MergeRoot { .. }
                | Action::Unmerge { .. }
                | Action::Compile { .. }
                | Action::BuildProbe { .. }
                | Action::Test { .. }
        );
        let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        if makes && !*tidied {
            let receipts = Receipts::new(self.places.clone());
            let docker = self.docker()?;
            for leftover in owner::leftovers(&docker, &self.options.namespace, &self.places, &receipts)? {
                leftover.remove(&docker)?;
            }
            *tidied = true;
        }
        Ok(())
    }

    /// After a run that has succeeded: removes from the daemon what it and the runs before have left without a use.
    pub(crate) fn tidy_up(
        &self,
        images: &[&ImageSpec],
        results: &Results,
        receipts: &Receipts,
        observer: &Observer<'_>,
    ) -> Result<(), Error> {
        if let Err(error) = untagged::remove(&self.places, || self.docker()) {
            observer(Event::Warning { message: format!("an image that a killed run loaded stays: {error}") });
        }
        let of_image = |image: &&ImageSpec| {
            let of_this =
                |id: &StepId| id.as_str().split_once(' ').is_some_and(|(_, name)| name == image.name.as_str());
            let outcomes = results.outcomes.iter().filter(|(id, _)| of_this(id)).map(|(_, outcome)| outcome);
            let keys: BTreeSet<String> = outcomes
                .filter_map(|outcome| match outcome {
                    Outcome::Root(root) => Some(root.key.clone()),
                    Outcome::Unmerged(unmerged) => Some(unmerged.key.clone()),
                    _ => None,
                })
                .collect();
            (!keys.is_empty()).then(|| (image.name.to_string(), keys))
        };
        let roots: BTreeMap<String, BTreeSet<String>> = images.iter().filter_map(of_image).collect();
        let known = self.spec.all_images().map(|image| image.name.as_str()).collect();
        if self.uses().settle(&self.places, &roots, &known)? {
            for unused in uses::unused(&self.places, receipts, Users::AllWorkspaces) {
                if let Err(error) =
                    self.docker().and_then(|docker| uses::remove(&self.places, receipts, &docker, &unused))
                {
                    observer(Event::Warning { message: format!("a superseded ROOT stays: {error}") });
                }
            }
        }
        Ok(())
    }
}
