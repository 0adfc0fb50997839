//! A sign at the end of a long run, for whoever has looked away.

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::ValueEnum;

use crate::terminal::{Terminal, seconds};

/// Shorter runs are over before anybody looks away.
const LONG: Duration = Duration::from_secs(10);

/// The sign: none, the terminal's bell, or a notification of the desktop by terminals that know OSC 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Notify {
    None,
    Bell,
    Desktop,
}

/// How a run went.
pub(crate) struct Ended<'t> {
    /// The command: "image".
    pub(crate) command: &'t str,
    /// Whether it did what it was asked to.
    pub(crate) well: bool,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Gives the sign, on a terminal alone and after a long run alone. `in_tmux`: the terminal is behind tmux, which hands on what is
/// wrapped for it.
pub(crate) fn at_end(notify: Notify, ended: &Ended<'_>, terminal: &Terminal, in_tmux: bool) {
    if io::stderr().is_terminal() && ended.took >= LONG {
        terminal.raw(sign(notify, ended, in_tmux).as_bytes());
    }
}

fn sign(notify: Notify, ended: &Ended<'_>, in_tmux: bool) -> String {
    match notify {
        Notify::None => String::new(),
        Notify::Bell => "\x07".to_owned(),
        Notify::Desktop => {
            let how = if ended.well { "done in" } else { "failed after" };
            let notification = format!("\x1b]9;cargo xtask {} {how} {}\x07", ended.command, seconds(ended.took));
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
