//! `update`: resolves packages again, writes Tierce.lock, and returns the changes.

use std::collections::BTreeSet;

use serde::Serialize;
use tierce_builders::workspace::Workspace;
use tierce_plan::{Action, Lock, LockChange, Plan, PlanError, Sink, Update, changes, images_to_update, plan_update};
use tierce_steps::{Performer, gather};
use tierce_store::{Error, ErrorKind, Observer, lock_file, locks};

use crate::commands::clean::with_room;
use crate::commands::lock_changes::{locked, locked_now};
use crate::commands::repair::Repairs;
use crate::commands::run_plans::{LockedDebs, run_or_repair};
use crate::commands::tidy::sweep;

/// The result of an update.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LockUpdate {
    /// The differences from the previous Tierce.lock.
    pub changes: Vec<LockChange>,
    /// Whether the text of Tierce.lock changed; a new resolution may have the same result.
    pub changed: bool,
    /// Whether Tierce.lock was written.
    pub written: bool,
}

/// Resolves these images, atoms or `builder` again; if `words` is empty, everything. Writes Tierce.lock unless `dry_run` is
/// set.
///
/// # Errors
/// A word that names nothing, a failed resolution, or a Tierce.lock that may not change.
pub(crate) fn update(
    workspace: &Workspace,
    words: &[String],
    dry_run: bool,
    observer: &Observer<'_>,
) -> Result<LockUpdate, Error> {
    let updated = update_lock(workspace, words, dry_run, observer);
    updated.map_err(|error| with_room(workspace, workspace.unless_interrupted(error)))
}

fn update_lock(
    workspace: &Workspace,
    words: &[String],
    dry_run: bool,
    observer: &Observer<'_>,
) -> Result<LockUpdate, Error> {
    let _held = locks::workspace(&workspace.paths, &workspace.options.interrupted, observer)?;
    sweep(workspace, &Sink::Daemon);
    let before = lock_file::read(&workspace.lock_path())?.unwrap_or_default();
    let toolbox = workspace.spec.toolbox.name.as_str();
    if !words.iter().any(|word| word == toolbox) {
        workspace.images(&[])?;
    }
    let names: Vec<&str> = workspace.spec.images.iter().map(|image| image.name.as_str()).collect();
    let update = Update::parse(words, &names, &[toolbox], &before).map_err(|error| {
        let help = error.help();
        Error::from_source(ErrorKind::Table, error).with_help_if(help)
    })?;
    let lock = resolve_anew(workspace, &update, before.clone(), observer)?;
    let (changes, changed) = (changes(&before, &lock), before.to_text() != lock.to_text());
    if changed && workspace.options.locked && !dry_run {
        let mut lines: Vec<String> = changes.iter().map(|change| format!("{} {change}", change.verb())).collect();
        if lines.is_empty() {
            lines.push("what it says of the tables is not what they say now; no version changes".into());
        }
        return Err(locked(&lines));
    }
    let written = changed && !dry_run;
    if written {
        lock_file::write(&workspace.lock_path(), &lock)?;
    }
    Ok(LockUpdate { changes, changed, written })
}

/// Returns Tierce.lock after the update.
fn resolve_anew(
    workspace: &Workspace,
    update: &Update,
    mut lock: Lock,
    observer: &Observer<'_>,
) -> Result<Lock, Error> {
    let mut debs = if update.builder { LockedDebs::Dropped } else { LockedDebs::Kept };
    let images = images_to_update(&workspace.spec, update, Some(&lock));
    let (mut done, mut repairs) = (BTreeSet::new(), Repairs::default());
    loop {
        debs.apply(&mut lock);
        let facts = gather(workspace, &images, Some(lock))?;
        let plan = plan_update(&workspace.spec, update, &done, &facts).map_err(PlanError::from)?;
        let performer = Performer::new(workspace, &facts, observer);
        match run_or_repair(workspace, &performer, &facts, &plan, (&mut debs, &mut repairs), observer)? {
            Some(results) if !plan.is_pull() => lock = locked_now(workspace, &facts, &plan, results),
            _ => {
                lock = facts.lock.unwrap_or_default();
                continue;
            }
        }
        // With the builder or a base resolved, the next plan has more steps.
        if plan.steps.is_empty() {
            return Ok(lock);
        }
        done.extend(resolved(&plan));
    }
}

/// The images that a plan resolves.
fn resolved(plan: &Plan) -> impl Iterator<Item = String> {
    plan.steps.iter().filter_map(|step| match &step.action {
        Action::Resolve { image, .. } => Some(image.clone()),
        _ => None,
    })
}
