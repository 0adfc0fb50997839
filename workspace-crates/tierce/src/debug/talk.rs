//! The conversation with a session's command: forwards the keys to it, and its output to the terminal.

use std::io::{self, Write};
use std::sync::atomic::Ordering;

use anstyle::AnsiColor;
use tierce_debug::{DetachKeys, Error, Outcome};
use tierce_docker::{Ending, Input, InputEvent, OutputStream};

use super::{Context, keyboard};
use crate::Failure;
use crate::terminal::raw::{self, RawMode};
use crate::terminal::shown::Shown;

/// The kind of a conversation.
pub(crate) struct Talk<'k> {
    /// Whether the command has a terminal.
    pub(crate) tty: bool,
    /// Whether the command has an input.
    pub(crate) stdin: bool,
    /// The keys that detach from it, if it has a terminal and can run on.
    pub(crate) keys: Option<&'k DetachKeys>,
    /// Whether the command ran before this conversation.
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
            // Programs redraw their screen when its size changes.
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

    /// Connects this process with the command of a container that has not started, and removes the container at its end.
    pub(crate) fn converse(&self, container: &str, tty: bool) -> Result<Outcome, Failure> {
        let talk = Talk { tty, stdin: true, keys: None, again: false };
        self.talk(&talk, container, |input, output| {
            Ok(match self.docker.converse(container, true, input, output).map_err(Error::Docker)? {
                Ending::Exited(exit) => Outcome::Ended { code: exit.code, target: None },
                Ending::Detached => Outcome::Detached,
            })
        })
    }

    /// Prints how a session ended, and returns its exit code.
    pub(super) fn end(&self, outcome: Outcome, name: &str, is_kept: bool) -> Result<u8, Failure> {
        match outcome {
            Outcome::Detached => {
                // The cursor stands behind the prompt of the session.
                self.terminal.raw(&Shown::own("\n"));
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
                // A program's exit code has eight bits; a larger code counts as a failure.
                Ok(u8::try_from(code).unwrap_or(u8::MAX))
            }
        }
    }
}

/// Writes and flushes: a prompt has no end of line.
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
