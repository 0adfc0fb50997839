//! `cargo dev ebuilds`: moves ebuilds to newer revisions of Debian's source packages.
//!
//! It reads the signed indexes of Debian's source packages. An ebuild stays in the release of Debian that it is of, unless
//! `--suite` names another. Without `--write`, nothing changes.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is its only output")]

mod arguments;
mod decision;
mod ebuild;
mod manifest;
mod mirror;
#[cfg(test)]
mod tests;
mod write;

use std::path::Path;
use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::decision::{Decision, decide};
use crate::mirror::Mirror;

/// The repositories of this one, from its root on.
const TREES: [&str; 2] = ["workspace-crates/ebuilds/tree", "images/overlay"];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("it is two folders below the root");
    match Arguments::parse(&words).and_then(|arguments| run(root, &arguments)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("error: ebuilds that cannot be moved: {failed}");
            ExitCode::FAILURE
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Prints a line for each ebuild. Returns the number of those that cannot be moved.
fn run(root: &Path, arguments: &Arguments) -> Result<usize, String> {
    let mut ebuilds = ebuild::read(root, &TREES)?;
    ebuilds.retain(|ebuild| arguments.selects(&ebuild.package));
    if ebuilds.is_empty() {
        return Err(format!("no ebuild of a Debian source is called {}", arguments.packages.join(" or ")));
    }
    let mirror = Mirror::new(arguments)?;
    let offers = mirror.offers(&arguments.suites, &|name| ebuilds.iter().any(|ebuild| ebuild.source.name == name))?;
    let mut failed = 0;
    for ebuild in &ebuilds {
        let decision = decide(ebuild, &offers, arguments.follow);
        println!("{}", decision.line(ebuild));
        match decision {
            Decision::Current | Decision::Gone => {}
            Decision::ByHand { .. } => failed += usize::from(arguments.write),
            Decision::Move(target) if arguments.write => {
                if let Err(reason) = write::apply(ebuild, &target, &|offer, file| mirror.file(offer, file)) {
                    eprintln!("error: {}: {reason}", ebuild.package);
                    failed += 1;
                }
            }
            Decision::Move(_) => {}
        }
    }
    if !arguments.write {
        println!("Run again with --write to change the ebuilds and their Manifests.");
    }
    Ok(failed)
}
