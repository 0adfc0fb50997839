//! `cargo xtask test`

use std::path::PathBuf;

use anstyle::AnsiColor;
use serde::Serialize;
use tierce_execute::{Error, ImageTests};

use crate::call::Call;
use crate::cli::{Format, TestArgs};
use crate::data::json as pretty;
use crate::terminal::seconds;
use crate::{Failure, print};

/// Runs the tests of images, even those that passed before.
pub(crate) fn run(arguments: &TestArgs, call: &Call<'_>) -> Result<(), Failure> {
    let terminal = call.terminal;
    let session = call.session(arguments.jobs)?;
    let mut images = session.images(&arguments.images)?;
    // Skips images without tests, unless the user names them.
    images.retain(|image| !image.tests.is_empty() || !arguments.images.is_empty());
    let tests = session.test(&images, &arguments.only, &|event| terminal.show(event))?;
    terminal.close();
    for image in images.iter().filter(|image| image.tests.is_empty()) {
        terminal.warning(&format!("the image `{}` has no tests", image.name));
    }
    print(&match arguments.format {
        Format::Text => lines(&tests),
        Format::Json => pretty(&data(&tests)) + "\n",
    })?;
    let spec = |tests: &ImageTests| images.iter().find(|image| image.name.as_str() == tests.image);
    let mut failures: Vec<Error> = tests.iter().filter_map(|tests| tests.failure(spec(tests)?)).collect();
    let Some(last) = failures.pop() else {
        let count: usize = tests.iter().map(|image| image.tests.len()).sum();
        terminal.status(AnsiColor::Green, "Passed", &format!("{count} of {count} tests"));
        return Ok(());
    };
    for failure in failures {
        terminal.raw(&Failure::Run(failure).text(terminal.has_colour()));
    }
    Err(last.into())
}

/// Formats a line for each test.
fn lines(all: &[ImageTests]) -> String {
    let rows = all.iter().flat_map(|image| image.tests.iter().map(move |test| (&image.image, test)));
    let (first, second) = (
        rows.clone().map(|(image, _)| image.len()).max().unwrap_or(0),
        rows.clone().map(|(_, test)| test.test.len()).max().unwrap_or(0),
    );
    let line = |(image, test): (&String, &tierce_plan::TestResult)| {
        let word = if test.passed() { "passed" } else { "failed" };
        format!("{image:first$}  {:second$}  {word}  {}\n", test.test, seconds(test.took))
    };
    rows.map(line).collect()
}

/// One test of an image.
#[derive(Serialize)]
pub(crate) struct TestReport {
    /// The image.
    image: String,
    /// The test's name.
    test: String,
    /// Whether it passed.
    passed: bool,
    /// Its duration in seconds.
    seconds: f64,
    /// The differences from the expected result, a line each; empty if it passed.
    problems: Vec<String>,
    /// The last lines of the container's output, if it failed.
    output: Vec<String>,
    /// The file with the container's whole output.
    log: PathBuf,
}

/// The same lines as data.
fn data(all: &[ImageTests]) -> Vec<TestReport> {
    let one = |image: &ImageTests, test: &tierce_plan::TestResult| TestReport {
        image: image.image.clone(),
        test: test.test.clone(),
        passed: test.passed(),
        seconds: test.took.as_secs_f64(),
        problems: test.problems.clone(),
        output: test.output.clone(),
        log: image.log(&test.test),
    };
    all.iter().flat_map(|image| image.tests.iter().map(move |test| one(image, test))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tierce_plan::TestResult;

    #[test]
    fn tests_are_rows_and_data() {
        let result = |test: &str, problems: &[&str]| TestResult {
            test: test.into(),
            took: Duration::from_millis(420),
            problems: problems.iter().map(|&problem| problem.to_owned()).collect(),
            output: Vec::new(),
            unlimited: false,
        };
        let image = |name: &str, tests| ImageTests { image: name.into(), tests, logs: "/logs".into() };
        let all = [
            image("hello", vec![result("prints", &[])]),
            image("web", vec![result("a", &["it ended with exit code 1, expected 0"]), result("b", &[])]),
        ];
        insta::assert_snapshot!(lines(&all), @r"
        hello  prints  passed  0.42s
        web    a       failed  0.42s
        web    b       passed  0.42s
        ");
        let data = serde_json::json!(data(&all));
        assert_eq!(data[1]["problems"][0], "it ended with exit code 1, expected 0");
        assert_eq!((&data[1]["passed"], &data[0]["log"]), (&false.into(), &"/logs/test.prints.log".into()));
        assert_eq!(data[2]["seconds"], 0.42);
    }
}
