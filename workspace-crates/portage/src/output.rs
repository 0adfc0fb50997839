//! emerge's own lines of progress, and the lines of a failed build's log that matter.
//!
//! Only these are read from text: what is resolved and what is downloaded, Portage says as JSON.

mod log;

use crate::package_name::Cpv;

pub use log::relevant_lines;

/// What a line of emerge's output says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgressEvent {
    /// A package is taken up: compiled, or unpacked from its binary package.
    Started(ProgressItem),
    /// It is being merged into its root.
    Installing(ProgressItem),
    /// It is in its root.
    Completed(ProgressItem),
    /// It failed.
    Failed {
        /// The package.
        cpv: Cpv,
        /// Its log, as the builder sees it, where there is one.
        log: Option<String>,
    },
}

/// One package of a run of emerge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressItem {
    /// Its place among the packages of this run, from 1. Several runs may follow each other.
    pub number: u32,
    /// How many packages this run has.
    pub total: u32,
    /// The package.
    pub cpv: Cpv,
    /// Whether it is a binary package.
    pub binary: bool,
}

/// Follows emerge's output line by line.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// A failure whose log is named on a later line, which other lines may precede.
    failed: Option<Cpv>,
    /// Binary packages that were taken up: the later lines about them do not say so.
    binaries: Vec<Cpv>,
}

impl Progress {
    /// Before the first line.
    pub fn new() -> Self {
        Self::default()
    }

    /// What this line says, where it says something about a package. Escape sequences of a terminal are not understood:
    /// run emerge with NOCOLOR.
    pub fn line(&mut self, line: &str) -> Option<ProgressEvent> {
        let message = line.strip_prefix(">>> ")?.trim_end();
        if let Some(log) = message.strip_prefix(" '").or_else(|| message.strip_prefix('\'')) {
            let log = log.strip_suffix('\'').filter(|log| !log.contains(char::is_control));
            return Some(ProgressEvent::Failed { cpv: self.failed.take()?, log: log.map(str::to_owned) });
        }
        if let Some(rest) = message.strip_prefix("Failed to ") {
            return self.failure(rest);
        }
        let (verb, rest) = message.split_once(' ')?;
        match verb {
            "Emerging" => self.started(rest).map(ProgressEvent::Started),
            "Installing" => self.known(rest).map(ProgressEvent::Installing),
            "Completed" => self.known(rest).map(ProgressEvent::Completed),
            _ => None,
        }
    }

    /// At the end of the output: a failure whose log was never named.
    pub fn finish(&mut self) -> Option<ProgressEvent> {
        Some(ProgressEvent::Failed { cpv: self.failed.take()?, log: None })
    }

    /// `emerge CPV, Log file:`, `install CPV to /destination/, Log file:`, or without a log.
    fn failure(&mut self, rest: &str) -> Option<ProgressEvent> {
        let (_, rest) = rest.split_once(' ')?;
        let end = rest.find([',', ' ']).unwrap_or(rest.len());
        let cpv = rest[..end].parse().ok()?;
        if rest.ends_with("Log file:") {
            // A failure before this one, whose log did not come, must not get lost.
            let earlier = self.failed.replace(cpv);
            return earlier.map(|cpv| ProgressEvent::Failed { cpv, log: None });
        }
        Some(ProgressEvent::Failed { cpv, log: None })
    }

    fn started(&mut self, rest: &str) -> Option<ProgressItem> {
        let (rest, binary) = rest.strip_prefix("binary ").map_or((rest, false), |rest| (rest, true));
        let item = item(rest, binary)?;
        // The same package is compiled in one run of emerge and merged from its binary package in the next.
        self.binaries.retain(|cpv| *cpv != item.cpv);
        if binary {
            self.binaries.push(item.cpv.clone());
        }
        Some(item)
    }

    fn known(&self, rest: &str) -> Option<ProgressItem> {
        let item = item(rest, false)?;
        Some(ProgressItem { binary: self.binaries.contains(&item.cpv), ..item })
    }
}

/// `(2 of 5) media-libs/libpng-1.6.39::tierce for /destination/`
fn item(text: &str, binary: bool) -> Option<ProgressItem> {
    let (counts, rest) = text.strip_prefix('(')?.split_once(") ")?;
    let (number, total) = counts.split_once(" of ")?;
    let name = rest.split_once("::").map_or(rest, |(name, _)| name);
    let name = name.split(' ').next().unwrap_or_default();
    Some(ProgressItem { number: number.parse().ok()?, total: total.parse().ok()?, cpv: name.parse().ok()?, binary })
}

#[cfg(test)]
mod tests;
