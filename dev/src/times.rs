//! The times of single tests.
//!
//! libtest's own `--report-time` is unstable. For the tests without a daemon, this module reads the output of a run with one
//! thread, where libtest writes a test's name before the test starts. The end-to-end tests run side by side and record their
//! times themselves (`tests/e2e/times.rs`).

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Instant;

use crate::run::{Failed, cargo, shown};

/// The variable with the file of the times: a line a test, with its seconds and its name.
pub(crate) const FILE: &str = "TIERCE_TEST_TIMES";

/// The number of tests in the list of the slowest.
const SLOWEST: usize = 20;

/// Runs `cargo test` with these arguments, and adds the time of each test to the file that the variable names, if it is set.
pub(crate) fn test(arguments: &[&str]) -> Result<(), Failed> {
    let mut command = cargo(arguments);
    let failed = |error: io::Error| Failed(format!("failed to run `cargo test`: {error}"));
    let (reader, writer) = io::pipe().map_err(failed)?;
    // One pipe for both streams: cargo's lines on stderr name the crate of the tests that follow.
    command.env("RUST_TEST_THREADS", "1").stdout(writer.try_clone().map_err(failed)?).stderr(writer);
    let mut child = command.spawn().map_err(failed)?;
    let name = shown(&command);
    // The command holds the writing end; the reader ends with the last one.
    drop(command);
    let times = read(reader, io::stderr()).map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    if let Some(path) = std::env::var_os(FILE) {
        append(Path::new(&path), &times).map_err(failed)?;
    }
    match status.success() {
        true => Ok(()),
        false => Err(Failed(format!("`{name}` failed ({status})"))),
    }
}

/// Copies the output of `cargo test`, and returns the time of each test with the name of its crate.
fn read(mut output: impl Read, mut copy: impl Write) -> io::Result<Vec<(f64, String)>> {
    let mut times = Vec::new();
    let (mut binary, mut line, mut started) = (String::new(), String::new(), None);
    let mut buffer = [0; 4096];
    loop {
        let length = output.read(&mut buffer)?;
        if length == 0 {
            return Ok(times);
        }
        copy.write_all(&buffer[..length])?;
        copy.flush()?;
        for piece in String::from_utf8_lossy(&buffer[..length]).split_inclusive('\n') {
            line.push_str(piece);
            if line.ends_with(" ... ") {
                started = Some(Instant::now());
            }
            if line.ends_with('\n') {
                match (test_name(&line), started.take()) {
                    (Some(name), Some(started)) => {
                        times.push((started.elapsed().as_secs_f64(), format!("{binary} {name}")))
                    }
                    _ => binary = binary_name(&line).unwrap_or(binary),
                }
                line.clear();
            }
        }
    }
}

/// The name in libtest's `test NAME ... ok`.
fn test_name(line: &str) -> Option<&str> {
    Some(line.strip_prefix("test ")?.split_once(" ... ")?.0)
}

/// The name in cargo's `Running unittests src/lib.rs (target/debug/deps/NAME-0123456789abcdef)` or `Doc-tests NAME`.
fn binary_name(line: &str) -> Option<String> {
    let line = line.trim();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(name.to_owned());
    }
    let path = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit('/').next()?;
    Some(path.rsplit_once('-')?.0.to_owned())
}

fn append(path: &Path, times: &[(f64, String)]) -> io::Result<()> {
    let lines: String = times.iter().map(|(seconds, name)| format!("{seconds:.3} {name}\n")).collect();
    OpenOptions::new().create(true).append(true).open(path)?.write_all(lines.as_bytes())
}

/// Prints the slowest tests of a file of times.
pub(crate) fn print_slowest(path: &Path) -> Result<(), Failed> {
    let text =
        fs::read_to_string(path).map_err(|error| Failed(format!("failed to read {}: {error}", path.display())))?;
    let mut times = parse(&text);
    times.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    eprintln!("\n{:>8}  the slowest {} of {} tests", "seconds", SLOWEST.min(times.len()), times.len());
    for (seconds, name) in times.iter().take(SLOWEST) {
        eprintln!("{seconds:>8.1}  {name}");
    }
    Ok(())
}

fn parse(text: &str) -> Vec<(f64, &str)> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(time, name)| Some((time.parse().ok()?, name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one piece a read, as a pipe does.
    struct Pieces(Vec<&'static str>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            (&mut self.0.remove(0).as_bytes()).read(buffer)
        }
    }

    #[test]
    fn each_test_has_a_time_and_binary() {
        let output = Pieces(vec![
            "   Compiling tierce-elf v0.1.0\n     Running unittests src/lib.rs (target/debug/deps/tierce_elf-0123)\n\nrunning 2 tests\n",
            "test read::one ... ",
            "ok\ntest read::two ... ",
            "FAILED\n",
            "\ntest result: FAILED. 1 passed; 1 failed\n\n   Doc-tests tierce_elf\ntest src/lib.rs - (line 3) ... ",
            "ok\n",
        ]);
        let mut copy = Vec::new();
        let times = read(output, &mut copy).expect("it can be read");
        let names: Vec<&str> = times.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(names, ["tierce_elf read::one", "tierce_elf read::two", "tierce_elf src/lib.rs - (line 3)"]);
        assert!(copy.ends_with(b"(line 3) ... ok\n"));
    }

    #[test]
    fn damaged_lines_of_times_are_skipped() {
        assert_eq!(parse("1.5 a b\nx y\n\n0.250 c\n"), [(1.5, "a b"), (0.25, "c")]);
    }
}
