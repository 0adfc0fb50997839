//! Brings the lock up to date: resolves anew, and says what that changes.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use serde::Serialize;
use tierce_plan::{Action, Facts, Lock, LockChange, Plan, Sink, Update, changes, images_to_update, plan_update};

use crate::executor::Executor;
use crate::progress::{Event, Observer};
use crate::receipts::Receipts;
use crate::run::run;
use crate::session::{Session, is_gone, warn_of_gone};
use crate::{Error, facts, locks};

/// What an update has found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LockUpdate {
    /// What differs from the lock of before.
    pub changes: Vec<LockChange>,
    /// Whether the text of the lock is another; what was resolved anew may have come to the same.
    pub changed: bool,
    /// Whether it was written.
    pub written: bool,
}

impl Session {
    /// Resolves anew what these words mean: images, atoms, `builder`; everything where there are none. The lock is written
    /// unless this is a dry run.
    ///
    /// # Errors
    /// A word that means nothing, whatever keeps Portage from resolving, or a lock that may not change.
    pub fn update(&self, words: &[String], dry_run: bool, observer: &Observer<'_>) -> Result<LockUpdate, Error> {
        // Whatever an interruption has broken off on its way here, it is the cause.
        let interrupted = || self.options.interrupted.load(Ordering::Relaxed);
        let updated = self.update_lock(words, dry_run, observer);
        updated.map_err(|error| if interrupted() { Error::Interrupted } else { error })
    }

    fn update_lock(&self, words: &[String], dry_run: bool, observer: &Observer<'_>) -> Result<LockUpdate, Error> {
        let _held = locks::workspace(&self.places, &self.options.interrupted, observer)?;
        self.sweep(&Sink::Daemon);
        let before = self.read_lock()?.unwrap_or_default();
        let toolbox = self.spec.toolbox.name.as_str();
        if !words.iter().any(|word| word == toolbox) {
            self.images(&[])?;
        }
        let names: Vec<&str> = self.spec.images.iter().map(|image| image.name.as_str()).collect();
        let update = Update::parse(words, &names, &[toolbox], &before)?;
        let lock = self.resolve_anew(&update, before.clone(), observer).map_err(|error| self.with_room(error))?;
        let (changes, changed) = (changes(&before, &lock), before.to_text() != lock.to_text());
        if changed && self.options.locked && !dry_run {
            let mut lines: Vec<String> = changes.iter().map(|change| format!("{} {change}", change.verb())).collect();
            if lines.is_empty() {
                lines.push("what it says of the tables is not what they say now; no version changes".into());
            }
            return Err(Error::Locked { lines });
        }
        let written = changed && !dry_run;
        if written {
            self.write_lock(&lock)?;
        }
        Ok(LockUpdate { changes, changed, written })
    }

    /// The lock as it is after an update.
    fn resolve_anew(&self, update: &Update, mut lock: Lock, observer: &Observer<'_>) -> Result<Lock, Error> {
        let receipts = Receipts::new(self.places.clone());
        let mut choose_anew = update.builder;
        let mut chosen_anew = update.builder;
        let images = images_to_update(&self.spec, update, Some(&lock));
        let mut done = BTreeSet::new();
        loop {
            if std::mem::take(&mut choose_anew) {
                lock.builder.debs.clear();
            }
            let facts = facts::gather(self, &images, Some(lock))?;
            let plan = plan_update(&self.spec, update, &done, &facts)?;
            let executor = Executor::new(self, &facts, observer);
            let results = match run(&executor, &plan, &receipts, self.options.jobs, observer) {
                Err(Error::Fetch(gone)) if is_gone(&gone, &facts) && !self.options.locked && !chosen_anew => {
                    warn_of_gone(&gone, observer);
                    (choose_anew, chosen_anew) = (true, true);
                    lock = facts.lock.unwrap_or_default();
                    continue;
                }
                other => other?,
            };
            self.digests.save()?;
            if plan.is_pull() {
                lock = facts.lock.unwrap_or_default();
                continue;
            }
            lock = self.locked_now(&facts, &plan, results);
            // With the builder known, or a base, there is more to plan.
            if plan.steps.is_empty() {
                return Ok(lock);
            }
            done.extend(resolved(&plan));
        }
    }

    /// Says what a resolution has changed of what was locked before; what is new to the lock is no news.
    pub(crate) fn tell_changes(&self, facts: &Facts, now: &Lock, observer: &Observer<'_>) {
        let Some(before) = &facts.lock else { return };
        let mut known = now.clone();
        known.images.retain(|image| before.image(&image.name).is_some());
        for change in changes(before, &known) {
            observer(Event::LockChanged { change });
        }
    }
}

/// The images that a plan resolves.
fn resolved(plan: &Plan) -> impl Iterator<Item = String> {
    plan.steps.iter().filter_map(|step| match &step.action {
        Action::Resolve { image, .. } => Some(image.clone()),
        _ => None,
    })
}
