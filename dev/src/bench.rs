//! `cargo dev bench`: the benchmarks in the profile that users have.

use crate::run::{Failed, cargo, run};

/// Runs `cargo bench` with these further arguments, such as `-p tierce-oci` or `-p xtask --bench peers -- idle`.
pub(crate) fn bench(arguments: &[&str]) -> Result<(), Failed> {
    run(&mut cargo(&[&["bench", "--profile", "xtask"][..], arguments].concat()))
}
