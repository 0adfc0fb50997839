//! What is said of an image that fails its tests.

use std::fmt;
use std::path::PathBuf;

use tierce_manifest::Place;
use tierce_plan::TestResult;

/// An image that is not what its tests expect.
#[derive(Debug)]
pub struct FailedTests {
    /// The image.
    pub image: String,
    /// The tests that failed, at least one.
    pub failed: Vec<TestResult>,
    /// How many ran.
    pub total: usize,
    /// The table of the first of them.
    pub place: Place,
    /// All that its container wrote.
    pub log: PathBuf,
    /// In which run.
    pub when: TestedWhen,
}

/// In which run an image has failed its tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestedWhen {
    /// In this one, which would have named it.
    Now,
    /// In an earlier one, and nothing has changed since.
    Earlier,
    /// In this one, which was for the tests alone.
    OnItsOwn,
}

impl fmt::Display for FailedTests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the image `{}` {}", self.image, describe(&self.failed, self.total))
    }
}

impl std::error::Error for FailedTests {}

impl FailedTests {
    /// What becomes of the image, and where to read on.
    pub(super) fn help(&self) -> String {
        let log = match self.failed.len() {
            1 => format!("the whole log is {}", self.log.display()),
            _ => format!("the whole logs are {}", self.log.with_file_name("test.*.log").display()),
        };
        match self.when {
            TestedWhen::OnItsOwn => log,
            TestedWhen::Now => format!("the image gets no name; {log}"),
            TestedWhen::Earlier => format!(
                "the image gets no name, as nothing has changed since it failed; `cargo xtask test {}` tests it again; {log}",
                self.image
            ),
        }
    }
}

/// The failed tests by name, and below that what was not as expected of each, and the last that its container wrote.
fn describe(failed: &[TestResult], total: usize) -> String {
    let names: Vec<String> = failed.iter().map(|result| format!("`{}`", result.test)).collect();
    let mut text = match failed.len() {
        1 => format!("fails its test {}", names.join("")),
        several => format!("fails {several} of {total} tests: {}", names.join(", ")),
    };
    for result in failed {
        let whose = if failed.len() == 1 { String::new() } else { format!("{}: ", result.test) };
        result.problems.iter().for_each(|problem| text.push_str(&format!("\n  {whose}{problem}")));
        if !result.output.is_empty() {
            text.push_str(&format!("\n  {whose}the last that it wrote:"));
        }
        result.output.iter().for_each(|line| text.push_str(&format!("\n  | {line}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn failed(test: &str, problems: &[&str], output: &[&str]) -> TestResult {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        TestResult { test: test.into(), took: Duration::ZERO, problems: texts(problems), output: texts(output) }
    }

    #[test]
    fn one_failure_needs_no_names() {
        let text = describe(&[failed("draws", &["it ended with exit code 1, expected 0"], &["a", "b"])], 3);
        assert_eq!(
            text,
            "fails its test `draws`\n  it ended with exit code 1, expected 0\n  the last that it wrote:\n  | a\n  | b"
        );
        let text = describe(&[failed("a", &["x", "y"], &[]), failed("b", &["z"], &["c"])], 3);
        assert_eq!(text, "fails 2 of 3 tests: `a`, `b`\n  a: x\n  a: y\n  b: z\n  b: the last that it wrote:\n  | c");
    }
}
