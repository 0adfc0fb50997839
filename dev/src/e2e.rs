//! `cargo dev e2e`: the end-to-end tests, with a list of the slowest and the reasons of failures at the end.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::run::{Failed, Parts, cargo, ended, not_started, repository};
use crate::times;

/// Lines of a failed test's output that are repeated at the end of all.
const REPEATED: usize = 25;

/// Runs the tests whose names contain one of the filters, or all of them.
pub(crate) fn e2e(filters: &[&str]) -> Result<(), Failed> {
    // With the variable set, as in `.ci/run`, the file has the times of other tests too.
    let path = match std::env::var_os(times::FILE) {
        Some(path) => PathBuf::from(path),
        None => {
            let path = repository().join("target/e2e-times");
            drop(fs::remove_file(&path));
            path
        }
    };
    let mut parts = Parts::default();
    let mut failures = Failures::default();
    let result = parts.part("end-to-end tests", || {
        let arguments = [&["test", "--no-fail-fast", "--package", "e2e", "--"][..], filters].concat();
        run_tests(cargo(&arguments).env(times::FILE, &path), &mut failures)
    });
    if path.exists() {
        times::print_slowest(&path)?;
    }
    failures.print();
    result
}

/// Runs the tests to their end, and passes on each line when it comes.
fn run_tests(command: &mut Command, failures: &mut Failures) -> Result<(), Failed> {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| not_started(command, &error))?;
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).split(b'\n');
    for line in lines.map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        failures.push(&line);
    }
    ended(command, child.wait().map_err(|error| not_started(command, &error))?)
}

/// The end of each failed test's output, up to the backtrace. A log of CI is often cut in its middle, where libtest prints it.
#[derive(Default)]
struct Failures {
    of_tests: Vec<Vec<String>>,
    inside: bool,
}

impl Failures {
    fn push(&mut self, line: &str) {
        if line.starts_with("---- ") && line.ends_with(" stdout ----") {
            self.inside = true;
            self.of_tests.push(Vec::new());
        } else if line == "failures:" || line == "stack backtrace:" {
            self.inside = false;
        }
        if let Some(lines) = self.of_tests.last_mut()
            && self.inside
            && !line.is_empty()
        {
            // The first line has the test's name.
            if lines.len() > REPEATED {
                lines.remove(1);
            }
            lines.push(line.to_owned());
        }
    }

    fn print(&self) {
        if !self.of_tests.is_empty() {
            eprintln!("\nThe last {REPEATED} lines of each failure:");
        }
        self.of_tests.iter().flatten().for_each(|line| eprintln!("{line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_each_failure_is_repeated() {
        let long = "more\n".repeat(REPEATED);
        let output = format!(
            "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\nfirst\n\n{long}why\nstack backtrace:\n  at b\n\n\
             ---- b stdout ----\nsecond\n\nfailures:\n    a\n"
        );
        let mut failures = Failures::default();
        output.lines().for_each(|line| failures.push(line));
        let expected =
            [vec!["---- a stdout ----"], vec!["more"; REPEATED - 1], vec!["why", "---- b stdout ----", "second"]];
        assert_eq!(failures.of_tests.concat(), expected.concat());
    }
}
