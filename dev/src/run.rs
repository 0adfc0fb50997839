//! Programs that `cargo dev` starts, and the parts that it times.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The failure of a command, for its last line.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) String);

/// This repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a member's folder is inside of the repository")
}

/// Returns the same toolchain's cargo, in the repository.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(repository());
    // Cargo sets these for `cargo dev`. With them, cargo would compile some dependencies again.
    for name in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "CARGO_PKG_NAME"] {
        command.env_remove(name);
    }
    command
}

/// Formats the command as a user types it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Runs a command to its end. Its output is the terminal's.
pub(crate) fn run(command: &mut Command) -> Result<(), Failed> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    ended(command, status)
}

/// The error of a command that does not start.
pub(crate) fn not_started(command: &Command, error: &std::io::Error) -> Failed {
    Failed(format!("failed to start `{}`: {error}", shown(command)))
}

/// Returns the error of a command that failed.
pub(crate) fn ended(command: &Command, status: ExitStatus) -> Result<(), Failed> {
    match status.success() {
        true => Ok(()),
        false => Err(Failed(format!("`{}` failed ({status})", shown(command)))),
    }
}

/// Whether a program starts and succeeds; discards its output.
pub(crate) fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The parts of a command, each with its time.
#[derive(Default)]
pub(crate) struct Parts {
    done: Vec<(&'static str, Duration)>,
}

impl Parts {
    /// Runs a part between two lines with its name.
    pub(crate) fn part(&mut self, name: &'static str, work: impl FnOnce() -> Result<(), Failed>) -> Result<(), Failed> {
        eprintln!("\n=== {name}");
        let started = Instant::now();
        let result = work();
        let took = started.elapsed();
        let how = if result.is_ok() { "done" } else { "failed" };
        eprintln!("=== {name}: {how} after {:.1} s", took.as_secs_f64());
        self.done.push((name, took));
        result
    }

    /// Prints the time of each part.
    pub(crate) fn print(&self) {
        eprintln!("\n{:>8}  part", "seconds");
        for (name, took) in &self.done {
            eprintln!("{:>8.1}  {name}", took.as_secs_f64());
        }
    }
}
