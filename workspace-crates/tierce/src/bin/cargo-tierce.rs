//! `cargo tierce`: the xtask's commands, installed by `cargo install tierce`.

fn main() -> std::process::ExitCode {
    tierce::cargo_subcommand()
}
