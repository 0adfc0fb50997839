//! `cargo xtask shell`

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anstyle::AnsiColor;
use tierce_debug::{Error, Outcome};
use tierce_docker::Ending;
use tierce_execute::{Shell, ShellOptions};

use crate::cli::{Global, ShellArgs};
use crate::debug::talk::Talk;
use crate::debug::{Context, can_be_read};
use crate::terminal::Terminal;
use crate::{Failure, session};

/// Lets somebody into a builder as it was in a step. Gives the exit code of the command.
pub(crate) fn run(
    arguments: &ShellArgs,
    global: &Global,
    terminal: &Arc<Terminal>,
    interrupted: &Arc<AtomicBool>,
) -> Result<u8, Failure> {
    let tty = !arguments.no_tty && io::stdin().is_terminal() && io::stdout().is_terminal();
    if arguments.command.is_empty() && !tty && !can_be_read() {
        return Err(Error::NoInput.into());
    }
    let session = session(global, terminal, interrupted)?;
    let options = ShellOptions {
        image: arguments.image.clone(),
        step: arguments.step.clone(),
        root: arguments.root,
        command: arguments.command.clone(),
        tty,
    };
    let shell = session.shell(&options, &|event| terminal.show(event))?;
    terminal.close();
    say(&shell, terminal);
    let context = Context::new(global, terminal, interrupted)?;
    let talk = Talk { tty, stdin: true, keys: None, again: false };
    let outcome = context.talk(&talk, shell.id(), |input, output| {
        Ok(match shell.docker.converse(shell.id(), true, input, output).map_err(Error::Docker)? {
            Ending::Exited(exit) => Outcome::Ended { code: exit.code, target: None },
            Ending::Detached => Outcome::Detached,
        })
    })?;
    match outcome {
        // A program's exit code has eight bits; what does not fit is no success.
        Outcome::Ended { code, .. } => Ok(u8::try_from(code).unwrap_or(u8::MAX)),
        Outcome::Detached => Ok(0),
    }
}

/// Where one is, and what can be done there.
fn say(shell: &Shell, terminal: &Terminal) {
    let what = match (&shell.prepared, shell.hook) {
        (Some(package), _) => {
            format!("{}: {package} is prepared, and `ebuild $EBUILD configure compile` goes on", shell.step)
        }
        (None, Some(hook)) => format!("{} before {hook}: `eval \"$TIERCE_COMMAND\"` runs it", shell.step),
        (None, None) if shell.has_command => {
            format!("{}: `eval \"$TIERCE_COMMAND\"` is what it runs", shell.step)
        }
        (None, None) => shell.step.to_string(),
    };
    terminal.status(AnsiColor::Green, "Entering", &what);
}
