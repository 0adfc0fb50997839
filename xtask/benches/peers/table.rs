//! The output: a table for each case, and the outcome of the targets.

use std::io::Write;
use std::time::Duration;

use crate::measure::{Taken, spread};

/// The name of the row that ratios refer to.
pub(crate) const TIERCE: &str = "Tierce";
/// The most memory that Tierce may have, in bytes.
const MEMORY: u64 = 64_000_000;

/// The measurements of one tool in all rounds of a case.
pub(crate) struct Row {
    pub(crate) tool: &'static str,
    /// Seconds until the image exists, by round.
    pub(crate) image: Vec<f64>,
    /// Seconds until the answer of its container, by round; empty if the case starts no container.
    pub(crate) answer: Vec<f64>,
    /// The peak memory in bytes, by round.
    pub(crate) memory: Vec<u64>,
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn new(tool: &'static str) -> Row {
        Row { tool, image: Vec::new(), answer: Vec::new(), memory: Vec::new(), note: String::new() }
    }

    /// Returns the row of a tool that cannot run the case, with the reason.
    pub(crate) fn cannot(tool: &'static str, why: &str) -> Row {
        Row { note: why.to_owned(), ..Row::new(tool) }
    }

    pub(crate) fn note(self, note: &str) -> Row {
        Row { note: note.to_owned(), ..self }
    }

    /// Adds a round that ends with the image.
    pub(crate) fn add(&mut self, taken: &Taken) {
        self.image.push(taken.wall.as_secs_f64());
        self.memory.push(taken.memory);
    }

    /// Adds a round that ends with the answer of a container. Panics if the answer is wrong.
    #[track_caller]
    pub(crate) fn add_answered(&mut self, taken: &Taken, container: &Taken, expected: &str) {
        assert_eq!(container.stdout, expected, "{}: the container's answer", self.tool);
        self.add(taken);
        self.answer.push((taken.wall + container.wall).as_secs_f64());
    }

    /// Returns the median time until the image exists, in seconds.
    pub(crate) fn median(&self) -> f64 {
        spread(&self.image).1
    }
}

/// Prints a case with its rows.
pub(crate) fn case(title: &str, rows: &[Row]) {
    let tierce = rows.iter().find(|row| row.tool == TIERCE);
    let of = |values: fn(&Row) -> &[f64]| tierce.map_or(f64::NAN, |row| spread(values(row)).1);
    let (image, answer) = (of(|row| &row.image), of(|row| &row.answer));
    say(&format!("\n{title}"));
    say(&format!("  {:<34} {:>24} {:>7} {:>24} {:>7} {:>7}", "", "image, s", "ratio", "answered, s", "ratio", "MB"));
    for row in rows {
        let memory = row.memory.iter().max().map_or(String::new(), |bytes| format!("{:.0}", *bytes as f64 / 1e6));
        let line = format!(
            "  {:<34} {} {} {memory:>7}  {}",
            row.tool,
            figures(&row.image, image),
            figures(&row.answer, answer),
            row.note
        );
        say(line.trim_end());
    }
}

/// Formats the median, the least and the most, and the median divided by Tierce's.
fn figures(values: &[f64], tierce: f64) -> String {
    if values.is_empty() {
        return format!("{:>24} {:>7}", "", "");
    }
    let (least, median, most) = spread(values);
    let ratio = if tierce.is_nan() { String::new() } else { format!("{:.2}", median / tierce) };
    format!("{:>24} {ratio:>7}", format!("{median:.3} ({least:.3}-{most:.3})"))
}

/// Prints a target and whether the figure reaches it, or that it was not measured.
pub(crate) fn target(what: &str, figure: f64, limit: f64, unit: &str) {
    if figure.is_nan() || limit.is_nan() {
        say(&format!("  target: {what}: not measured"));
    } else {
        let outcome = if figure <= limit { "reached" } else { "MISSED" };
        say(&format!("  target: {what}: {figure:.3} {unit}, at most {limit:.3}: {outcome}"));
    }
}

/// Prints the target of Tierce's memory, for all rounds.
pub(crate) fn memory(peak: u64) {
    target("memory of Tierce at its peak, in all of these runs", peak as f64 / 1e6, MEMORY as f64 / 1e6, "MB");
}

/// Prints the load of the machine.
pub(crate) fn load(when: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let means: Vec<&str> = load.split(' ').take(3).collect();
    say(&format!("load {when}: {} on {cores} cores", means.join(" ")));
}

/// Adds up two runs, one after the other.
pub(crate) fn together(first: &Taken, second: &Taken) -> Taken {
    let wall: Duration = first.wall + second.wall;
    Taken { wall, memory: first.memory.max(second.memory), stdout: String::new() }
}

pub(crate) fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout");
}

/// Prints the current activity to stderr.
pub(crate) fn doing(what: &str) {
    writeln!(std::io::stderr(), "{what} …").expect("stderr");
}
