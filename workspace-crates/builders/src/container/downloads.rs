//! Downloads of a step and their progress.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tierce_fetch::{Download, Event as FetchEvent};
use tierce_plan::StepId;
use tierce_report::megabytes;
use tierce_store::{Error, ErrorKind, Event, Unit};

use crate::container::context::Context;

impl Context<'_> {
    /// Downloads files and reports progress.
    pub fn fetch(&self, id: &StepId, downloads: &[Download]) -> Result<(), Error> {
        // Verify existing files: another repository may have a source with the same name.
        let options = tierce_fetch::Options {
            offline: self.workspace.options.offline,
            verify_present: true,
            ..tierce_fetch::Options::default()
        };
        let transfer = Mutex::new(Transfer::default());
        let total = downloads.iter().map(|download| download.size).sum::<Option<u64>>();
        let progress = |event: FetchEvent<'_>| match event {
            FetchEvent::Waiting { name } => {
                (self.observer)(Event::Waiting { what: format!("another run that downloads {name}") });
            }
            FetchEvent::Retrying { name, why } => {
                (self.observer)(Event::Warning { message: format!("trying `{name}` again: {why}") });
            }
            event => {
                let mut transfer = transfer.lock().unwrap_or_else(PoisonError::into_inner);
                transfer.follow(event, downloads);
                self.progress(id, transfer.bytes(), total, Unit::Bytes, &transfer.current());
            }
        };
        let fetched = tierce_fetch::fetch(downloads, &options, &self.workspace.options.interrupted, &progress);
        fetched.map(drop).map_err(|error| {
            let size = downloads.iter().find(|download| download.name == error.name).and_then(|download| download.size);
            match (error.kind, size) {
                (tierce_fetch::ErrorKind::DiskFull { path, source }, Some(size)) => {
                    let missing = size.saturating_sub(path.metadata().map_or(0, |part| part.len()));
                    let (name, missing, path) = (&error.name, megabytes(missing), path.display());
                    let message = format!("failed to fetch `{name}`: {missing} more are needed for `{path}`");
                    Error::new(ErrorKind::Download, message).with_source(source)
                }
                (kind, _) => tierce_fetch::Error { name: error.name, kind }.into(),
            }
        })
    }

    /// Reports the progress of a step; `current` names the file or package in work.
    pub fn progress(&self, id: &StepId, done: u64, total: Option<u64>, unit: Unit, current: &str) {
        (self.observer)(Event::Progress { step: id.clone(), done, total, unit, current: current.to_owned() });
    }
}

/// The received bytes of each file. A retry does not count bytes twice, and a resumed file counts its earlier bytes once.
#[derive(Default)]
struct Transfer {
    files: BTreeMap<String, File>,
}

#[derive(Default)]
struct File {
    bytes: u64,
    is_under_way: bool,
}

impl Transfer {
    fn follow(&mut self, event: FetchEvent<'_>, downloads: &[Download]) {
        match event {
            FetchEvent::Present { name } => {
                let size = downloads.iter().find(|download| download.name == name).and_then(|download| download.size);
                self.file(name).bytes = size.unwrap_or_default();
            }
            FetchEvent::Started { name, resumed, .. } => {
                *self.file(name) = File { bytes: resumed, is_under_way: true };
            }
            FetchEvent::Received { name, bytes } => self.file(name).bytes += bytes,
            FetchEvent::Finished { name } => self.file(name).is_under_way = false,
            FetchEvent::Waiting { .. } | FetchEvent::Retrying { .. } => {}
        }
    }

    fn file(&mut self, name: &str) -> &mut File {
        self.files.entry(name.to_owned()).or_default()
    }

    fn bytes(&self) -> u64 {
        self.files.values().map(|file| file.bytes).sum()
    }

    /// Returns the names of the files in transfer.
    fn current(&self) -> String {
        let names = self.files.iter().filter(|(_, file)| file.is_under_way).map(|(name, _)| name.as_str());
        names.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_fetch::Integrity;

    #[test]
    fn bytes_are_counted_once() {
        let present = Download {
            name: "there".into(),
            urls: Vec::new(),
            destination: "there".into(),
            size: Some(7),
            integrity: Integrity::Checksums(Vec::new()),
        };
        let mut transfer = Transfer::default();
        let steps = [
            (FetchEvent::Present { name: "there" }, 7, ""),
            (FetchEvent::Started { name: "a", total: Some(100), resumed: 40 }, 47, "a"),
            (FetchEvent::Started { name: "b", total: None, resumed: 0 }, 47, "a, b"),
            (FetchEvent::Received { name: "a", bytes: 30 }, 77, "a, b"),
            // The connection broke, and the server starts over.
            (FetchEvent::Started { name: "a", total: Some(100), resumed: 0 }, 7, "a, b"),
            (FetchEvent::Received { name: "a", bytes: 100 }, 107, "a, b"),
            (FetchEvent::Finished { name: "a" }, 107, "b"),
        ];
        for (event, bytes, current) in steps {
            transfer.follow(event, std::slice::from_ref(&present));
            assert_eq!((transfer.bytes(), transfer.current().as_str()), (bytes, current), "{event:?}");
        }
    }
}
