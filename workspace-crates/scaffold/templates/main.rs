//! `cargo xtask`: everything is in the library, here as in any other workspace.

fn main() -> std::process::ExitCode {
    tierce::main()
}
