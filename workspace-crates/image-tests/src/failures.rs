//! The message and the help of an image that fails its tests.

use std::path::{Path, PathBuf};

use tierce_plan::TestResult;

/// The run in which an image failed its tests.
#[derive(Clone, Copy)]
pub(crate) enum TestedWhen {
    /// This run, which would have tagged the image.
    Now,
    /// An earlier run; nothing has changed since.
    Earlier,
    /// This run of `test`, which tags no image.
    OnItsOwn,
}

/// The path of a test's log.
pub(crate) fn log_path(folder: &Path, test: &str) -> PathBuf {
    folder.join(format!("test.{test}.log"))
}

/// Returns the consequence for the image and the paths of the logs.
pub(crate) fn help(image: &str, failed: &[TestResult], logs: &Path, when: TestedWhen) -> String {
    let log = match failed {
        [only] => format!("the whole log is {}", log_path(logs, &only.test).display()),
        _ => format!("the whole logs are {}", log_path(logs, "*").display()),
    };
    match when {
        TestedWhen::OnItsOwn => log,
        TestedWhen::Now => format!("the image gets no name; {log}"),
        TestedWhen::Earlier => format!(
            "the image gets no name, as nothing has changed since it failed; `cargo xtask test {image}` tests it again; {log}"
        ),
    }
}

/// Lists the failed tests by name. Below each test come the differences from the expected result and its last output.
pub(crate) fn describe(failed: &[TestResult], total: usize) -> String {
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
        let (problems, output) = (texts(problems), texts(output));
        TestResult { test: test.into(), took: Duration::ZERO, problems, output, unlimited: false }
    }

    #[test]
    fn single_failure_omits_test_name() {
        let text = describe(&[failed("draws", &["it ended with exit code 1, expected 0"], &["a", "b"])], 3);
        assert_eq!(
            text,
            "fails its test `draws`\n  it ended with exit code 1, expected 0\n  the last that it wrote:\n  | a\n  | b"
        );
        let text = describe(&[failed("a", &["x", "y"], &[]), failed("b", &["z"], &["c"])], 3);
        assert_eq!(text, "fails 2 of 3 tests: `a`, `b`\n  a: x\n  a: y\n  b: z\n  b: the last that it wrote:\n  | c");
    }
}
