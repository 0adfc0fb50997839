//! Questions on a terminal.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tierce_execute::Error;

use crate::terminal::Terminal;
use crate::terminal::shown::Shown;

/// The interval of checks for Ctrl-C.
const PULSE: Duration = Duration::from_millis(50);

/// The user at a terminal, who answers questions.
pub(crate) struct Asker<'t> {
    terminal: &'t Terminal,
    interrupted: &'t AtomicBool,
    lines: Receiver<String>,
}

impl<'t> Asker<'t> {
    /// Returns None unless stdin and stderr are terminals.
    pub(crate) fn new(terminal: &'t Terminal, interrupted: &'t AtomicBool) -> Option<Asker<'t>> {
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return None;
        }
        let (sender, lines) = mpsc::channel();
        // Nothing interrupts a read, so it has a thread of its own, which ends with this process.
        thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Some(Asker { terminal, interrupted, lines })
    }

    /// Asks until an answer is valid; an empty one is the default.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`](tierce_execute::ErrorKind::Interrupted) after Ctrl-C and at the end of stdin.
    pub(crate) fn ask(
        &self,
        question: &str,
        default: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, Error> {
        loop {
            let hint = if default.is_empty() { String::new() } else { format!(" [{default}]") };
            self.terminal.raw(&Shown::line(&format!("{question}{hint}: ")));
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
                    // The question left the cursor behind it.
                    self.terminal.raw(&Shown::own("\n"));
                    return Err(Error::interrupted());
                }
            }
        }
    }
}
