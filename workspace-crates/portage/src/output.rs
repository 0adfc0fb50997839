//! Parses emerge's lines of progress, and selects the relevant lines of a failed build's log.
//!
//! The resolution and the downloads are JSON and not parsed from output.

mod log;
mod phase;

use crate::package_name::Cpv;

pub use log::relevant_lines;
pub use phase::PackageLog;

/// Returns the package and the line of a line of `follow_logs.py`; both are empty for its beat. `None` for any other line.
pub fn followed_line(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix('\u{1e}')?;
    Some(line.split_once('\t').unwrap_or((line, "")))
}

/// An event of emerge's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgressEvent {
    /// A package is started: compiled, or unpacked from its binary package.
    Started(ProgressItem),
    /// A package is being merged into its root.
    Installing(ProgressItem),
    /// A package is merged.
    Completed(ProgressItem),
    /// A package failed.
    Failed {
        /// The package.
        cpv: Cpv,
        /// Its log in the builder, if there is one.
        log: Option<String>,
    },
}

/// One package of a run of emerge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressItem {
    /// Its number among the packages of this run, from 1. Several runs may follow each other.
    pub number: u32,
    /// The number of packages of this run.
    pub total: u32,
    /// The package.
    pub cpv: Cpv,
    /// Whether it is a binary package.
    pub binary: bool,
}

/// Follows emerge's output line by line.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// A failure whose log a later line names; other lines may come before it.
    failed: Option<Cpv>,
    /// The started binary packages: later lines do not mark them.
    binaries: Vec<Cpv>,
}

impl Progress {
    /// The state before the first line.
    pub fn new() -> Self {
        Self::default()
    }

    /// The event of a line, if it is about a package. Run emerge with NOCOLOR: escape sequences are not parsed.
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

    /// The last event after the output: a failure whose log no line named.
    pub fn finish(&mut self) -> Option<ProgressEvent> {
        Some(ProgressEvent::Failed { cpv: self.failed.take()?, log: None })
    }

    /// `emerge CPV, Log file:`, `install CPV to /destination/, Log file:`, or without a log.
    fn failure(&mut self, rest: &str) -> Option<ProgressEvent> {
        let (_, rest) = rest.split_once(' ')?;
        let end = rest.find([',', ' ']).unwrap_or(rest.len());
        let cpv = rest[..end].parse().ok()?;
        if rest.ends_with("Log file:") {
            // An earlier failure without a log must not be lost.
            let earlier = self.failed.replace(cpv);
            return earlier.map(|cpv| ProgressEvent::Failed { cpv, log: None });
        }
        Some(ProgressEvent::Failed { cpv, log: None })
    }

    fn started(&mut self, rest: &str) -> Option<ProgressItem> {
        let (rest, binary) = rest.strip_prefix("binary ").map_or((rest, false), |rest| (rest, true));
        let item = item(rest, binary)?;
        // One run of emerge may compile the package and the next merge its binary package.
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
