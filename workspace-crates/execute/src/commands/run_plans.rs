//! Plans and runs until a plan is whole, for the commands that build, test and update.

use tierce_builders::engine::forecast::{Forecast, forecast_steps};
use tierce_builders::engine::run::{Results, known, run};
use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_plan::{Facts, Lock, Plan, Sink, StepId};
use tierce_report::StepRun;
use tierce_steps::{Performer, check_crates, gather};
use tierce_store::{Error, Event, Observer, lock_file};

use crate::commands::feature_warnings;
use crate::commands::lock_changes::{keep_rustc, locked_error, locked_now, tell_changes};
use crate::commands::no_deps::{check_deps, is_left_alone};
use crate::commands::repair::Repairs;
use crate::commands::tidy::sweep;
use crate::commands::use_warnings;

/// The results of a whole plan.
pub(super) struct Run {
    pub(super) facts: Facts,
    pub(super) results: Results,
    /// The steps of this plan and of the earlier ones.
    pub(super) runs: Vec<StepRun>,
}

/// Whether a run may still replace the builder's Debian packages that Tierce.lock names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LockedDebs {
    /// The run uses them as they are.
    Kept,
    /// The next plan selects them again.
    Dropped,
    /// This run has selected them again, which it does only once.
    Replaced,
}

impl LockedDebs {
    /// Removes the packages from Tierce.lock if the next plan selects them again.
    pub(super) fn apply(&mut self, lock: &mut Lock) {
        if *self == LockedDebs::Dropped {
            lock.builder.debs.clear();
            *self = LockedDebs::Replaced;
        }
    }
}

/// Returns the next steps of a run. Without a resolved builder or packages the plan is incomplete.
pub(crate) fn plan(workspace: &Workspace, images: &[&ImageSpec], sink: &Sink) -> Result<Plan, Error> {
    Ok(checked_plan(workspace, images, sink)?.1)
}

/// Returns the forecast of each step in the plan's order. Runs no step.
pub(crate) fn forecast(
    workspace: &Workspace,
    images: &[&ImageSpec],
    sink: &Sink,
) -> Result<Vec<(StepId, Forecast)>, Error> {
    let (facts, plan) = checked_plan(workspace, images, sink)?;
    forecast_steps(&Performer::new(workspace, &facts, &|_| {}), &plan, &workspace.receipts())
}

fn checked_plan(workspace: &Workspace, images: &[&ImageSpec], sink: &Sink) -> Result<(Facts, Plan), Error> {
    let (facts, plan) = plan_with(workspace, images, sink, lock_file::read(&workspace.lock_path())?, &[])?;
    check_deps(workspace, images, &facts, &plan)?;
    Ok((facts, plan))
}

/// Returns the plan for this Tierce.lock and the facts behind it. `--no-cache` does not repeat a step that ran in `runs`.
pub(super) fn plan_with(
    workspace: &Workspace,
    images: &[&ImageSpec],
    sink: &Sink,
    lock: Option<Lock>,
    runs: &[StepRun],
) -> Result<(Facts, Plan), Error> {
    let is_chosen = |verb: &str| workspace.options.no_cache.iter().any(|name| name == "all" || name == verb);
    let has_run = |step: &StepId| runs.iter().any(|run| run.step == *step && !run.reused);
    let mut facts = gather(workspace, &workspace.spec.with_bases(images), lock)?;
    if is_chosen("packages") {
        facts.binpkgs.clear();
    }
    let mut plan = tierce_plan::plan(&workspace.spec, images, &facts, sink)?;
    if workspace.options.no_test {
        plan.without_tests();
    }
    plan.again(|step| is_chosen(step.verb()) && !has_run(step) && !is_left_alone(workspace, step, images));
    Ok((facts, plan))
}

/// Runs plans until one is whole. With `tests`, the last plan ends with the tests of each image that these names select.
pub(super) fn run_plans(
    workspace: &Workspace,
    images: &[&ImageSpec],
    sink: &Sink,
    tests: Option<&[String]>,
    observer: &Observer<'_>,
) -> Result<Run, Error> {
    sweep(workspace, sink);
    let mut runs: Vec<StepRun> = Vec::new();
    let mut debs = LockedDebs::Kept;
    let mut repairs = Repairs::default();
    loop {
        let mut lock = lock_file::read(&workspace.lock_path())?;
        if let Some(lock) = &mut lock {
            debs.apply(lock);
        }
        let (facts, mut plan) = plan_with(workspace, images, sink, lock, &runs)?;
        if let (Some(names), true) = (tests, plan.whole) {
            plan.only_tests(names);
        }
        if workspace.options.locked && !plan.whole && !plan.is_pull() {
            return Err(locked_error(workspace, images, &facts)?);
        }
        check_deps(workspace, images, &facts, &plan)?;
        check_compilations(workspace, &facts, &plan, images)?;
        if let (Some(lock), true) = (&facts.lock, plan.whole) {
            use_warnings::warnings(&workspace.spec.images, lock)
                .into_iter()
                .chain(feature_warnings::warnings(&workspace.spec))
                .for_each(|message| observer(Event::Warning { message }));
        }
        let performer = Performer::new(workspace, &facts, observer);
        let performer = if tests.is_some() { performer.forgiving() } else { performer };
        let ran = run_or_repair(workspace, &performer, &facts, &plan, (&mut debs, &mut repairs), observer)?;
        let Some(mut results) = ran else { continue };
        runs.append(&mut results.runs);
        if plan.is_pull() {
            continue;
        }
        if plan.whole {
            keep_rustc(workspace, &facts)?;
            return Ok(Run { facts, results, runs });
        }
        let lock = locked_now(workspace, &facts, &plan, results);
        tell_changes(&facts, &lock, observer);
        lock_file::write(&workspace.lock_path(), &lock)?;
    }
}

/// Refuses programs that cannot be compiled, unless they were compiled before.
fn check_compilations(workspace: &Workspace, facts: &Facts, plan: &Plan, images: &[&ImageSpec]) -> Result<(), Error> {
    let known = known(plan, &workspace.receipts());
    let is_compiled = |image: &str| known.keys().any(|step| step.verb() == "compile" && step.image() == Some(image));
    check_crates(workspace, &workspace.spec.with_bases(images), facts, plan.whole, is_compiled)
}

/// Runs one plan. Returns None if the caller has to plan again: a kept file was damaged, or the mirror no longer has a Debian package
/// of Tierce.lock. Stable suites replace packages in point releases and by security updates.
pub(super) fn run_or_repair(
    workspace: &Workspace,
    performer: &Performer<'_>,
    facts: &Facts,
    plan: &Plan,
    (debs, repairs): (&mut LockedDebs, &mut Repairs),
    observer: &Observer<'_>,
) -> Result<Option<Results>, Error> {
    let receipts = workspace.receipts();
    let may_drop = *debs == LockedDebs::Kept && !workspace.options.locked;
    match run(performer, plan, &receipts, workspace.options.jobs, observer) {
        Err(error) => match error.source_as::<tierce_fetch::Error>() {
            Some(gone) if may_drop && is_gone(gone, facts) => {
                let what = format!("`{}` of Tierce.lock is gone from the mirror", gone.name);
                observer(Event::Warning { message: format!("{what}; Tierce selects the builder's packages again") });
                *debs = LockedDebs::Dropped;
                Ok(None)
            }
            _ => repairs.repair(workspace, error, observer).map(|()| None),
        },
        Ok(results) => {
            workspace.digests.save()?;
            Ok(Some(results))
        }
    }
}

/// Whether a download failed because the mirror no longer has a Debian package that Tierce.lock names.
fn is_gone(error: &tierce_fetch::Error, facts: &Facts) -> bool {
    let debs = facts.lock.iter().flat_map(|lock| &lock.builder.debs);
    matches!(error.kind, tierce_fetch::ErrorKind::NotFound { .. })
        && debs.into_iter().any(|deb| error.name == format!("{} {}", deb.name, deb.version))
}
