//! The answer: a table for each case, and what became of the targets.

use std::io::Write;
use std::time::Duration;

use crate::measure::{Taken, spread};

/// The name of what others are compared with.
pub(crate) const TIERCE: &str = "Tierce";
/// The most memory that Tierce may have, in bytes.
const MEMORY: u64 = 64_000_000;

/// What a tool took in all rounds of a case.
pub(crate) struct Row {
    pub(crate) tool: &'static str,
    /// Seconds until the image was there, by round.
    pub(crate) image: Vec<f64>,
    /// Seconds until a container of it had answered; nothing where that is no part of the case.
    pub(crate) answer: Vec<f64>,
    /// Bytes, by round.
    pub(crate) memory: Vec<u64>,
    pub(crate) note: String,
}

impl Row {
    pub(crate) fn new(tool: &'static str) -> Row {
        Row { tool, image: Vec::new(), answer: Vec::new(), memory: Vec::new(), note: String::new() }
    }

    /// A tool that cannot do the case, and why.
    pub(crate) fn cannot(tool: &'static str, why: &str) -> Row {
        Row { note: why.to_owned(), ..Row::new(tool) }
    }

    pub(crate) fn note(self, note: &str) -> Row {
        Row { note: note.to_owned(), ..self }
    }

    /// A round that ends with the image.
    pub(crate) fn add(&mut self, taken: &Taken) {
        self.image.push(taken.wall.as_secs_f64());
        self.memory.push(taken.memory);
    }

    /// A round in which a container of the image has answered, what it had to answer.
    #[track_caller]
    pub(crate) fn add_answered(&mut self, taken: &Taken, container: &Taken, expected: &str) {
        assert_eq!(container.stdout, expected, "{}: the container's answer", self.tool);
        self.add(taken);
        self.answer.push((taken.wall + container.wall).as_secs_f64());
    }

    /// The median until the image was there, in seconds.
    pub(crate) fn median(&self) -> f64 {
        spread(&self.image).1
    }
}

/// A case with its rows.
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

/// The median, the least and the most, and the median by Tierce's.
fn figures(values: &[f64], tierce: f64) -> String {
    if values.is_empty() {
        return format!("{:>24} {:>7}", "", "");
    }
    let (least, median, most) = spread(values);
    let ratio = if tierce.is_nan() { String::new() } else { format!("{:.2}", median / tierce) };
    format!("{:>24} {ratio:>7}", format!("{median:.3} ({least:.3}-{most:.3})"))
}

/// What was to be reached. Without a figure to compare with there is nothing to say.
pub(crate) fn target(what: &str, figure: f64, limit: f64, unit: &str) {
    if figure.is_nan() || limit.is_nan() {
        say(&format!("  target: {what}: not measured"));
    } else {
        let outcome = if figure <= limit { "reached" } else { "MISSED" };
        say(&format!("  target: {what}: {figure:.3} {unit}, at most {limit:.3}: {outcome}"));
    }
}

/// The memory of all of Tierce's rounds.
pub(crate) fn memory(peak: u64) {
    target("memory of Tierce at its peak, in all of these runs", peak as f64 / 1e6, MEMORY as f64 / 1e6, "MB");
}

/// How much else the machine had to do.
pub(crate) fn load(when: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let means: Vec<&str> = load.split(' ').take(3).collect();
    say(&format!("load {when}: {} on {cores} cores", means.join(" ")));
}

/// Both, one after the other.
pub(crate) fn together(first: &Taken, second: &Taken) -> Taken {
    let wall: Duration = first.wall + second.wall;
    Taken { wall, memory: first.memory.max(second.memory), stdout: String::new() }
}

pub(crate) fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout");
}

/// What is being done, for whoever waits.
pub(crate) fn doing(what: &str) {
    writeln!(std::io::stderr(), "{what} …").expect("stderr");
}
