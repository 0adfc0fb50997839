//! `cargo dev ebuilds`: a program of its own, as it needs the crates that read Debian's indexes.

use crate::run::{Failed, cargo, run};

/// Runs the program with these arguments.
pub(crate) fn ebuilds(arguments: &[&str]) -> Result<(), Failed> {
    let mut command = cargo(&["run", "--quiet", "--package", "dev-ebuilds", "--"]);
    run(command.args(arguments))
}
