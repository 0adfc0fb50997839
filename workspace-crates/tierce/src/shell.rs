//! `cargo xtask shell`

use std::io::{self, IsTerminal};

use anstyle::AnsiColor;
use tierce_debug::{Error, Outcome};
use tierce_execute::{Shell, ShellOptions};

use crate::call::Call;
use crate::cli::ShellArgs;
use crate::debug::{Context, can_be_read};
use crate::terminal::Terminal;
use crate::{Failure, interrupt};

/// Opens a shell in the builder of a step. Returns the exit code of the command.
pub(crate) fn run(arguments: &ShellArgs, call: &Call<'_>) -> Result<u8, Failure> {
    let terminal = call.terminal;
    let tty = !arguments.no_tty && io::stdin().is_terminal() && io::stdout().is_terminal();
    if arguments.command.is_empty() && !tty && !can_be_read() {
        return Err(Error::NoInput.into());
    }
    let session = call.session(None)?;
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
    let Some(container) = shell.attachable() else {
        let signals = interrupt::pass_on();
        let code = shell.run_here(&mut || signals.take(tty))?;
        // A program's exit code has eight bits; a larger code counts as a failure.
        return Ok(u8::try_from(code).unwrap_or(u8::MAX));
    };
    let context = Context::new(call)?;
    match context.converse(container, tty)? {
        Outcome::Ended { code, .. } => Ok(u8::try_from(code).unwrap_or(u8::MAX)),
        Outcome::Detached => Ok(0),
    }
}

/// Prints the step, and the command that continues it.
fn say(shell: &Shell, terminal: &Terminal) {
    let what = match (&shell.prepared, shell.hook) {
        (Some(package), _) => {
            format!("{}: {package} is prepared, and `ebuild $EBUILD configure compile` goes on", shell.step)
        }
        (None, Some(hook)) => format!("{} before {hook}: `eval \"$TIERCE_COMMAND\"` runs it", shell.step),
        (None, None) if shell.has_command => {
            format!("{}: `eval \"$TIERCE_COMMAND\"` runs the step", shell.step)
        }
        (None, None) => shell.step.to_string(),
    };
    terminal.status(AnsiColor::Green, "Entering", &what);
}
