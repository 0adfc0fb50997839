//! The forecast of a run: what each step would do.

use std::collections::BTreeMap;

use serde::Serialize;
use tierce_plan::{Plan, Step, StepId};
use tierce_store::Error;
use tierce_store::receipts::{Receipt, Receipts};

use crate::engine::run::{Perform, ingredients, known, needed};

/// The forecast of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "why")]
pub enum Forecast {
    /// Its result is known, or no step that runs needs it.
    Fresh,
    /// It runs, for this reason.
    Runs(String),
    /// It runs unless the results of these steps are the same as before.
    Depends(Vec<StepId>),
}

/// The forecast of every step of a plan, in the plan's order.
pub fn forecast_steps(
    performer: &impl Perform,
    plan: &Plan,
    receipts: &Receipts,
) -> Result<Vec<(StepId, Forecast)>, Error> {
    let known = known(plan, receipts);
    let needed = needed(performer, plan, &known)?;
    let forecast = |step: &Step| {
        if needed.contains(&step.id) { forecast_of_needed(step, &known, receipts) } else { Forecast::Fresh }
    };
    Ok(plan.steps.iter().map(|step| (step.id.clone(), forecast(step))).collect())
}

fn forecast_of_needed(step: &Step, known: &BTreeMap<StepId, Receipt>, receipts: &Receipts) -> Forecast {
    match ingredients(step, known) {
        Some(ingredients) => Forecast::Runs(receipts.cause(step, &ingredients)),
        None => Forecast::Depends(step.after.iter().filter(|id| !known.contains_key(*id)).cloned().collect()),
    }
}
