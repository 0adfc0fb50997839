//! Removes leftovers of killed runs before a run, and superseded results after it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tierce_builders::daemon::root_uses::Users;
use tierce_builders::daemon::{pending, root_uses};
use tierce_builders::engine::run::Results;
use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_plan::{Outcome, Root, Sink, StepId};
use tierce_store::{Error, Event, Observer, files};

/// Removes partially written files of killed runs from all folders that this run writes.
pub(super) fn sweep(workspace: &Workspace, sink: &Sink) {
    workspace.paths.sweep();
    files::sweep(workspace.metadata.root.as_std_path(), 0);
    match sink {
        Sink::Daemon => {}
        Sink::Layout(folder) => files::sweep(folder.as_std_path(), 2),
        Sink::Archive(file) => files::sweep(file.as_std_path().parent().unwrap_or(Path::new("/")), 0),
    }
}

/// Removes superseded results of the engine after a successful run.
pub(super) fn tidy_up(
    workspace: &Workspace,
    images: &[&ImageSpec],
    results: &Results,
    observer: &Observer<'_>,
) -> Result<(), Error> {
    // A run that makes nothing has not looked for them yet.
    if (workspace.is_connected() || workspace.has_sandbox())
        && let Err(error) = workspace.remove_leftovers()
    {
        observer(Event::Warning { message: format!("leftovers of a killed run stay: {error}") });
    }
    if let Err(error) = pending::remove(&workspace.paths, || workspace.docker()) {
        observer(Event::Warning { message: format!("an image that a killed run loaded stays: {error}") });
    }
    let of_image = |image: &&ImageSpec| {
        let of_this = |id: &StepId| id.image() == Some(image.name.as_str());
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
    let receipts = &workspace.receipts();
    let roots: BTreeMap<String, BTreeSet<String>> = images.iter().filter_map(of_image).collect();
    let known = workspace.spec.all_images().map(|image| image.name.as_str()).collect();
    if workspace.root_uses().settle(&workspace.paths, &roots, &known)? {
        for unused in root_uses::unused(&workspace.paths, receipts, Users::AllWorkspaces) {
            let remove_volume = |root: &Root| workspace.remove_root_volume(root);
            if let Err(error) = root_uses::remove(&workspace.paths, receipts, &unused, remove_volume) {
                observer(Event::Warning { message: format!("a superseded ROOT stays: {error}") });
            }
        }
    }
    Ok(())
}
