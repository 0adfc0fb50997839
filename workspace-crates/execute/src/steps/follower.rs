//! From emerge's output to what a user sees of it: which packages are at work, how many are done, how long each took.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tierce_plan::StepId;
use tierce_portage::{Cpv, Progress, ProgressEvent, ProgressItem};

use crate::progress::{Event, Observer, Unit};

/// Turns emerge's lines into events.
pub(crate) struct Follower<'a> {
    id: &'a StepId,
    observer: &'a Observer<'a>,
    progress: Progress,
    total: u32,
    under_way: BTreeMap<Cpv, Instant>,
    completed: BTreeSet<Cpv>,
    failed: Option<(Cpv, Option<String>)>,
}

/// A package that was compiled.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Compiled {
    pub(crate) cpv: Cpv,
    pub(crate) took: Duration,
}

impl<'a> Follower<'a> {
    /// Before the first line of a step's emerge.
    pub(crate) fn new(id: &'a StepId, observer: &'a Observer<'a>) -> Follower<'a> {
        Follower {
            id,
            observer,
            progress: Progress::new(),
            total: 0,
            under_way: BTreeMap::new(),
            completed: BTreeSet::new(),
            failed: None,
        }
    }

    /// The next line, and the package whose compilation it says is done.
    pub(crate) fn line(&mut self, line: &str) -> Option<Compiled> {
        let event = self.progress.line(line);
        self.follow(event)
    }

    /// The package that failed first, and its log as the builder sees it: what depends on it fails after it.
    pub(crate) fn failed(mut self) -> Option<(Cpv, Option<String>)> {
        let event = self.progress.finish();
        let _ = self.follow(event);
        self.failed
    }

    fn follow(&mut self, event: Option<ProgressEvent>) -> Option<Compiled> {
        match event {
            Some(ProgressEvent::Started(item)) => {
                // One run of emerge follows another: into the builder, then into ROOT.
                if self.completed.len() >= self.total as usize || self.total != item.total {
                    self.completed.clear();
                    self.total = item.total;
                }
                self.under_way.insert(item.cpv, Instant::now());
                self.tell();
            }
            Some(ProgressEvent::Completed(item)) => return self.completed(item),
            Some(ProgressEvent::Failed { cpv, log }) => self.failed = self.failed.take().or(Some((cpv, log))),
            Some(ProgressEvent::Installing(_)) | None => {}
        }
        None
    }

    fn completed(&mut self, item: ProgressItem) -> Option<Compiled> {
        let start = self.under_way.remove(&item.cpv);
        self.completed.insert(item.cpv.clone());
        self.tell();
        start.filter(|_| !item.binary).map(|start| Compiled { cpv: item.cpv, took: start.elapsed() })
    }

    fn tell(&self) {
        let names: Vec<String> = self.under_way.keys().map(Cpv::to_string).collect();
        (self.observer)(Event::Progress {
            step: self.id.clone(),
            done: self.completed.len() as u64,
            total: Some(u64::from(self.total)),
            unit: Unit::Packages,
            current: names.join(", "),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn what_is_at_work_and_how_much_is_done_never_goes_back() {
        let output = "\
>>> Emerging binary (1 of 3) sys-libs/glibc-2.36::tierce
>>> Emerging (2 of 3) sys-libs/zlib-1.3::tierce
>>> Completed (1 of 3) sys-libs/glibc-2.36::tierce
>>> Emerging (3 of 3) media-libs/libexif-0.6.24::tierce
>>> Completed (3 of 3) media-libs/libexif-0.6.24::tierce
>>> Completed (2 of 3) sys-libs/zlib-1.3::tierce
>>> Emerging binary (1 of 1) sys-libs/zlib-1.3::tierce to /root/
>>> Completed (1 of 1) sys-libs/zlib-1.3::tierce to /root/
";
        let told = Mutex::new(Vec::new());
        let observer = |event: Event| {
            let line = match event {
                Event::Progress { done, total, current, .. } => format!("{done}/{} {current}", total.unwrap_or(0)),
                other => panic!("{other:?}"),
            };
            told.lock().expect("no panic").push(line);
        };
        let id = serde_json::from_str::<StepId>("\"packages app\"").expect("a name");
        let mut follower = Follower::new(&id, &observer);
        let compiled: Vec<String> =
            output.lines().filter_map(|line| follower.line(line)).map(|compiled| compiled.cpv.to_string()).collect();
        assert_eq!(compiled, ["media-libs/libexif-0.6.24", "sys-libs/zlib-1.3"]);
        assert_eq!(follower.failed(), None);
        let expected = [
            "0/3 sys-libs/glibc-2.36",
            "0/3 sys-libs/glibc-2.36, sys-libs/zlib-1.3",
            "1/3 sys-libs/zlib-1.3",
            "1/3 media-libs/libexif-0.6.24, sys-libs/zlib-1.3",
            "2/3 sys-libs/zlib-1.3",
            "3/3 ",
            "0/1 sys-libs/zlib-1.3",
            "1/1 ",
        ];
        assert_eq!(*told.lock().expect("no panic"), expected);
    }
}
