//! `cargo dev`: the commands of people who work on Tierce.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is its only output")]

mod bench;
mod check;
mod docs;
mod e2e;
mod ebuilds;
mod run;
mod setup;
mod times;

use std::process::ExitCode;

use crate::run::Failed;

const USAGE: &str = "\
The commands of people who work on Tierce

Usage: cargo dev <COMMAND>

Commands:
  check              formatting, lints, documentation, tests without a daemon, packages of the crates
  docs               rewrite the generated references; build the book if mdbook is installed
  e2e [FILTER…]      the end-to-end tests whose names contain a FILTER; they need a daemon
  ebuilds [OPTION…]  move ebuilds to newer revisions of Debian's sources; --write changes them
  setup [--dry-run]  install the tools of the end-to-end tests with apt (Debian, Ubuntu)
  bench [ARGUMENT…]  the benchmarks in the profile of `cargo xtask`; arguments go to cargo bench

CONTRIBUTING.md describes them.";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["check"] => check::check(),
        ["docs"] => docs::docs(),
        ["e2e", ref filters @ ..] => e2e::e2e(filters),
        ["ebuilds", ref arguments @ ..] => ebuilds::ebuilds(arguments),
        ["setup"] => setup::setup(false),
        ["setup", "--dry-run"] => setup::setup(true),
        ["bench", ref arguments @ ..] => bench::bench(arguments),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(reason)) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}
