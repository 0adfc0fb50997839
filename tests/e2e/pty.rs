//! Programs on a terminal of their own, and the content of that terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

pub(crate) const HEIGHT: usize = 40;
pub(crate) const WIDTH: usize = 100;
/// Longer than any of these takes, on a busy machine and without a cache.
const LIMIT: Duration = Duration::from_secs(600);

/// A program on a terminal of its own.
pub(crate) struct Session {
    script: Child,
    output: mpsc::Receiver<Vec<u8>>,
    seen: Vec<u8>,
    since: Instant,
}

impl Session {
    /// Starts the program under `script`, which makes the terminal.
    pub(crate) fn start(program: &mut Command) -> Session {
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().expect("UTF-8").replace('\'', "'\\''"));
        let words: Vec<String> = std::iter::once(program.get_program()).chain(program.get_args()).map(quoted).collect();
        let line = format!("stty cols {WIDTH} rows {HEIGHT}; exec {}", words.join(" "));
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]).env("TERM", "xterm-256color");
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script.current_dir(program.get_current_dir().unwrap_or(Path::new(".")));
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = script.spawn().expect("script, which util-linux has");
        let mut stdout = script.stdout.take().expect("piped");
        let (sender, output) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Session { script, output, seen: Vec::new(), since: Instant::now() }
    }

    /// Waits until this has been written.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !without_colours(&String::from_utf8_lossy(&self.seen)).contains(text) {
            match self.output.recv_timeout(LIMIT.saturating_sub(self.since.elapsed())) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(error) => panic!("{error} before {text:?} in {}", String::from_utf8_lossy(&self.seen)),
            }
        }
    }

    /// Types something.
    pub(crate) fn press(&mut self, keys: impl AsRef<[u8]>) {
        let stdin = self.script.stdin.as_mut().expect("piped");
        stdin.write_all(keys.as_ref()).and_then(|()| stdin.flush()).expect("the terminal takes keys");
    }

    /// All that has been written so far, byte by byte.
    pub(crate) fn seen(&self) -> &[u8] {
        &self.seen
    }

    /// Waits for the program's end.
    pub(crate) fn end(mut self) -> (Option<i32>, Screen) {
        while let Ok(bytes) = self.output.recv_timeout(LIMIT.saturating_sub(self.since.elapsed())) {
            self.seen.extend(bytes);
        }
        if self.since.elapsed() >= LIMIT {
            self.script.kill().expect("it runs");
        }
        let code = self.script.wait().expect("it was started").code();
        (code, Screen::show(&String::from_utf8_lossy(&self.seen)))
    }
}

/// The lines that a terminal shows after some output; it knows only the codes that bars use.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    pub(crate) seen: String,
    cells: Vec<Vec<char>>,
    row: usize,
    pub(crate) column: usize,
}

impl Screen {
    fn show(output: &str) -> Screen {
        let mut screen = Screen { seen: output.to_owned(), ..Screen::default() };
        let mut rest = output.chars();
        while let Some(char) = rest.next() {
            match char {
                '\n' => screen.row += 1,
                '\r' => screen.column = 0,
                '\x1b' => {
                    assert_eq!(rest.next(), Some('['), "a control sequence in {output:?}");
                    let mut sequence = String::new();
                    for part in rest.by_ref() {
                        sequence.push(part);
                        if part.is_ascii_alphabetic() {
                            break;
                        }
                    }
                    screen.control(&sequence);
                }
                char => screen.put(char),
            }
        }
        screen
    }

    fn put(&mut self, char: char) {
        if self.column == WIDTH {
            self.column = 0;
            self.row += 1;
        }
        let (row, column) = (self.row, self.column);
        if self.cells.len() <= row {
            self.cells.resize(row + 1, Vec::new());
        }
        let line = &mut self.cells[row];
        if line.len() <= column {
            line.resize(column + 1, ' ');
        }
        line[column] = char;
        self.column += 1;
    }

    fn control(&mut self, sequence: &str) {
        let (number, code) = sequence.split_at(sequence.len() - 1);
        let count = number.parse().unwrap_or(1);
        match code {
            "A" => self.row = self.row.saturating_sub(count),
            "B" => self.row += count,
            "C" => self.column += count,
            "D" => self.column = self.column.saturating_sub(count),
            "K" if number == "2" => self.line().clear(),
            "K" => {
                let column = self.column;
                self.line().truncate(column);
            }
            "J" => {
                let column = self.column;
                self.line().truncate(column);
                self.cells.truncate(self.row + 1);
            }
            // Colours, and whether the cursor is shown.
            "m" | "h" | "l" => {}
            _ => panic!("an unknown control sequence {sequence:?}"),
        }
    }

    fn line(&mut self) -> &mut Vec<char> {
        if self.cells.len() <= self.row {
            self.cells.resize(self.row + 1, Vec::new());
        }
        &mut self.cells[self.row]
    }

    /// The lines that are not empty.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.cells.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    }
}

/// The output without colour codes.
pub(crate) fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|char: char| char.is_ascii_alphabetic()).map_or(part.len(), |end| end + 1);
        plain.push_str(&part[end..]);
    }
    plain
}
