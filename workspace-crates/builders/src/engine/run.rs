//! Runs a plan: chooses the steps that have to run, their order, and several at once.
//!
//! A step is fresh if there is a receipt under its key. Its result may be missing: a run looks for it only when a step that runs has to
//! use it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::time::Instant;

use tierce_plan::{Ingredients, Key, Outcome, Plan, Step, StepId};
use tierce_report::{StepRun, megabytes};
use tierce_store::damage::Damage;
use tierce_store::receipts::{Receipt, Receipts};
use tierce_store::{Error, Event, Observer};

use crate::container::inputs::Inputs;

/// Does single steps.
pub trait Perform: Sync {
    /// Keeps other runs from doing the same step while it is held.
    type Claim;
    /// Checks the conditions of the steps that run, before the first of them.
    fn begin<'s>(&self, _steps: impl Iterator<Item = &'s Step>) -> Result<(), Error> {
        Ok(())
    }
    /// Waits until no other run does this step, if two at once would disturb each other.
    fn claim(&self, step: &Step, key: &Key) -> Result<Option<Self::Claim>, Error>;
    /// Does the step with the results of the steps before.
    fn perform(&self, step: &Step, inputs: &Inputs) -> Result<Outcome, Error>;
    /// Refuses a result, of this run or an earlier one, that the run must not go on with.
    fn accept(&self, _step: &Step, _outcome: &Outcome, _earlier: bool) -> Result<(), Error> {
        Ok(())
    }
    /// Whether a recorded result still exists.
    fn is_present(&self, step: &Step, outcome: &Outcome) -> Result<bool, Error>;
}

/// The results of a run by step.
#[derive(Debug, Default)]
pub struct Results {
    /// The result of each step.
    pub outcomes: BTreeMap<StepId, Outcome>,
    /// The steps, run or reused, with their times.
    pub runs: Vec<StepRun>,
}

/// Makes every goal of the plan exist.
pub fn run(
    performer: &impl Perform,
    plan: &Plan,
    receipts: &Receipts,
    jobs: usize,
    observer: &Observer<'_>,
) -> Result<Results, Error> {
    let known = known(plan, receipts);
    let needed = needed(performer, plan, &known)?;
    let mut results = Results::default();
    for step in plan.steps.iter().filter(|step| !needed.contains(&step.id)) {
        observer(Event::Fresh { step: step.id.clone() });
        if let Some(receipt) = known.get(&step.id) {
            performer.accept(step, &receipt.outcome, true)?;
            receipts.note_first(&step.id, || ingredients(step, &known))?;
            results.outcomes.insert(step.id.clone(), receipt.outcome.clone());
            results.runs.push(reused(step, receipt));
        }
    }
    let waiting: Vec<&Step> = plan.steps.iter().filter(|step| needed.contains(&step.id)).collect();
    performer.begin(waiting.iter().copied())?;
    let on_failure = |failed: &StepId| tell_what_stands_on(plan, failed, observer);
    run_needed(performer, waiting, receipts, jobs.max(1), observer, on_failure, &mut results)?;
    Ok(results)
}

/// Tells which images are skipped because their base image failed.
fn tell_what_stands_on(plan: &Plan, failed: &StepId, observer: &Observer<'_>) {
    let Some(failed) = failed.image() else { return };
    let needs = |image: &str, bases: &[String]| bases.iter().any(|base| base == image);
    let mut lost = vec![failed];
    // Each is based on one that was found before; bases form no circle.
    while let Some((image, _)) = plan
        .bases
        .iter()
        .find(|(image, bases)| !lost.contains(&image.as_str()) && lost.iter().any(|lost| needs(lost, bases)))
    {
        lost.push(image);
    }
    for image in &lost[1..] {
        let message = format!("`{image}` is not built: it begins with `{failed}`, which failed");
        observer(Event::Warning { message });
    }
}

/// The receipts of all steps whose keys can be known before anything runs.
pub fn known(plan: &Plan, receipts: &Receipts) -> BTreeMap<StepId, Receipt> {
    let mut known = BTreeMap::new();
    for step in &plan.steps {
        if let Some(receipt) = find_receipt(step, &known, receipts) {
            known.insert(step.id.clone(), receipt);
        }
    }
    known
}

/// The receipt of a step; none if an input of its key is unknown.
fn find_receipt(step: &Step, known: &BTreeMap<StepId, Receipt>, receipts: &Receipts) -> Option<Receipt> {
    if !step.action.is_recorded() || step.again {
        return None;
    }
    receipts.find(&step.action, &ingredients(step, known)?.key())
}

/// The ingredients of a step's key; none if a result among them is unknown.
pub(super) fn ingredients(step: &Step, known: &BTreeMap<StepId, Receipt>) -> Option<Ingredients> {
    let inputs: Vec<&Outcome> = step.after.iter().map(|id| known.get(id).map(|r| &r.outcome)).collect::<Option<_>>()?;
    Some(step.ingredients_with(inputs))
}

/// The steps that have to run: goals whose results are missing, and the steps that those use and that are missing too.
pub(super) fn needed(
    performer: &impl Perform,
    plan: &Plan,
    known: &BTreeMap<StepId, Receipt>,
) -> Result<BTreeSet<StepId>, Error> {
    let mut needed = BTreeSet::new();
    let mut at_hand = BTreeSet::new();
    let again = plan.steps.iter().filter(|step| step.again).map(|step| &step.id);
    let mut asked: Vec<&StepId> = plan.goals.iter().chain(again).collect();
    while let Some(id) = asked.pop() {
        let Some(step) = plan.step(id) else { continue };
        if needed.contains(id) || at_hand.contains(id) {
            continue;
        }
        match known.get(id) {
            Some(receipt) if performer.is_present(step, &receipt.outcome)? => {
                at_hand.insert(id.clone());
            }
            _ => {
                needed.insert(id.clone());
                asked.extend(step.inputs());
            }
        }
    }
    Ok(needed)
}

fn run_needed(
    performer: &impl Perform,
    mut waiting: Vec<&Step>,
    receipts: &Receipts,
    jobs: usize,
    observer: &Observer<'_>,
    on_failure: impl Fn(&StepId),
    results: &mut Results,
) -> Result<(), Error> {
    std::thread::scope(|scope| {
        let (finished, arrivals) = mpsc::channel();
        let mut running = 0;
        let mut failure: Option<Error> = None;
        loop {
            while failure.is_none() && running < jobs {
                let ready = |step: &&Step| step.inputs().all(|id| results.outcomes.contains_key(id));
                let Some(index) = waiting.iter().position(ready) else { break };
                let step = waiting.remove(index);
                let input = |id: &StepId| Some((id.clone(), results.outcomes.get(id)?.clone()));
                let inputs: Inputs = step.inputs().filter_map(input).collect();
                let finished = finished.clone();
                running += 1;
                scope.spawn(move || {
                    // The receiver outlives every worker, so sending cannot fail.
                    let _ = finished.send((step, one_step(performer, step, &inputs, receipts, observer)));
                });
            }
            if running == 0 {
                break;
            }
            let Ok((step, result)) = arrivals.recv() else { break };
            running -= 1;
            match result {
                Ok((outcome, run)) => {
                    results.outcomes.insert(step.id.clone(), outcome);
                    results.runs.push(run);
                }
                // Steps that run beside it finish: their results are kept.
                Err(error) if failure.is_none() => {
                    // After a repair, the step runs again.
                    if Damage::of(&error).is_none() {
                        // The step's error matters more than that of recording it.
                        let _ = receipts.note_failed(&step.id, &error);
                        on_failure(&step.id);
                    }
                    failure = Some(error);
                }
                Err(_) => {}
            }
        }
        failure.map_or(Ok(()), Err)
    })
}

/// Runs one step, unless its result turns out to exist now that its inputs are known.
fn one_step(
    performer: &impl Perform,
    step: &Step,
    inputs: &Inputs,
    receipts: &Receipts,
    observer: &Observer<'_>,
) -> Result<(Outcome, StepRun), Error> {
    let ingredients = inputs.ingredients(step);
    let key = ingredients.key();
    let mut claim = None;
    let mut fresh = find_present(performer, step, &key, receipts)?;
    if fresh.is_none() {
        // Held until the receipt is written. The run that held it before may have done this step.
        claim = performer.claim(step, &key)?;
        if claim.is_some() {
            fresh = find_present(performer, step, &key, receipts)?;
        }
    }
    if let Some(receipt) = fresh {
        observer(Event::Fresh { step: step.id.clone() });
        performer.accept(step, &receipt.outcome, true)?;
        let run = reused(step, &receipt);
        return Ok((receipt.outcome, run));
    }
    let cause = receipts.cause(step, &ingredients);
    observer(Event::Started {
        step: step.id.clone(),
        title: step.action.title(),
        cause: cause.clone(),
        inputs: step.inputs().cloned().collect(),
    });
    let start = Instant::now();
    let outcome = performer.perform(step, inputs)?;
    let took = start.elapsed();
    let receipt = Receipt { outcome, took };
    if step.action.is_recorded() {
        receipts.write(step, &key, &receipt)?;
    }
    receipts.note(&step.id, &ingredients)?;
    drop(claim);
    performer.accept(step, &receipt.outcome, false)?;
    observer(Event::Finished { step: step.id.clone(), took, summary: summary(&receipt.outcome) });
    let run = StepRun { step: step.id.clone(), title: step.action.title(), reused: false, cause: Some(cause), took };
    Ok((receipt.outcome, run))
}

/// The receipt of a step whose result exists.
fn find_present(
    performer: &impl Perform,
    step: &Step,
    key: &Key,
    receipts: &Receipts,
) -> Result<Option<Receipt>, Error> {
    if !step.action.is_recorded() || step.again {
        return Ok(None);
    }
    let Some(receipt) = receipts.find(&step.action, key) else { return Ok(None) };
    Ok(performer.is_present(step, &receipt.outcome)?.then_some(receipt))
}

fn reused(step: &Step, receipt: &Receipt) -> StepRun {
    StepRun { step: step.id.clone(), title: step.action.title(), reused: true, cause: None, took: receipt.took }
}

/// A result in a few words.
fn summary(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Debs(debs) => format!("{} packages", debs.len()),
        Outcome::Resolution(packages) => format!("{} packages", packages.len()),
        Outcome::Binpkgs(binpkgs) => format!("{} binary packages", binpkgs.len()),
        Outcome::Root(root) => megabytes(root.bytes),
        Outcome::Unmerged(unmerged) => megabytes(unmerged.bytes),
        Outcome::Programs(programs) => megabytes(programs.iter().map(|p| p.size).sum()),
        Outcome::Probe(probe) => megabytes(probe.size),
        Outcome::Base(base) => {
            let bytes = base.layers.iter().map(|layer| layer.size).sum();
            format!("{} in {} layers", megabytes(bytes), base.layers.len())
        }
        Outcome::Image(image) => {
            let bytes = image.layers.iter().map(|layer| layer.size).sum();
            format!("{} in {} layers", megabytes(bytes), image.layers.len())
        }
        Outcome::Tested(tests) => match tests.iter().filter(|test| !test.passed()).count() {
            0 => format!("{} passed", tests.len()),
            failed => format!("{failed} of {} failed", tests.len()),
        },
        Outcome::Delivered { bytes, .. } if *bytes > 0 => format!("{} sent", megabytes(*bytes)),
        Outcome::Fetched | Outcome::Builder(_) | Outcome::Delivered { .. } => String::new(),
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
