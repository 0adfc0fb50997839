//! `--timings`: the times of a run, as data and as a page.

mod page;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tierce_execute::{Error, Event};
use tierce_plan::StepId;

/// Collects the times of a run from its events.
pub(crate) struct Timings {
    start: Instant,
    steps: Mutex<BTreeMap<StepId, Timed>>,
}

/// One step of a run.
struct Timed {
    title: String,
    cause: String,
    inputs: Vec<StepId>,
    start: Duration,
    /// None while it runs, and after a failure.
    end: Option<Duration>,
    parts: Vec<Bar>,
}

/// The data of the page. Times are in seconds since the run's start.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Chart {
    /// The duration of the run.
    total: f64,
    /// The steps that ran, in the order of their start.
    steps: Vec<StepBar>,
}

/// A step that ran.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct StepBar {
    #[serde(flatten)]
    bar: Bar,
    title: String,
    cause: String,
    /// Whether it is on the critical path: the step that ended last, the input that this one waited for, and so on.
    critical: bool,
    /// The packages that the step builds.
    parts: Vec<Bar>,
}

#[derive(Clone, Debug, Serialize)]
struct Bar {
    name: String,
    start: f64,
    end: f64,
}

impl Timings {
    /// Starts the clock.
    pub(crate) fn since(start: Instant) -> Timings {
        Timings { start, steps: Mutex::default() }
    }

    /// Records the time of an event.
    pub(crate) fn note(&self, event: &Event) {
        let now = self.start.elapsed();
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { step, title, cause, inputs } => {
                let (title, cause, inputs) = (title.clone(), cause.clone(), inputs.clone());
                let timed = Timed { title, cause, inputs, start: now, end: None, parts: Vec::new() };
                steps.insert(step.clone(), timed);
            }
            Event::Part { step, name, took } => {
                if let Some(timed) = steps.get_mut(step) {
                    let start = now.saturating_sub(*took).as_secs_f64();
                    timed.parts.push(Bar { name: name.clone(), start, end: now.as_secs_f64() });
                }
            }
            Event::Finished { step, .. } => {
                if let Some(timed) = steps.get_mut(step) {
                    timed.end = Some(now);
                }
            }
            _ => {}
        }
    }

    /// Writes `timings.html` and `timings.json` into this folder and returns the path of the page.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn write(&self, folder: &Path, heading: &str) -> Result<PathBuf, Error> {
        let chart = self.chart();
        let page = folder.join("timings.html");
        tierce_execute::write_file(&folder.join("timings.json"), crate::data::json(&chart).as_bytes())?;
        tierce_execute::write_file(&page, page::html(&chart, heading).as_bytes())?;
        Ok(page)
    }

    fn chart(&self) -> Chart {
        let total = self.start.elapsed();
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let critical = critical_path(&steps, total);
        let mut bars: Vec<StepBar> = steps
            .iter()
            .map(|(id, timed)| StepBar {
                bar: Bar {
                    name: id.to_string(),
                    start: timed.start.as_secs_f64(),
                    end: timed.end.unwrap_or(total).as_secs_f64(),
                },
                title: timed.title.clone(),
                cause: timed.cause.clone(),
                critical: critical.contains(&id),
                parts: timed.parts.clone(),
            })
            .collect();
        bars.sort_by(|a, b| a.bar.start.total_cmp(&b.bar.start));
        Chart { total: total.as_secs_f64(), steps: bars }
    }
}

/// Returns the steps of the critical path, the last one first.
fn critical_path(steps: &BTreeMap<StepId, Timed>, total: Duration) -> Vec<&StepId> {
    let end = |timed: &Timed| timed.end.unwrap_or(total);
    let mut path = Vec::new();
    let mut next = steps.iter().max_by_key(|(_, timed)| end(timed));
    while let Some((id, timed)) = next {
        path.push(id);
        let inputs = timed.inputs.iter().filter_map(|id| steps.get_key_value(id));
        next = inputs.max_by_key(|(_, timed)| end(timed)).filter(|(id, _)| !path.contains(id));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> StepId {
        serde_json::from_value(name.into()).expect("a name is text")
    }

    #[test]
    fn critical_path_follows_the_latest_input() {
        let step = |inputs: &[&str], start, end: Option<u64>| Timed {
            title: String::new(),
            cause: String::new(),
            inputs: inputs.iter().map(|name| id(name)).collect(),
            start: Duration::from_secs(start),
            end: end.map(Duration::from_secs),
            parts: Vec::new(),
        };
        let steps = BTreeMap::from([
            (id("builder"), step(&["fetch"], 0, Some(5))),
            (id("sources"), step(&[], 0, Some(9))),
            (id("packages"), step(&["builder", "sources", "was fresh"], 9, Some(20))),
            (id("beside"), step(&["builder"], 5, Some(19))),
            (id("pack"), step(&["packages"], 20, None)),
        ]);
        let path: Vec<&str> = critical_path(&steps, Duration::from_secs(21)).into_iter().map(StepId::as_str).collect();
        assert_eq!(path, ["pack", "packages", "sources"]);
        assert!(critical_path(&BTreeMap::new(), Duration::ZERO).is_empty());
    }

    #[test]
    fn events_become_bars_on_one_time_line() {
        let timings = Timings::since(Instant::now());
        let step = id("packages app");
        timings.note(&Event::Started {
            step: step.clone(),
            title: "emerge".into(),
            cause: "libpng is new".into(),
            inputs: vec![],
        });
        let took = Duration::from_secs(3600);
        timings.note(&Event::Part { step: step.clone(), name: "media-libs/libpng-1".into(), took });
        timings.note(&Event::Finished { step, took: Duration::ZERO, summary: String::new() });
        let chart = timings.chart();
        let [bar] = chart.steps.as_slice() else { panic!("{chart:?}") };
        assert!(bar.critical && bar.bar.start <= bar.bar.end && bar.bar.end <= chart.total);
        // Longer than the whole run, because the builder has another clock.
        assert_eq!(bar.parts[0].start, 0.0);
        let data: serde_json::Value = serde_json::from_str(&crate::data::json(&chart)).expect("JSON");
        assert_eq!(data["steps"][0]["name"], "packages app");
        assert_eq!(data["steps"][0]["parts"][0]["name"], "media-libs/libpng-1");
    }
}
