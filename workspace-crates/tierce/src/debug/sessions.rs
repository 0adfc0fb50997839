//! `cargo xtask debug ls`, `attach` and `rm`

use std::io::{self, IsTerminal};
use std::time::SystemTime;

use anstyle::AnsiColor;
use tierce_debug::{Error, KeptSession};
use tierce_execute::DETACHED;

use super::talk::Talk;
use super::{Context, detach_keys};
use crate::cli::{AttachArgs, Format, LsArgs, RmArgs};
use crate::data::json;
use crate::terminal::shown::one_line;
use crate::{Failure, print};

impl Context<'_> {
    fn filter(&self) -> [&str; 2] {
        self.labels.filter.each_ref().map(String::as_str)
    }

    pub(super) fn list(&self, arguments: &LsArgs) -> Result<u8, Failure> {
        tierce_execute::remove_left_sessions(&self.docker, &self.labels)?;
        let all = tierce_debug::kept(&self.docker, &self.filter())?;
        print(&match arguments.format {
            Format::Json => json(&all) + "\n",
            Format::Text => table(&all, now()),
        })?;
        Ok(0)
    }

    pub(super) fn come_back(&self, arguments: &AttachArgs) -> Result<u8, Failure> {
        let keys = detach_keys(arguments.detach_keys.as_deref())?;
        let session = tierce_debug::find_kept(&self.docker, &self.filter(), &arguments.session)?;
        let details = self.docker.container_details(&session.id).map_err(Error::Docker)?;
        let tty = details.is_some_and(|details| details.tty);
        if tty && !(io::stdin().is_terminal() && io::stdout().is_terminal()) {
            return Err(Error::NoTerminal { name: session.name }.into());
        }
        let talk = Talk { tty, stdin: tty, keys: Some(&keys), again: session.running };
        let outcome = self.talk(&talk, &session.id, |input, output| {
            tierce_debug::attach(&self.docker, &session, DETACHED, input, output)
        })?;
        self.end(outcome, &session.name, session.keep)
    }

    pub(super) fn remove(&self, arguments: &RmArgs) -> Result<u8, Failure> {
        let found = arguments.sessions.iter().map(|word| tierce_debug::find_kept(&self.docker, &self.filter(), word));
        // With a wrong name, the command removes no session.
        let found: Vec<KeptSession> = found.collect::<Result<_, _>>()?;
        for session in found {
            tierce_debug::remove_kept(&self.docker, &session)?;
            self.terminal.status(AnsiColor::Green, "Removed", &session.name);
        }
        Ok(0)
    }
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// The sessions in columns.
fn table(sessions: &[KeptSession], now: i64) -> String {
    let head = ["NAME", "CONTAINER", "TOOLBOX", "STATE", "AGE"].map(str::to_owned);
    let row = |session: &KeptSession| {
        let state = if session.running { "running" } else { "ended" };
        let age = age(now.saturating_sub(session.created));
        [session.name.as_str(), &session.target, &session.toolbox, state, &age].map(one_line)
    };
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(sessions.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &[String; 5]| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// A duration in its largest whole unit.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{}s", seconds.max(0)),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_stand_in_columns() {
        let session = |name: &str, target: &str, running, created| KeptSession {
            name: name.into(),
            id: "0".into(),
            target: target.into(),
            target_id: "1".into(),
            toolbox: "toolbox".into(),
            running,
            keep: false,
            created,
        };
        let all = [session("tierce-debug-web-17", "web", true, 1_000), session("watch", "database", false, -100_000)];
        insta::assert_snapshot!(table(&all, 1_075), @r"
        NAME                 CONTAINER  TOOLBOX  STATE    AGE
        tierce-debug-web-17  web        toolbox  running  1m
        watch                database   toolbox  ended    1d
        ");
    }

    #[test]
    fn ages_have_one_unit() {
        for (seconds, expected) in [(-5, "0s"), (59, "59s"), (60, "1m"), (7_300, "2h"), (90_000, "1d")] {
            assert_eq!(age(seconds), expected);
        }
    }
}
