//! The conversation with a session's command: what is typed goes there, what it writes comes here.

use std::io::{self, Write};
use std::sync::atomic::Ordering;

use anstyle::AnsiColor;
use tierce_debug::{DetachKeys, Error, Outcome};
use tierce_docker::{Input, InputEvent, OutputStream};

use super::{Context, keyboard};
use crate::Failure;
use crate::terminal::raw::{self, RawMode};

/// How a command is spoken to.
pub(crate) struct Talk<'k> {
    /// Whether it has a terminal.
    pub(crate) tty: bool,
    /// Whether it has an input.
    pub(crate) stdin: bool,
    /// The keys that leave it, on a terminal, if it can be left.
    pub(crate) keys: Option<&'k DetachKeys>,
    /// Whether it has gone on while nobody listened.
    pub(crate) again: bool,
}

impl Context<'_> {
    /// Connects stdin, stdout and stderr with the command of this container until the conversation ends.
    pub(crate) fn talk(
        &self,
        talk: &Talk<'_>,
        container: &str,
        converse: impl FnOnce(Input, &mut dyn FnMut(OutputStream, &[u8])) -> Result<Outcome, Error>,
    ) -> Result<Outcome, Failure> {
        let mode = talk.tty.then(RawMode::enter).transpose().map_err(Failure::Terminal)?;
        let (sender, input) = tierce_docker::input();
        if let Some((rows, columns)) = raw::size().filter(|_| talk.again) {
            // A size that changes makes programs write their screen anew.
            let _ = sender.send(InputEvent::Resize { rows: rows + 1, columns: columns + 1 });
        }
        match talk.tty {
            true => self.signals.to_terminal(sender.clone()),
            false => self.signals.to_command(&self.docker, container),
        }
        let input = if talk.stdin { input } else { Input::none() };
        if talk.stdin {
            keyboard::forward(talk.keys.filter(|_| talk.tty), sender);
        }
        let mut is_heard = true;
        let outcome = converse(input, &mut |stream, bytes| {
            if is_heard && write(stream, bytes).is_err() {
                is_heard = false;
                self.stop.store(true, Ordering::Relaxed);
            }
        });
        drop(mode);
        match outcome {
            _ if !is_heard => Err(Failure::Stdout),
            _ if self.signals.is_interrupted() => Err(Error::Docker(tierce_docker::Error::Interrupted).into()),
            outcome => Ok(outcome?),
        }
    }

    /// What is said at the end of a session, and its exit code.
    pub(super) fn end(&self, outcome: Outcome, name: &str, is_kept: bool) -> Result<u8, Failure> {
        match outcome {
            Outcome::Detached => {
                // The prompt that was left stands on this line.
                self.terminal.raw(b"\n");
                let back = format!("from {name}: `cargo xtask debug attach {name}` comes back, `… rm {name}` ends it");
                self.terminal.status(AnsiColor::Green, "Detached", &back);
                Ok(0)
            }
            Outcome::Ended { code, target } => {
                if let Some(what) = target {
                    self.terminal.error(&format!("the session was killed because its container {what}"));
                }
                if is_kept {
                    self.terminal.status(
                        AnsiColor::Green,
                        "Kept",
                        &format!("{name}: `cargo xtask debug rm {name}` removes it"),
                    );
                }
                // A program's exit code has eight bits; what does not fit is no success.
                Ok(u8::try_from(code).unwrap_or(u8::MAX))
            }
        }
    }
}

/// At once: a prompt has no line's end.
fn write(stream: OutputStream, bytes: &[u8]) -> io::Result<()> {
    match stream {
        OutputStream::Stdout => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes)?;
            stdout.flush()
        }
        OutputStream::Stderr => io::stderr().lock().write_all(bytes),
    }
}
