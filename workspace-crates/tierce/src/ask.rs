//! Questions on a terminal.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tierce_execute::Error;

use crate::terminal::Terminal;

/// How often it is looked whether somebody has pressed Ctrl-C.
const PULSE: Duration = Duration::from_millis(50);

/// Somebody who can be asked.
pub(crate) struct Asker<'t> {
    terminal: &'t Terminal,
    interrupted: &'t AtomicBool,
    lines: Receiver<String>,
}

impl<'t> Asker<'t> {
    /// None where stdin or stderr is no terminal.
    pub(crate) fn new(terminal: &'t Terminal, interrupted: &'t AtomicBool) -> Option<Asker<'t>> {
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return None;
        }
        let (sender, lines) = mpsc::channel();
        // Nothing wakes a read, so it has a thread of its own, which ends with this process.
        thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Some(Asker { terminal, interrupted, lines })
    }

    /// Asks until the answer passes; an empty one is the default.
    ///
    /// # Errors
    /// [`Error::Interrupted`] by Ctrl-C and at the end of stdin.
    pub(crate) fn ask(
        &self,
        question: &str,
        default: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, Error> {
        loop {
            let hint = if default.is_empty() { String::new() } else { format!(" [{default}]") };
            self.terminal.raw(format!("{question}{hint}: ").as_bytes());
            let line = self.line()?;
            let answer = match line.trim() {
                "" => default,
                answer => answer,
            };
            match check(answer) {
                Ok(()) => return Ok(answer.to_owned()),
                Err(problem) => self.terminal.error(&problem),
            }
        }
    }

    fn line(&self) -> Result<String, Error> {
        loop {
            match self.lines.recv_timeout(PULSE) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Timeout) if !self.interrupted.load(Ordering::Relaxed) => {}
                Err(_) => {
                    // The question has no end of line.
                    self.terminal.raw(b"\n");
                    return Err(Error::Interrupted);
                }
            }
        }
    }
}
