//! Runs the program where no daemon answers, and compares the documents with the source.
//!
//! These tests need Rust alone. Tests that need a daemon or another tool are in `tests/e2e`.

mod architecture;
mod doctor;
mod documents;
mod ebuilds;
mod english;
mod file_errors;
mod foreign_text;
mod layers;
mod manifest_errors;
mod new;
mod new_xtask;
mod reference;
#[allow(dead_code, reason = "tests/e2e uses the rest")]
mod support;
mod unbounded;
mod workspace_errors;

/// The program under test.
fn xtask_path() -> &'static str {
    env!("CARGO_BIN_EXE_xtask")
}

/// The engine of the program under test: none of these tests opens a builder.
fn engine() -> String {
    "docker".to_owned()
}
