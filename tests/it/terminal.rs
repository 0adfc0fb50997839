//! What a person sees: bars on a real terminal, lines elsewhere, nothing with `--quiet`.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::{Workspace, repository, run, xtask};

const HEIGHT: usize = 40;
const WIDTH: usize = 100;
/// Longer than any of these takes, on a busy machine and without a cache.
const LIMIT: Duration = Duration::from_secs(600);

#[test]
fn bars_stand_on_a_terminal_and_leave_whole_lines() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = folder.path().join("hello.tar");
    let session = Session::start(&mut image(&["hello", "--archive", archive.to_str().expect("UTF-8")]));
    let (code, screen) = session.end();
    assert_eq!(code, Some(0), "{screen:#?}");
    assert!(without_colours(&screen.seen).contains("     Running load hello  "), "a bar: {:?}", screen.seen);
    let left = screen.lines();
    assert!(!left.iter().any(|line| line.contains("Running")), "no bar is left:\n{}", left.join("\n"));
    assert!(left.iter().any(|line| line.starts_with("    Finished load hello")), "{}", left.join("\n"));
    let [.., ready, reference] = left.as_slice() else { panic!("{left:?}") };
    assert!(ready.starts_with("       Ready hello (") && ready.ends_with('s'), "{ready}");
    assert_eq!(*reference, format!("docker-archive:{}", archive.display()), "stdout is the terminal too");
    assert_eq!(screen.column, 0, "the prompt stands on a line of its own");
}

#[test]
fn lines_stand_where_there_is_no_terminal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = folder.path().join("hello.tar");
    let ran = run(&mut image(&["hello", "--archive", archive.to_str().expect("UTF-8")])).ok();
    assert!(!ran.stderr.contains(['\x1b', '\r']), "{:?}", ran.stderr);
    let running = format!("     Running load hello: write the archive {}\n", archive.display());
    assert!(ran.stderr.contains(&running), "{}", ran.stderr);
    assert!(ran.stderr.contains("    Finished load hello"), "{}", ran.stderr);
    assert!(ran.stderr.lines().last().is_some_and(|line| line.starts_with("       Ready hello (")), "{}", ran.stderr);
}

#[test]
fn a_dumb_terminal_gets_lines_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = folder.path().join("hello.tar");
    let mut command = image(&["hello", "--archive", archive.to_str().expect("UTF-8")]);
    let (code, screen) = Session::start(command.env("TERM", "dumb")).end();
    assert_eq!(code, Some(0), "{screen:#?}");
    assert!(!screen.seen.contains('\x1b'), "{:?}", screen.seen);
    assert!(screen.seen.contains("     Running load hello: write the archive"), "{}", screen.seen);
}

#[test]
fn quiet_prints_the_reference_and_nothing_else() {
    run(&mut image(&["hello"])).ok();
    let ran = run(&mut image(&["hello", "--quiet"])).ok();
    assert_eq!((ran.line(), ran.stderr.as_str()), ("hello:latest", ""));
    let (code, screen) = Session::start(&mut image(&["hello", "--quiet"])).end();
    assert_eq!((code, screen.seen.as_str()), (Some(0), "hello:latest\r\n"));
}

#[test]
fn colours_are_where_they_are_wanted() {
    // On a terminal?, NO_COLOR, --color: are there colours?
    let cases = [
        (true, None, None, true),
        (true, Some(""), None, true),
        (true, Some("1"), None, false),
        (true, None, Some("never"), false),
        (true, Some("1"), Some("always"), true),
        (false, None, None, false),
        (false, None, Some("always"), true),
        (false, None, Some("auto"), false),
        (false, None, Some("never"), false),
    ];
    for (terminal, no_color, when, expected) in cases {
        let mut command = image(&["helo"]);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        if let Some(when) = when {
            command.args(["--color", when]);
        }
        let said = if terminal { Session::start(&mut command).end().1.seen } else { run(&mut command).stderr };
        let case = format!("terminal {terminal}, NO_COLOR {no_color:?}, --color {when:?}: {said:?}");
        assert!(said.contains("helo"), "{case}");
        assert_eq!(said.contains("\x1b["), expected, "{case}");
    }
}

/// A run on a terminal that compiles for longer than anybody waits.
fn endless() -> (Workspace, Session) {
    let workspace = Workspace::with_package("app", "", "").file(
        "app/build.rs",
        "fn main() { println!(\"cargo::warning=asleep\"); std::thread::sleep(std::time::Duration::from_secs(600)); }\n",
    );
    let mut command = workspace.command();
    let mut session = Session::start(command.env_remove("NO_COLOR").args(["image", "app"]));
    session.wait_for("Compiling app");
    session.wait_for("Running compile app");
    (workspace, session)
}

/// What is left of a run that was interrupted: no bar, a prompt on a line of its own, and a cursor.
#[track_caller]
fn as_it_was(code: Option<i32>, screen: &Screen) -> Vec<String> {
    let left = screen.lines();
    assert_eq!(code, Some(130), "{}", left.join("\n"));
    assert!(!left.iter().any(|line| line.contains("Running")), "no bar is left:\n{}", left.join("\n"));
    assert_eq!(screen.column, 0, "the prompt stands on a line of its own");
    assert!(!screen.seen.contains("\x1b[?25l") || screen.seen.contains("\x1b[?25h"), "the cursor is to be seen");
    left
}

#[test]
fn an_interrupted_run_leaves_the_terminal_as_it_was() {
    let (_workspace, mut session) = endless();
    session.press("\x03");
    let pressed = Instant::now();
    let (code, screen) = session.end();
    assert!(pressed.elapsed() < Duration::from_secs(30), "{:?}", pressed.elapsed());
    let left = as_it_was(code, &screen);
    assert!(left.last().is_some_and(|line| line.starts_with("error: ")), "{}", left.join("\n"));
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_takes_the_bars_away() {
    let (_workspace, mut session) = endless();
    session.press("\x03");
    // Two signals at once are one.
    std::thread::sleep(Duration::from_millis(30));
    session.press("\x03");
    let (code, screen) = session.end();
    let left = as_it_was(code, &screen);
    let said = "error: interrupted twice: what is half-made is removed by the next run";
    assert_eq!(left.last().map(String::as_str), Some(said), "{}", left.join("\n"));
}

/// `cargo xtask image` in this repository, with colours as the terminal has them.
fn image(arguments: &[&str]) -> Command {
    let mut command = xtask(repository());
    command.env_remove("NO_COLOR").arg("image").args(arguments);
    command
}

/// What is written without what only colours it.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|char: char| char.is_ascii_alphabetic()).map_or(part.len(), |end| end + 1);
        plain.push_str(&part[end..]);
    }
    plain
}

/// A program on a terminal of its own.
struct Session {
    script: Child,
    output: mpsc::Receiver<Vec<u8>>,
    seen: Vec<u8>,
    since: Instant,
}

impl Session {
    /// Starts the program under `script`, which makes the terminal.
    fn start(program: &mut Command) -> Session {
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
    fn wait_for(&mut self, text: &str) {
        while !without_colours(&String::from_utf8_lossy(&self.seen)).contains(text) {
            match self.output.recv_timeout(LIMIT.saturating_sub(self.since.elapsed())) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(error) => panic!("{error} before {text:?} in {}", String::from_utf8_lossy(&self.seen)),
            }
        }
    }

    /// Types something.
    fn press(&mut self, keys: &str) {
        let stdin = self.script.stdin.as_mut().expect("piped");
        stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()).expect("the terminal takes keys");
    }

    /// Waits for the program's end.
    fn end(mut self) -> (Option<i32>, Screen) {
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

/// What a terminal shows after some output: the few codes that bars use.
#[derive(Debug, Default)]
struct Screen {
    seen: String,
    cells: Vec<Vec<char>>,
    row: usize,
    column: usize,
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
    fn lines(&self) -> Vec<String> {
        let lines = self.cells.iter().map(|line| line.iter().collect::<String>().trim_end().to_owned());
        lines.filter(|line| !line.is_empty()).collect()
    }
}
