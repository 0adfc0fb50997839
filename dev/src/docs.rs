//! `cargo dev docs`: the generated references and the book.

use std::process::Command;

use crate::run::{Failed, cargo, repository, run, succeeds};

/// Rewrites the references with the tests that otherwise compare them, then builds the book if mdbook is installed.
pub(crate) fn docs() -> Result<(), Failed> {
    run(cargo(&["test", "--quiet"]).env("TIERCE_UPDATE", "1"))?;
    if !succeeds("mdbook", &["--version"]) {
        eprintln!("skipped the book: mdbook is not installed");
        return Ok(());
    }
    run(Command::new("mdbook").args(["build", "docs"]).current_dir(repository()))
}
