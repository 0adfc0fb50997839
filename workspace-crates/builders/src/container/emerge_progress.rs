//! Converts emerge's output into progress: the active packages, the number of finished ones, and the time of each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tierce_plan::StepId;
use tierce_portage::{Cpv, PackageLog, Progress, ProgressEvent, ProgressItem};
use tierce_store::{Event, Observer, Unit};

/// Parses emerge's lines and reports events.
pub(super) struct Follower<'a> {
    id: &'a StepId,
    observer: &'a Observer<'a>,
    progress: Progress,
    total: u32,
    under_way: BTreeMap<Cpv, UnderWay>,
    completed: BTreeSet<Cpv>,
    failed: Option<(Cpv, Option<String>)>,
}

/// A package that emerge compiles or unpacks.
struct UnderWay {
    start: Instant,
    log: PackageLog,
    /// Whether it is a binary package, which has no phases.
    binary: bool,
}

impl UnderWay {
    /// Returns the package with its phase and time: `zlib-1.3 compile 12/345, 1m 05s`. A bar has no room for the category.
    fn shown(&self, cpv: &Cpv) -> String {
        let name = format!("{}-{}", cpv.package().name(), cpv.version());
        match self.start.elapsed().as_secs() {
            _ if self.binary => name,
            s @ 0..60 => format!("{name} {}, {s}s", self.log),
            s => format!("{name} {}, {}m {:02}s", self.log, s / 60, s % 60),
        }
    }
}

/// A compiled package.
#[derive(Debug, PartialEq, Eq)]
pub struct Compiled {
    pub(super) cpv: Cpv,
    pub(super) took: Duration,
}

impl<'a> Follower<'a> {
    /// Returns the state before emerge's first line.
    pub(super) fn new(id: &'a StepId, observer: &'a Observer<'a>) -> Follower<'a> {
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

    /// Reads the next line. Returns the package if the line ends its compilation.
    pub(super) fn line(&mut self, line: &str) -> Option<Compiled> {
        let event = self.progress.line(line);
        self.follow(event)
    }

    /// Reads the next line of a package's log. Without a package, it only renews the times.
    pub(super) fn log(&mut self, package: &str, line: &str) {
        let before = self.shown();
        if let Some((cpv, under_way)) = self.under_way.iter_mut().find(|(cpv, _)| cpv.to_string() == package) {
            under_way.log.line(line);
            let (step, package, line) = (self.id.clone(), cpv.to_string(), line.to_owned());
            (self.observer)(Event::Log { step, package, line });
        }
        // A compiler writes thousands of lines a second.
        if self.shown() != before || package.is_empty() && !self.under_way.is_empty() {
            self.report_progress();
        }
    }

    /// Returns the packages under way, each with its phase and time.
    fn shown(&self) -> String {
        let packages: Vec<String> = self.under_way.iter().map(|(cpv, under_way)| under_way.shown(cpv)).collect();
        packages.join("; ")
    }

    /// Returns the packages under way, in quotes.
    pub(super) fn under_way(&self) -> String {
        let packages: Vec<String> = self.under_way.keys().map(|cpv| format!("`{cpv}`")).collect();
        packages.join(", ")
    }

    /// Returns the package that failed first, and its log in the builder. Later failures are of packages that depend on it.
    pub(super) fn failed(mut self) -> Option<(Cpv, Option<String>)> {
        let event = self.progress.finish();
        let _ = self.follow(event);
        self.failed
    }

    fn follow(&mut self, event: Option<ProgressEvent>) -> Option<Compiled> {
        match event {
            Some(ProgressEvent::Started(item)) => {
                // emerge runs twice, for the builder and then for ROOT, so the counts start over.
                if self.completed.len() >= self.total as usize || self.total != item.total {
                    self.completed.clear();
                    self.total = item.total;
                }
                let under_way = UnderWay { start: Instant::now(), log: PackageLog::default(), binary: item.binary };
                self.under_way.insert(item.cpv, under_way);
                self.report_progress();
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
        self.report_progress();
        start.filter(|_| !item.binary).map(|under_way| Compiled { cpv: item.cpv, took: under_way.start.elapsed() })
    }

    fn report_progress(&self) {
        (self.observer)(Event::Progress {
            step: self.id.clone(),
            done: self.completed.len() as u64,
            total: Some(u64::from(self.total)),
            unit: Unit::Packages,
            current: self.shown(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn log_gives_the_phase_of_its_package() {
        let told = Mutex::new(Vec::new());
        let observer = |event: Event| {
            let line = match event {
                Event::Progress { current, .. } => current,
                Event::Log { package, line, .. } => format!("{package}| {line}"),
                other => panic!("{other:?}"),
            };
            told.lock().expect("no panic").push(line);
        };
        let id = serde_json::from_str::<StepId>("\"packages app\"").expect("a name");
        let mut follower = Follower::new(&id, &observer);
        follower.line(">>> Emerging (1 of 1) sys-libs/zlib-1.3::tierce");
        for (package, line) in [
            ("sys-libs/zlib-1.3", ">>> Compiling source in /var/tmp ..."),
            ("sys-libs/zlib-1.3", "[3/4] cc -c a.c"),
            ("sys-libs/other-1", "not here"),
            ("", ""),
        ] {
            follower.log(package, line);
        }
        let expected = [
            "zlib-1.3 start, 0s",
            "sys-libs/zlib-1.3| >>> Compiling source in /var/tmp ...",
            "zlib-1.3 compile, 0s",
            "sys-libs/zlib-1.3| [3/4] cc -c a.c",
            "zlib-1.3 compile 3/4, 0s",
            "zlib-1.3 compile 3/4, 0s",
        ];
        assert_eq!(*told.lock().expect("no panic"), expected);
    }

    #[test]
    fn progress_counts_concurrent_packages() {
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
            "0/3 glibc-2.36",
            "0/3 glibc-2.36; zlib-1.3 start, 0s",
            "1/3 zlib-1.3 start, 0s",
            "1/3 libexif-0.6.24 start, 0s; zlib-1.3 start, 0s",
            "2/3 zlib-1.3 start, 0s",
            "3/3 ",
            "0/1 zlib-1.3",
            "1/1 ",
        ];
        assert_eq!(*told.lock().expect("no panic"), expected);
    }
}
