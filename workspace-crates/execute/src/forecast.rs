//! What a run would do of each step, without doing it.

use std::collections::BTreeMap;

use serde::Serialize;
use tierce_plan::{Plan, Step, StepId};

use crate::Error;
use crate::receipts::{Receipt, Receipts};
use crate::run::{self, Perform};

/// What a run would do of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "why")]
pub enum Forecast {
    /// Nothing: its result is known, or no step that runs needs it.
    Fresh,
    /// It runs, for this cause.
    Runs(String),
    /// It runs unless the results of these steps turn out as they were.
    Depends(Vec<StepId>),
}

/// Asks of every step of a plan what a run would do, in the plan's order.
pub(crate) fn forecast(
    performer: &impl Perform,
    plan: &Plan,
    receipts: &Receipts,
) -> Result<Vec<(StepId, Forecast)>, Error> {
    let known = run::known(plan, receipts);
    let needed = run::needed(performer, plan, &known)?;
    let of = |step: &Step| {
        if needed.contains(&step.id) { of_needed(step, &known, receipts) } else { Forecast::Fresh }
    };
    Ok(plan.steps.iter().map(|step| (step.id.clone(), of(step))).collect())
}

fn of_needed(step: &Step, known: &BTreeMap<StepId, Receipt>, receipts: &Receipts) -> Forecast {
    match run::ingredients(step, known) {
        Some(ingredients) => Forecast::Runs(receipts.cause(step, &ingredients)),
        None => Forecast::Depends(step.after.iter().filter(|id| !known.contains_key(*id)).cloned().collect()),
    }
}
