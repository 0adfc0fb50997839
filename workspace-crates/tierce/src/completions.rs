//! `cargo xtask completions` and `cargo xtask man`: texts generated from the definition of the command line.

use anstyle::AnsiColor;
use clap::{Command, CommandFactory};
use clap_complete::Shell as Generator;
use clap_mangen::Man;
use tierce_execute::write_file;

use crate::cli::{Cli, ManArgs, Shell};
use crate::terminal::Terminal;
use crate::{Failure, invocation, print};

/// Prints a shell's completions for `cargo xtask`, and for `xtask` as an alias or a function.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    Ok(print(&script(shell))?)
}

fn script(shell: Shell) -> String {
    let (generator, ours) = match shell {
        Shell::Bash => (Generator::Bash, include_str!("completions/bash.sh")),
        Shell::Zsh => (Generator::Zsh, include_str!("completions/zsh.zsh")),
        Shell::Fish => (Generator::Fish, include_str!("completions/fish.fish")),
    };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut Cli::command(), "xtask", &mut script);
    String::from_utf8_lossy(&script).into_owned() + &ours.replace("@IMAGES@", &commands_of_images().join(" "))
}

/// The commands whose first argument names an image of the workspace.
fn commands_of_images() -> Vec<String> {
    let command = Cli::command();
    let names_image = |command: &&Command| {
        let names = command.get_positionals().next().and_then(|argument| argument.get_value_names());
        names.is_some_and(|names| names.iter().any(|name| name.split('|').any(|name| name == "IMAGE")))
    };
    command.get_subcommands().filter(names_image).map(|command| command.get_name().to_owned()).collect()
}

/// Writes a manual page for each command, `tierce-image.1` for `cargo xtask image`.
pub(crate) fn man(arguments: &ManArgs, terminal: &Terminal) -> Result<(), Failure> {
    let pages = pages()?;
    for (name, page) in &pages {
        write_file(&arguments.folder.as_std_path().join(name), page)?;
    }
    let count = pages.len();
    terminal.status(AnsiColor::Green, "Created", &format!("{count} manual pages in {}", arguments.folder));
    Ok(())
}

/// Returns every page with its file name.
fn pages() -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut command = invocation::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    let mut open = vec![command];
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().filter(|command| !command.is_hide_set()).cloned());
        let man = Man::new(command).manual("Tierce");
        let mut page = Vec::new();
        man.render(&mut page)?;
        pages.push((man.get_filename(), page));
    }
    pages.sort();
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn each_command_has_a_page() {
        let Ok(pages) = pages() else { panic!("memory takes everything") };
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"tierce.1") && names.contains(&"tierce-debug-cp.1"), "{names:?}");
        let images = commands_of_images();
        assert!(
            ["image", "update", "verify", "why"].iter().all(|name| images.iter().any(|image| image == name)),
            "{images:?}"
        );
        assert!(!images.iter().any(|image| image == "debug"), "{images:?}");
    }

    #[test]
    fn completions_name_every_command() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            assert!(!script.contains("@IMAGES@"), "{shell:?}");
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell:?} lacks {}", command.get_name());
            }
        }
    }
}
