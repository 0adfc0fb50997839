//! Notifications at the end of a long run.

use std::io::{self, IsTerminal};
use std::time::Duration;

use crate::cli::Notify;
use crate::invocation::named;
use crate::terminal::shown::Shown;
use crate::terminal::{Terminal, seconds};

/// Shorter runs notify nobody: the user is still watching.
const LONG: Duration = Duration::from_secs(10);

/// The outcome of a run.
pub(crate) struct Ended<'t> {
    /// The command: "image".
    pub(crate) command: &'t str,
    /// Whether it succeeded.
    pub(crate) well: bool,
    /// Its duration.
    pub(crate) took: Duration,
}

/// Sends the notification, only on a terminal and only after a long run. `in_tmux`: wraps it for tmux, which then forwards it.
pub(crate) fn at_end(notify: Notify, ended: &Ended<'_>, terminal: &Terminal, in_tmux: bool) {
    if io::stderr().is_terminal() && ended.took >= LONG {
        terminal.raw(&Shown::own(sign(notify, ended, in_tmux)));
    }
}

fn sign(notify: Notify, ended: &Ended<'_>, in_tmux: bool) -> String {
    match notify {
        Notify::None => String::new(),
        Notify::Bell => "\x07".to_owned(),
        Notify::Desktop => {
            let how = if ended.well { "done in" } else { "failed after" };
            let notification = format!("\x1b]9;cargo xtask {} {how} {}\x07", ended.command, seconds(ended.took));
            let notification = named(&notification).into_owned();
            match in_tmux {
                true => format!("\x1bPtmux;{}\x1b\\", notification.replace('\x1b', "\x1b\x1b")),
                false => notification,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_what_terminals_understand() {
        let ended = |well| Ended { command: "image", well, took: Duration::from_secs(82) };
        for (notify, well, in_tmux, expected) in [
            (Notify::None, true, false, ""),
            (Notify::Bell, false, false, "\x07"),
            (Notify::Desktop, true, false, "\x1b]9;cargo xtask image done in 1m 22s\x07"),
            (Notify::Desktop, false, true, "\x1bPtmux;\x1b\x1b]9;cargo xtask image failed after 1m 22s\x07\x1b\\"),
        ] {
            assert_eq!(sign(notify, &ended(well), in_tmux), expected);
        }
    }
}
