//! Tests of images, from outside: each runs a container of its own, without anything in it that the image does not have.

mod container;
mod expect;
mod files;
mod service;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tierce_manifest::{ImageSpec, TestInput, TestSpec};
use tierce_plan::{Action, Outcome, Step, StepId, TestResult};

use crate::error::{FailedTests, TestedWhen};
use crate::executor::{Executor, missing_input};
use crate::image_tests::container::Trial;
use crate::places::Places;
use crate::progress::{Event, Unit};
use crate::run::{Inputs, Results};
use crate::{Error, declared, files as host_files};

/// How many containers are tested at once at most: more of them disturb each other's times.
const SIDE_BY_SIDE: usize = 4;
/// How many of the last lines of a container's output an error shows.
const LAST_LINES: usize = 10;

/// What came of an image's tests.
#[derive(Clone, Debug)]
pub struct ImageTests {
    /// The image.
    pub image: String,
    /// The tests that ran, in the order of their names.
    pub tests: Vec<TestResult>,
    /// The folder with a log of each.
    pub logs: PathBuf,
}

impl ImageTests {
    /// What a run has come to for this image; none if no test of it ran.
    pub(crate) fn of(spec: &ImageSpec, results: &Results, places: &Places) -> Option<ImageTests> {
        let is_of_image = |id: &StepId| id.verb() == "test" && id.as_str().ends_with(&format!(" {}", spec.name));
        let (_, outcome) = results.outcomes.iter().find(|(id, _)| is_of_image(id))?;
        let Outcome::Tested(tests) = outcome else { return None };
        let logs = places.logs(spec.name.as_str());
        Some(ImageTests { image: spec.name.to_string(), tests: tests.clone(), logs })
    }

    /// Where all lies that the container of one of them wrote.
    pub fn log(&self, test: &str) -> PathBuf {
        log_path(&self.logs, test)
    }

    /// The error that says which of them failed; none if they passed.
    pub fn failure(&self, spec: &ImageSpec) -> Option<Error> {
        failure(spec, &self.tests, self.tests.len(), &self.logs, TestedWhen::OnItsOwn)
    }
}

impl Executor<'_> {
    /// Runs tests of a loaded image, several at once. That some fail is a result as well.
    pub(crate) fn test(&self, step: &Step, image: &str, tests: &[String], inputs: &Inputs) -> Result<Outcome, Error> {
        let spec = self.image(image)?;
        let id = loaded(inputs)?;
        let chosen: Vec<&TestSpec> =
            spec.tests.iter().filter(|test| tests.iter().any(|name| name == test.name.as_str())).collect();
        let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let results: Mutex<Vec<(usize, Result<TestResult, Error>)>> = Mutex::default();
        let work = || {
            while let Some((index, test)) = pick(&next, &chosen) {
                let result = self.one_test(spec, test, id);
                if let Ok(result) = &result {
                    (self.observer)(Event::Tested { image: image.to_owned(), result: result.clone() });
                }
                (self.observer)(Event::Progress {
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
            let workers = self.session.options.jobs.clamp(1, SIDE_BY_SIDE).min(chosen.len());
            (0..workers).for_each(|_| drop(scope.spawn(work)));
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(index, _)| *index);
        Ok(Outcome::Tested(results.into_iter().map(|(_, result)| result).collect::<Result<_, _>>()?))
    }

    fn one_test(&self, spec: &ImageSpec, test: &TestSpec, id: &str) -> Result<TestResult, Error> {
        let start = Instant::now();
        let trial = Trial::run(self, spec, test, id)?;
        let log = log_path(&self.session.places.logs(spec.name.as_str()), test.name.as_str());
        host_files::write(&log, &trial.output.log)?;
        let output = if trial.problems.is_empty() { Vec::new() } else { trial.output.last_lines(LAST_LINES) };
        Ok(TestResult { test: test.name.to_string(), took: start.elapsed(), problems: trial.problems, output })
    }

    /// What is said of an image that fails tests; nothing if it passes them. `earlier`: whether they ran in an earlier run.
    pub(crate) fn failed_tests(&self, step: &Step, outcome: &Outcome, earlier: bool) -> Result<(), Error> {
        let (Action::Test { image, tests }, Outcome::Tested(results)) = (&step.action, outcome) else { return Ok(()) };
        let spec = self.image(image)?;
        let when = if earlier { TestedWhen::Earlier } else { TestedWhen::Now };
        failure(spec, results, tests.len(), &self.session.places.logs(image), when).map_or(Ok(()), Err)
    }
}

/// The error for an image that fails tests.
fn failure(spec: &ImageSpec, results: &[TestResult], total: usize, logs: &Path, when: TestedWhen) -> Option<Error> {
    let failed: Vec<TestResult> = results.iter().filter(|result| !result.passed()).cloned().collect();
    let first = failed.first()?;
    let place = spec.tests.iter().find(|test| test.name.as_str() == first.test).map(|test| &test.place);
    Some(Error::Tests(Box::new(FailedTests {
        image: spec.name.to_string(),
        place: place.unwrap_or(&spec.place).clone(),
        log: log_path(logs, &first.test),
        failed,
        total,
        when,
    })))
}

/// The log of one test.
fn log_path(folder: &Path, test: &str) -> PathBuf {
    folder.join(format!("test.{test}.log"))
}

/// The next test that nobody has taken.
fn pick<'t>(next: &AtomicUsize, tests: &[&'t TestSpec]) -> Option<(usize, &'t TestSpec)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, tests.get(index)?))
}

/// The daemon's name of the image that the step before has loaded.
fn loaded(inputs: &Inputs) -> Result<&str, Error> {
    let id = inputs.values().find_map(|outcome| match outcome {
        Outcome::Delivered { id, .. } => Some(id.as_str()),
        _ => None,
    });
    id.ok_or_else(|| missing_input("loaded image"))
}

/// The bytes that are given to a program or a service.
fn input_bytes(input: &TestInput) -> Result<Vec<u8>, Error> {
    match input {
        TestInput::Text(text) => Ok(text.clone().into_bytes()),
        TestInput::File(path) => {
            let host = declared::file(path)?;
            fs::read(&host).map_err(|error| Error::file("read", &host, error))
        }
    }
}
