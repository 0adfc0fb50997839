//! Recompiles the crate after a file of the repository was added or removed: `include_dir!` sees only changed ones.

fn main() {
    #![allow(clippy::print_stdout)] // Cargo reads it.
    println!("cargo::rerun-if-changed=tree");
}
