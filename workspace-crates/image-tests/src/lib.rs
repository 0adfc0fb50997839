//! Tests of images from outside. Each test runs its own container and adds no files to it.

mod container;
mod daemon;
mod expect;
mod failures;
mod files;
mod input;
mod output;
mod sandboxed;
mod service;
mod trial;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tierce_builders::container::context::Context;
use tierce_builders::engine::run::Results;
use tierce_manifest::{ImageSpec, TestSpec};
use tierce_plan::{Action, Outcome, Step, StepId, TestResult};
use tierce_store::paths::Paths;
use tierce_store::{Error, ErrorKind, Event, Unit, files as host_files};

use crate::container::Engine;
use crate::daemon::DaemonEngine;
use crate::failures::{TestedWhen, log_path};
use crate::sandboxed::{SandboxEngine, sandbox_limits_memory};
use crate::trial::Trial;

pub use crate::container::Subject;

/// The maximum number of containers that run at once: more would distort each other's times.
const SIDE_BY_SIDE: usize = 4;
/// The maximum number of output lines that an error shows.
const LAST_LINES: usize = 10;

/// The results of an image's tests.
#[derive(Clone, Debug)]
pub struct ImageTests {
    /// The image.
    pub image: String,
    /// The tests that ran, sorted by name.
    pub tests: Vec<TestResult>,
    /// The folder with one log per test.
    pub logs: PathBuf,
}

impl ImageTests {
    /// Returns the results of this image's tests; None if no test ran.
    pub fn of(spec: &ImageSpec, results: &Results, paths: &Paths) -> Option<ImageTests> {
        let is_of_image = |id: &StepId| id.verb() == "test" && id.image() == Some(spec.name.as_str());
        let (_, outcome) = results.outcomes.iter().find(|(id, _)| is_of_image(id))?;
        let Outcome::Tested(tests) = outcome else { return None };
        let logs = paths.logs(spec.name.as_str());
        Some(ImageTests { image: spec.name.to_string(), tests: tests.clone(), logs })
    }

    /// Returns the path of a test's log.
    pub fn log(&self, test: &str) -> PathBuf {
        log_path(&self.logs, test)
    }

    /// Returns the error that names the failed tests; None if all passed.
    pub fn failure(&self, spec: &ImageSpec) -> Option<Error> {
        failure(spec, &self.tests, self.tests.len(), &self.logs, TestedWhen::OnItsOwn)
    }
}

/// Runs tests of an image, several at once. A failed test is a result, not an error.
///
/// # Errors
/// Those of the engine, and of files that tests read.
pub fn test(
    context: &Context<'_>,
    step: &Step,
    image: &str,
    tests: &[String],
    subject: Subject<'_>,
) -> Result<Outcome, Error> {
    let spec = context.image(image)?;
    let engine: Box<dyn Engine + '_> = match subject {
        Subject::Loaded(id) => {
            context.workspace.remove_leftovers_of_tests()?;
            Box::new(DaemonEngine { docker: context.docker()?, id })
        }
        Subject::Packed(packed, runtime) => Box::new(SandboxEngine::new(context, spec, packed, *runtime)?),
    };
    let chosen: Vec<&TestSpec> =
        spec.tests.iter().filter(|test| tests.iter().any(|name| name == test.name.as_str())).collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results: Mutex<Vec<(usize, Result<TestResult, Error>)>> = Mutex::default();
    let work = || {
        while let Some((index, test)) = pick(&next, &chosen) {
            let result = one_test(&*engine, context, spec, test);
            if let Ok(result) = &result {
                (context.observer)(Event::Tested { image: image.to_owned(), result: result.clone() });
            }
            (context.observer)(Event::Progress {
                step: step.id.clone(),
                done: done.fetch_add(1, Ordering::Relaxed) as u64 + 1,
                total: Some(chosen.len() as u64),
                unit: Unit::Tests,
                current: String::new(),
            });
            results.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    std::thread::scope(|scope| {
        let workers = context.workspace.options.jobs.clamp(1, SIDE_BY_SIDE).min(chosen.len());
        (0..workers).for_each(|_| drop(scope.spawn(work)));
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    Ok(Outcome::Tested(results.into_iter().map(|(_, result)| result).collect::<Result<_, _>>()?))
}

fn one_test(
    engine: &dyn Engine,
    context: &Context<'_>,
    spec: &ImageSpec,
    test: &TestSpec,
) -> Result<TestResult, Error> {
    let start = Instant::now();
    let trial = Trial::run(engine, context, spec, test)?;
    let log = log_path(&context.workspace.paths.logs(spec.name.as_str()), test.name.as_str());
    host_files::write(&log, &trial.output.log)?;
    let output = if trial.problems.is_empty() { Vec::new() } else { trial.output.last_lines(LAST_LINES) };
    let unlimited = test.memory.is_some() && !engine.limited_memory(test);
    if unlimited {
        context.warn(format!(
            "the test `{}` of `{}` ran without its limit of memory: this user can make no group of cgroups v2 for it",
            test.name, spec.name
        ));
    }
    Ok(TestResult { test: test.name.to_string(), took: start.elapsed(), problems: trial.problems, output, unlimited })
}

/// Whether the results of an earlier run count for this step. A test that ran without its limit of memory runs again where it has one.
pub fn count_for(step: &Step, results: &[TestResult]) -> bool {
    let runs_in_daemon = || step.inputs().any(|id| id.verb() == "load");
    !results.iter().any(|result| result.unlimited) || !(runs_in_daemon() || sandbox_limits_memory())
}

/// Fails if a test of the image failed. `earlier` is whether the tests ran in an earlier run.
pub fn failed_tests(context: &Context<'_>, step: &Step, outcome: &Outcome, earlier: bool) -> Result<(), Error> {
    let (Action::Test { image, tests }, Outcome::Tested(results)) = (&step.action, outcome) else { return Ok(()) };
    let spec = context.image(image)?;
    let when = if earlier { TestedWhen::Earlier } else { TestedWhen::Now };
    failure(spec, results, tests.len(), &context.workspace.paths.logs(image), when).map_or(Ok(()), Err)
}

/// Returns the error of an image that fails tests; None if all passed.
fn failure(spec: &ImageSpec, results: &[TestResult], total: usize, logs: &Path, when: TestedWhen) -> Option<Error> {
    let failed: Vec<TestResult> = results.iter().filter(|result| !result.passed()).cloned().collect();
    let first = failed.first()?;
    let place = spec.tests.iter().find(|test| test.name.as_str() == first.test).map(|test| &test.place);
    let message = format!("the image `{}` {}", spec.name, failures::describe(&failed, total));
    let help = failures::help(spec.name.as_str(), &failed, logs, when);
    Some(Error::new(ErrorKind::Test, message).at(place.unwrap_or(&spec.place)).with_help(help))
}

/// Returns the next test that no other worker has taken.
fn pick<'t>(next: &AtomicUsize, tests: &[&'t TestSpec]) -> Option<(usize, &'t TestSpec)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, tests.get(index)?))
}
