//! What a person sees while a run goes on: bars on a terminal, lines elsewhere, nothing with `--quiet`. All of it on stderr.

pub(crate) mod raw;
mod target;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tierce_execute::{Event, Unit, megabytes};
use tierce_plan::{LockChange, StepId};

use crate::cli::{Global, When};
use crate::terminal::target::Stderr;

/// How often the times of bars are written anew.
const TICK: Duration = Duration::from_millis(250);

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

/// The terminal's side of a run.
pub(crate) struct Terminal {
    verbosity: Verbosity,
    /// Whether it is said of each step that it is fresh or why it runs.
    explain: bool,
    colour: bool,
    bars: Option<MultiProgress>,
    running: Mutex<BTreeMap<StepId, Running>>,
}

/// A step that runs.
#[derive(Default)]
struct Running {
    bar: Option<ProgressBar>,
    /// What it has downloaded.
    bytes: Option<u64>,
}

/// What of the environment decides how a terminal is used.
pub(crate) struct Environment {
    /// `NO_COLOR` is set (<https://no-color.org>).
    pub(crate) no_color: bool,
    /// `TERM` says that the cursor cannot be moved.
    pub(crate) dumb: bool,
}

impl Terminal {
    /// Looks at stderr, the flags and the environment.
    pub(crate) fn new(global: &Global, explain: bool, environment: &Environment) -> Terminal {
        let is_terminal = io::stderr().is_terminal();
        let verbosity = match global {
            Global { quiet: true, .. } => Verbosity::Quiet,
            Global { verbose: true, .. } => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        let colour = match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && !environment.no_color && !environment.dumb,
        };
        let bars = is_terminal && !environment.dumb && verbosity != Verbosity::Quiet;
        Terminal {
            verbosity,
            explain: explain || verbosity == Verbosity::Verbose,
            colour,
            bars: bars.then(|| {
                MultiProgress::with_draw_target(ProgressDrawTarget::term_like_with_hz(Box::new(Stderr::default()), 10))
            }),
            running: Mutex::default(),
        }
    }

    /// Whether what other programs print for us may hold colours.
    pub(crate) fn has_colour(&self) -> bool {
        self.colour
    }

    /// How much is said.
    pub(crate) fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// Shows one event of a run.
    pub(crate) fn show(&self, event: Event) {
        match event {
            Event::Started { step, title, cause, .. } => {
                if self.explain {
                    self.status(AnsiColor::Cyan, "Dirty", &format!("{step}: {cause}"));
                }
                self.started(step, &title);
            }
            Event::Progress { step, done, total, unit, current } => self.progress(&step, done, total, unit, &current),
            Event::Part { step, name, took } => {
                self.status(AnsiColor::Green, "Built", &format!("{name} in {} ({step})", seconds(took)));
            }
            Event::Tested { image, result } => {
                let (colour, word) =
                    if result.passed() { (AnsiColor::Green, "Passed") } else { (AnsiColor::Red, "Failed") };
                self.status(colour, word, &format!("{} in {} (test {image})", result.test, seconds(result.took)));
            }
            Event::Output { bytes } => self.raw(&bytes),
            Event::Finished { step, took, summary } => self.finished(&step, took, &summary),
            Event::LockChanged { change } => self.lock_change(&change),
            Event::Fresh { step } if self.explain => {
                self.status(AnsiColor::Green, "Fresh", step.as_str());
            }
            Event::Fresh { .. } => {}
            Event::Waiting { what } => self.status(AnsiColor::Cyan, "Waiting", &format!("for {what}")),
            Event::Warning { message } => self.warning(&message),
        }
    }

    fn started(&self, step: StepId, title: &str) {
        let bar = self.bars.as_ref().map(|bars| {
            let count = Count::Nothing;
            let bar = bars.add(ProgressBar::no_length().with_style(self.bar_style(count.template(width()))));
            bar.set_prefix(step.to_string());
            bar.set_message(fit(title, count.room(width(), &step)));
            bar.enable_steady_tick(TICK);
            bar
        });
        if bar.is_none() {
            self.status(AnsiColor::Cyan, "Running", &format!("{step}: {title}"));
        }
        self.running().insert(step, Running { bar, bytes: None });
    }

    fn progress(&self, step: &StepId, done: u64, total: Option<u64>, unit: Unit, current: &str) {
        let mut running = self.running();
        let Some(running) = running.get_mut(step) else { return };
        if unit == Unit::Bytes && done > 0 {
            running.bytes = Some(done);
        }
        let Some(bar) = &running.bar else { return };
        let count = match (total, unit) {
            (None, _) => Count::Nothing,
            (Some(_), Unit::Bytes) => Count::Bytes,
            (Some(_), Unit::Packages | Unit::Tests) => Count::Packages,
        };
        if let Some(total) = total
            && bar.length() != Some(total)
        {
            bar.set_style(self.bar_style(count.template(width())));
            bar.set_length(total);
        }
        bar.set_position(done);
        bar.set_message(fit(current, count.room(width(), step)));
    }

    fn finished(&self, step: &StepId, took: Duration, summary: &str) {
        let running = self.running().remove(step).unwrap_or_default();
        if let Some(bar) = running.bar {
            bar.finish_and_clear();
        }
        let what = match running.bytes {
            _ if !summary.is_empty() => format!(": {summary}"),
            Some(bytes) => format!(": {}", megabytes(bytes)),
            None => String::new(),
        };
        self.status(AnsiColor::Green, "Finished", &format!("{step}{what} in {}", seconds(took)));
    }

    /// A bar in cargo's manner: a coloured word, the step, what it counts, and what it is at.
    fn bar_style(&self, count: &str) -> ProgressStyle {
        let style = self.style(AnsiColor::Cyan);
        let took = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A line that cannot be written is nobody's to tell.
            let _ = out.write_str(&whole_seconds(state.elapsed()));
        };
        let template = format!("{style}{:>12}{style:#} {{prefix}}  {count}  {{msg}}", "Running");
        let bar = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.with_key("took", took).progress_chars("=> ")
    }

    /// One line in cargo's manner: a coloured word, right-aligned, and what it is about.
    pub(crate) fn status(&self, colour: AnsiColor, word: &str, message: &str) {
        if self.verbosity > Verbosity::Quiet {
            let style = self.style(colour);
            self.raw(format!("{style}{word:>12}{style:#} {message}\n").as_bytes());
        }
    }

    /// A line for what is different in Tierce.lock.
    pub(crate) fn lock_change(&self, change: &LockChange) {
        let colour = match change.verb() {
            "Removing" => AnsiColor::Red,
            "Downgrading" => AnsiColor::Yellow,
            "Adding" => AnsiColor::Cyan,
            _ => AnsiColor::Green,
        };
        self.status(colour, change.verb(), &change.to_string());
    }

    /// A line that is said even with `--quiet`, as it is why the exit code is not 0.
    pub(crate) fn error(&self, message: &str) {
        let style = self.style(AnsiColor::Red);
        self.raw(format!("{style}error{style:#}: {message}\n").as_bytes());
    }

    /// A warning, in cargo's manner.
    pub(crate) fn warning(&self, message: &str) {
        if self.verbosity > Verbosity::Quiet {
            let style = self.style(AnsiColor::Yellow);
            self.raw(format!("{style}warning{style:#}: {message}\n").as_bytes());
        }
    }

    /// Takes the bars away, so that what follows stands on lines of its own.
    pub(crate) fn close(&self) {
        for running in std::mem::take(&mut *self.running()).into_values() {
            if let Some(bar) = running.bar {
                bar.finish_and_clear();
            }
        }
    }

    /// Writes to stderr without tearing the bars. A stderr that is gone is nobody's to tell.
    pub(crate) fn raw(&self, bytes: &[u8]) {
        let write = || {
            let _ = io::stderr().lock().write_all(bytes);
        };
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    fn style(&self, colour: AnsiColor) -> Style {
        if self.colour { Style::new().bold().fg_color(Some(colour.into())) } else { Style::new() }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<StepId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a bar counts.
#[derive(Clone, Copy)]
enum Count {
    Nothing,
    Bytes,
    Packages,
}

impl Count {
    /// A terminal of fewer columns than this gets less.
    const WIDE: usize = 100;

    fn template(self, width: usize) -> &'static str {
        match self {
            Count::Nothing => "{took}",
            Count::Packages => "[{bar:20}] {pos}/{len}  {took}",
            Count::Bytes if width < Count::WIDE => "[{bar:12}] {decimal_bytes}/{decimal_total_bytes}  {took}",
            Count::Bytes => "[{bar:20}] {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}  {took}",
        }
    }

    /// The columns that are left for what the step is at.
    fn room(self, width: usize, step: &StepId) -> usize {
        let taken = match self {
            Count::Nothing => 7,
            Count::Packages => 22 + 8 + 9,
            Count::Bytes if width < Count::WIDE => 14 + 20 + 9,
            Count::Bytes => 22 + 20 + 14 + 9,
        };
        width.saturating_sub(12 + 1 + step.as_str().len() + 2 + taken + 2)
    }
}

fn width() -> usize {
    usize::from(target::size().0)
}

/// As much of a text as there is room for.
fn fit(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(room.saturating_sub(1)).collect();
    if room > 0 {
        kept.push('…');
    }
    kept
}

/// A time as cargo prints it.
pub(crate) fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..60 => format!("{:.2}s", took.as_secs_f64()),
        s => format!("{}m {:02}s", s / 60, s % 60),
    }
}

/// The same for a time that still runs.
fn whole_seconds(took: Duration) -> String {
    match took.as_secs() {
        s @ 0..60 => format!("{s}s"),
        _ => seconds(took),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_cargo_writes_them() {
        for (millis, text) in
            [(0, "0.00s"), (1_234, "1.23s"), (59_990, "59.99s"), (60_000, "1m 00s"), (3_725_000, "62m 05s")]
        {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn texts_are_cut_to_the_room_that_there_is() {
        for (text, room, expected) in [("zlib", 4, "zlib"), ("zlib", 3, "zl…"), ("zlib", 1, "…"), ("zlib", 0, "")] {
            assert_eq!(fit(text, room), expected, "{text} in {room}");
        }
    }
}
