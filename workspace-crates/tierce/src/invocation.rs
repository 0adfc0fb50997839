//! The command by which the user started this program: `cargo xtask` in a workspace, or the installed `cargo tierce`.

use std::borrow::Cow;
use std::sync::OnceLock;

use clap::{Command, CommandFactory};

use crate::cli::Cli;

/// The command in the texts of all crates.
const XTASK: &str = "cargo xtask";
const TIERCE: &str = "cargo tierce";

/// Set in the process of `cargo tierce`. The command is a fact of the process, as its environment is.
static IS_TIERCE: OnceLock<()> = OnceLock::new();

/// From here on, texts name `cargo tierce`.
pub(crate) fn set_tierce() {
    IS_TIERCE.get_or_init(|| ());
}

/// Whether this is `cargo tierce`.
pub(crate) fn is_tierce() -> bool {
    IS_TIERCE.get().is_some()
}

/// The text with the command that the user typed.
pub(crate) fn named(text: &str) -> Cow<'_, str> {
    match is_tierce() && text.contains(XTASK) {
        true => text.replace(XTASK, TIERCE).into(),
        false => text.into(),
    }
}

/// The command line's definition, whose help has the command that the user typed.
pub(crate) fn command() -> Command {
    let command = Cli::command();
    if is_tierce() { renamed(command).bin_name(TIERCE) } else { command }
}

fn renamed(mut command: Command) -> Command {
    let text = |help: Option<&clap::builder::StyledStr>| help.map(|help| help.to_string().replace(XTASK, TIERCE));
    if let Some(about) = text(command.get_about()) {
        command = command.about(about);
    }
    if let Some(about) = text(command.get_long_about()) {
        command = command.long_about(about);
    }
    if let Some(help) = text(command.get_after_help()) {
        command = command.after_help(help);
    }
    command
        .mut_args(move |argument| match text(argument.get_help()) {
            Some(help) => argument.help(help),
            None => argument,
        })
        .mut_subcommands(renamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(command: &mut Command) -> String {
        let mut text = command.render_long_help().to_string();
        for command in command.get_subcommands_mut() {
            text += &help(command);
        }
        text
    }

    #[test]
    fn renamed_help_never_names_the_xtask() {
        let mut command = renamed(Cli::command()).bin_name(TIERCE);
        command.build();
        let text = help(&mut command);
        assert!(text.contains("Usage: cargo tierce debug cp"), "{text}");
        assert!(text.contains("docker run --rm $(cargo tierce image hello)"), "{text}");
        assert!(!text.contains(XTASK), "{text}");
    }
}
