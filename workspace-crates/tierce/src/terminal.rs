//! Progress of a run on stderr: bars on a terminal, lines elsewhere, nothing with `--quiet`.

pub(crate) mod raw;
pub(crate) mod shown;
mod target;

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tierce_execute::{Event, Unit};
use tierce_plan::{LockChange, StepId};
use tierce_report::megabytes;

use crate::cli::{Global, When};
use crate::invocation::named;
use crate::terminal::shown::{Shown, bold, one_line, write_stderr};
use crate::terminal::target::Stderr;

/// The interval at which bars update their times.
const TICK: Duration = Duration::from_millis(250);

/// The interval of lines about the progress of packages where there are no bars.
const TELL: Duration = Duration::from_secs(60);

/// The amount of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

/// The terminal's side of a run.
pub(crate) struct Terminal {
    verbosity: Verbosity,
    /// Whether each step prints that it is fresh or why it runs.
    explain: bool,
    colour: bool,
    bars: Option<MultiProgress>,
    running: Mutex<BTreeMap<StepId, Running>>,
}

/// A step that runs.
#[derive(Default)]
struct Running {
    bar: Option<ProgressBar>,
    /// The line below the bar: the last one of a package's log.
    log: Option<ProgressBar>,
    /// The number of downloaded bytes.
    bytes: Option<u64>,
    /// When a line about the progress was printed last, where there are no bars.
    told: Option<Instant>,
}

/// The environment variables that affect a terminal.
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

    /// Whether the output of other programs may have colours.
    pub(crate) fn has_colour(&self) -> bool {
        self.colour
    }

    /// The amount of output.
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
            Event::Log { step, package, line } => self.log(&step, &package, &line),
            Event::Part { step, name, took } => {
                self.status(AnsiColor::Green, "Built", &format!("{name} in {} ({step})", seconds(took)));
            }
            Event::Tested { image, result } => {
                let (colour, word) =
                    if result.passed() { (AnsiColor::Green, "Passed") } else { (AnsiColor::Red, "Failed") };
                self.status(colour, word, &format!("{} in {} (test {image})", result.test, seconds(result.took)));
            }
            Event::Output { bytes } => self.raw(&Shown::stream(&bytes, self.colour)),
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
            bar.set_prefix(one_line(step.as_str()));
            bar.set_message(fit(&one_line(title), count.room(width(), &step)));
            bar.enable_steady_tick(TICK);
            bar
        });
        if bar.is_none() {
            self.status(AnsiColor::Cyan, "Running", &format!("{step}: {title}"));
        }
        self.running().insert(step, Running { bar, told: Some(Instant::now()), ..Running::default() });
    }

    /// Shows a line of a package's log: below the bar of its step, or all of them with `--verbose`.
    fn log(&self, step: &StepId, package: &str, line: &str) {
        if self.verbosity == Verbosity::Verbose {
            return self.raw(&Shown::stream(format!("{package}| {line}\n").as_bytes(), self.colour));
        }
        let mut running = self.running();
        let (Some(bars), Some(running)) = (&self.bars, running.get_mut(step)) else { return };
        let Some(bar) = &running.bar else { return };
        let log = running.log.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            bars.insert_after(bar, ProgressBar::no_length().with_style(style))
        });
        // Of its control sequences, none may reach the terminal.
        let line = Shown::stream(line.as_bytes(), false);
        log.set_message(fit(&format!("{:>12} {}", "", one_line(line.as_str().trim())), width().saturating_sub(1)));
    }

    fn progress(&self, step: &StepId, done: u64, total: Option<u64>, unit: Unit, current: &str) {
        let mut running = self.running();
        let Some(running) = running.get_mut(step) else { return };
        if unit == Unit::Bytes && done > 0 {
            running.bytes = Some(done);
        }
        let Some(bar) = &running.bar else {
            // In a log of CI, a long package would look as if it hung.
            if unit == Unit::Packages && running.told.is_some_and(|told| told.elapsed() >= TELL) && !current.is_empty()
            {
                running.told = Some(Instant::now());
                self.status(AnsiColor::Cyan, "Running", &format!("{step}: {done}/{} {current}", total.unwrap_or(done)));
            }
            return;
        };
        if current.is_empty()
            && let Some(log) = running.log.take()
        {
            log.finish_and_clear();
        }
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
        bar.set_message(fit(&one_line(current), count.room(width(), step)));
    }

    fn finished(&self, step: &StepId, took: Duration, summary: &str) {
        let running = self.running().remove(step).unwrap_or_default();
        [running.log, running.bar].into_iter().flatten().for_each(|bar| bar.finish_and_clear());
        let what = match running.bytes {
            _ if !summary.is_empty() => format!(": {summary}"),
            Some(bytes) => format!(": {}", megabytes(bytes)),
            None => String::new(),
        };
        self.status(AnsiColor::Green, "Finished", &format!("{step}{what} in {}", seconds(took)));
    }

    /// Creates a bar in cargo's manner: a coloured word, the step, its count, and its current item.
    fn bar_style(&self, count: &str) -> ProgressStyle {
        let style = self.style(AnsiColor::Cyan);
        let took = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // Writing into indicatif's buffer cannot fail.
            let _ = out.write_str(&whole_seconds(state.elapsed()));
        };
        let template = format!("{style}{:>12}{style:#} {{prefix}}  {count}  {{msg}}", "Running");
        let bar = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        bar.with_key("took", took).progress_chars("=> ")
    }

    /// Prints one line in cargo's manner: a coloured, right-aligned word, and its subject.
    pub(crate) fn status(&self, colour: AnsiColor, word: &str, message: &str) {
        if self.verbosity > Verbosity::Quiet {
            let message = Shown::line(&format!(" {}", named(message)));
            self.raw(&Shown::labelled(&format!("{word:>12}"), self.style(colour), &message));
        }
    }

    /// Prints a change of Tierce.lock.
    pub(crate) fn lock_change(&self, change: &LockChange) {
        let colour = match change.verb() {
            "Removing" => AnsiColor::Red,
            "Downgrading" => AnsiColor::Yellow,
            "Adding" => AnsiColor::Cyan,
            _ => AnsiColor::Green,
        };
        self.status(colour, change.verb(), &change.to_string());
    }

    /// Prints an error, also with `--quiet`: it is the reason for an exit code that is not 0.
    pub(crate) fn error(&self, message: &str) {
        self.raw(&self.message("error", AnsiColor::Red, message));
    }

    /// Prints a warning in cargo's manner.
    pub(crate) fn warning(&self, message: &str) {
        if self.verbosity > Verbosity::Quiet {
            self.raw(&self.message("warning", AnsiColor::Yellow, message));
        }
    }

    /// A warning on a terminal in raw mode, where a line begins below the end of the last one.
    pub(crate) fn warning_in_raw_mode(&self, message: &str) {
        if self.verbosity > Verbosity::Quiet {
            let warning = self.message("warning", AnsiColor::Yellow, message);
            self.raw(&Shown::own("\r\n").then(&warning).then(&Shown::own("\r")));
        }
    }

    fn message(&self, word: &str, colour: AnsiColor, message: &str) -> Shown {
        Shown::labelled(word, self.style(colour), &Shown::text(&format!(": {}", named(message))))
    }

    /// Removes the bars, so that later output has lines of its own.
    pub(crate) fn close(&self) {
        for running in std::mem::take(&mut *self.running()).into_values() {
            [running.log, running.bar].into_iter().flatten().for_each(|bar| bar.finish_and_clear());
        }
    }

    /// Writes to stderr without tearing the bars.
    pub(crate) fn raw(&self, text: &Shown) {
        let write = || write_stderr(text);
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }

    fn style(&self, colour: AnsiColor) -> Style {
        bold(colour, self.colour)
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<StepId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The unit that a bar counts.
#[derive(Clone, Copy)]
enum Count {
    Nothing,
    Bytes,
    Packages,
}

impl Count {
    /// On a narrower terminal, a bar has fewer parts.
    const WIDE: usize = 100;

    fn template(self, width: usize) -> &'static str {
        match self {
            Count::Nothing => "{took}",
            Count::Packages => "[{bar:20}] {pos}/{len}  {took}",
            Count::Bytes if width < Count::WIDE => "[{bar:12}] {decimal_bytes}/{decimal_total_bytes}  {took}",
            Count::Bytes => "[{bar:20}] {decimal_bytes}/{decimal_total_bytes}, {decimal_bytes_per_sec}  {took}",
        }
    }

    /// Returns the columns that remain for the current item of the step.
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

/// Cuts a text to the available columns.
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

/// Formats a time as cargo does.
pub(crate) fn seconds(took: Duration) -> String {
    match took.as_secs() {
        0..60 => format!("{:.2}s", took.as_secs_f64()),
        s => format!("{}m {:02}s", s / 60, s % 60),
    }
}

/// Formats the time of a running step as cargo does.
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
    fn times_look_as_in_cargo() {
        for (millis, text) in
            [(0, "0.00s"), (1_234, "1.23s"), (59_990, "59.99s"), (60_000, "1m 00s"), (3_725_000, "62m 05s")]
        {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn long_text_is_cut_with_ellipsis() {
        for (text, room, expected) in [("zlib", 4, "zlib"), ("zlib", 3, "zl…"), ("zlib", 1, "…"), ("zlib", 0, "")] {
            assert_eq!(fit(text, room), expected, "{text} in {room}");
        }
    }
}
