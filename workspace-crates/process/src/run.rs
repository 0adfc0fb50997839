//! Starts programs: xshell describes short ones; duct streams, interrupts and limits long ones.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use duct::{Expression, ReaderHandle};

use crate::Error;
use crate::limited::{self, Limits};

/// The interval between checks for an interruption.
const PULSE: Duration = Duration::from_millis(50);
/// The last lines of a program's output, kept for an error.
const KEPT_LINES: usize = 200;
/// Lines of a program's output that an error shows.
const SHOWN_LINES: usize = 30;
/// The limit of the output of a program that answers in an instant, in bytes. `cargo metadata` of a thousand packages has 10 MiB.
pub(crate) const MAX_OUTPUT: u64 = 256 << 20;
/// Its limit of time. rustup may download a toolchain first.
const MAX_TIME: Duration = Duration::from_secs(30 * 60);
/// The limit of time of a program that prints its version.
const VERSION_TIME: Duration = Duration::from_secs(20);
/// The limit of a line in bytes, so that a program without line ends cannot fill the memory.
const MAX_LINE: u64 = 64 << 10;

/// Finds a program in `PATH`.
///
/// # Errors
/// `Error::NotFound`, with `help`.
pub(crate) fn find(program: &str, help: &'static str) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    find_in(program, &path).ok_or_else(|| Error::NotFound { program: program.to_owned(), help })
}

fn find_in(program: &str, path: &OsStr) -> Option<PathBuf> {
    let runs = |file: &Path| file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    // An empty entry means the current folder, whose programs are not trusted.
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|file| runs(file))
}

/// A shell in `folder` with English messages.
///
/// # Errors
/// `Error::File` if the folder cannot be entered.
pub(crate) fn shell(folder: &Utf8Path) -> Result<xshell::Shell, Error> {
    // `Shell::new` reads the current folder, which may be deleted.
    let failed = |source| Error::File { verb: "enter", path: folder.to_owned(), source };
    if !folder.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    let shell = xshell::Shell::new().map_err(|error| failed(io::Error::other(error.to_string())))?;
    shell.change_dir(folder);
    shell.set_var("LC_ALL", "C.UTF-8");
    Ok(shell)
}

/// Returns the output of a program, whatever its exit code.
///
/// # Errors
/// `Error::Start`, `Error::TimedOut`, `Error::Output` for more than [`MAX_OUTPUT`].
pub(crate) fn output(name: &str, command: impl Into<Command>) -> Result<Output, Error> {
    output_of(name, command, b"")
}

/// Returns the output of a program with this input.
///
/// # Errors
/// Those of [`output`].
pub(crate) fn output_of(name: &str, command: impl Into<Command>, input: &[u8]) -> Result<Output, Error> {
    // Ctrl-C reaches all programs of a terminal, so these end by themselves.
    let limits = Limits { time: MAX_TIME, output: MAX_OUTPUT, interrupted: &AtomicBool::new(false) };
    limited::output(name, command.into(), input, &limits)
}

/// Returns the stdout of a program that must succeed, without white space at the end.
///
/// # Errors
/// Those of [`output`]; `Error::Failed`, `Error::Output` if it is not UTF-8.
pub(crate) fn read(name: &str, command: xshell::Cmd<'_>) -> Result<String, Error> {
    let output = output(name, command)?;
    if !output.status.success() {
        return Err(failed(name, output.status.code(), String::from_utf8_lossy(&output.stderr).lines()));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| Error::Output { program: name.to_owned(), reason: "it is not UTF-8".to_owned() })?;
    Ok(text.trim_end().to_owned())
}

/// Returns the first line that a program prints of its version.
///
/// # Errors
/// Those of [`read`]; `Error::TimedOut` after 20 seconds.
pub(crate) fn version(name: &str, command: impl Into<Command>) -> Result<String, Error> {
    let limits = Limits { time: VERSION_TIME, output: MAX_OUTPUT, interrupted: &AtomicBool::new(false) };
    let output = limited::output(name, command.into(), b"", &limits)?;
    if !output.status.success() {
        return Err(failed(name, output.status.code(), String::from_utf8_lossy(&output.stderr).lines()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().trim().to_owned())
}

/// Whether a program is in `PATH`.
pub fn is_in_path(program: &str) -> bool {
    find(program, "").is_ok()
}

/// The end of a streamed program.
pub(crate) struct Ended {
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Its last lines, at most [`KEPT_LINES`].
    pub(crate) lines: Vec<String>,
}

/// Runs a program and passes on each line of its stdout and stderr at once, without the line end.
///
/// Kills the program and its child processes once `interrupted` is set or the time is over.
///
/// # Errors
/// `Error::Start`, `Error::Interrupted`, `Error::TimedOut`. A failed program is not an error here.
pub(crate) fn stream(
    name: &str,
    expression: &Expression,
    limit: Duration,
    interrupted: &AtomicBool,
    mut on_line: impl FnMut(&str),
) -> Result<Ended, Error> {
    let started = Instant::now();
    let start = |source| Error::Start { program: name.to_owned(), source };
    let running = expression.stdin_null().stderr_to_stdout().unchecked().reader().map_err(start)?;
    let running = Arc::new(running);
    let lines = lines(Arc::clone(&running));
    let mut kept = VecDeque::new();
    loop {
        let stop = if interrupted.load(Ordering::Relaxed) {
            Some(Error::Interrupted { program: name.to_owned() })
        } else if started.elapsed() > limit {
            Some(Error::TimedOut { program: name.to_owned(), limit })
        } else {
            None
        };
        if let Some(stop) = stop {
            running.pids().into_iter().for_each(limited::kill);
            // Fails only if the program has already ended.
            let _ = running.kill();
            return Err(stop);
        }
        match lines.recv_timeout(PULSE) {
            Ok(line) => {
                on_line(&line);
                if kept.len() == KEPT_LINES {
                    kept.pop_front();
                }
                kept.push_back(line);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let code = running.try_wait().map_err(start)?.and_then(|output| output.status.code());
    // Ctrl-C reaches all programs of a terminal: this one may have ended before the check of the flag.
    if interrupted.load(Ordering::Relaxed) {
        return Err(Error::Interrupted { program: name.to_owned() });
    }
    Ok(Ended { code, lines: kept.into() })
}

/// Reads lines on a thread: nothing interrupts a read, but the caller can drop the channel.
fn lines(running: Arc<ReaderHandle>) -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(256);
    thread::spawn(move || {
        let mut reader = BufReader::new(&*running);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            // The handle reads 0 bytes once the program has ended and its exit status is known.
            match io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut bytes) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&bytes);
            if sender.send(line.trim_end_matches(['\n', '\r']).to_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// An [`Error::Failed`] with the relevant lines: from the first error on, else the last ones.
pub(crate) fn failed<'a>(name: &str, code: Option<i32>, lines: impl IntoIterator<Item = &'a str>) -> Error {
    Error::Failed { program: name.to_owned(), code, lines: relevant_lines(lines) }
}

/// See [`failed`].
pub(crate) fn relevant_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.trim().is_empty()).collect();
    let first = lines.iter().position(|line| is_error(line));
    let lines = match first {
        Some(first) => lines[first..].iter().take(SHOWN_LINES),
        None => lines[lines.len().saturating_sub(SHOWN_LINES)..].iter().take(SHOWN_LINES),
    };
    lines.map(|&line| line.to_owned()).collect()
}

/// Whether a line begins with `error:` or `error[`, colours apart.
fn is_error(line: &str) -> bool {
    let mut text = line;
    while let Some(rest) = text.strip_prefix("\x1b[") {
        match rest.find('m') {
            Some(end) => text = &rest[end + 1..],
            None => break,
        }
    }
    let named = text.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("error"));
    // Next come `:`, `[` of a number, or the end of the colour.
    named && matches!(text.as_bytes().get(5), Some(b':' | b'[' | 0x1b))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// A program that behaves as its argument says. A machine with Rust alone may lack a shell.
    const CHILD: &str = r#"
        use std::{env, io::{self, Write}, process::{self, Command}, thread, time::Duration};

        fn main() {
            match env::args().nth(1).as_deref() {
                Some("mixed") => {
                    println!("one");
                    eprintln!("two");
                    io::stdout().write_all(b"three\r\nno end \xff").unwrap();
                    io::stdout().flush().unwrap();
                    process::exit(3);
                }
                Some("endless") => {
                    println!("{}", "x".repeat(1_000_000));
                    (1..=1000).for_each(|number| println!("{number}"));
                }
                Some("parent") => {
                    println!("up");
                    let mut child = Command::new(env::current_exe().unwrap()).spawn().unwrap();
                    env::args().nth(2).map(|path| std::fs::write(path, child.id().to_string()).unwrap());
                    child.wait().unwrap();
                }
                _ => thread::sleep(Duration::from_secs(5)),
            }
        }"#;

    fn child(behaviour: &str) -> Expression {
        duct::cmd(child_program(), [behaviour])
    }

    /// The program, compiled beside the tests.
    pub(crate) fn child_program() -> &'static Path {
        static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
            let tests = std::env::current_exe().unwrap();
            let folder = tempfile::tempdir_in(tests.parent().unwrap()).unwrap();
            let (source, program) = (folder.path().join("child.rs"), folder.path().join("child"));
            std::fs::write(&source, CHILD).unwrap();
            duct::cmd!("rustc", "--edition", "2024", "-o", &program, source).run().unwrap();
            let kept = tests.with_extension("child");
            std::fs::rename(program, &kept).unwrap();
            kept
        });
        &PROGRAM
    }

    #[test]
    fn stream_merges_stdout_and_stderr() {
        let mut seen = Vec::new();
        let mixed = child("mixed");
        let ended = stream("mixed", &mixed, LONG, &AtomicBool::new(false), |line| seen.push(line.to_owned())).unwrap();
        assert_eq!(seen, ["one", "two", "three", "no end \u{fffd}"]);
        assert_eq!((ended.code, ended.lines), (Some(3), seen));
    }

    #[test]
    fn endless_output_is_bounded() {
        let mut longest = 0;
        let endless = child("endless");
        let note = |line: &str| longest = longest.max(line.len());
        let ended = stream("endless", &endless, LONG, &AtomicBool::new(false), note).unwrap();
        assert_eq!(longest as u64, MAX_LINE);
        assert_eq!(ended.lines.len(), KEPT_LINES);
        assert_eq!(ended.lines.last().map(String::as_str), Some("1000"));
    }

    #[test]
    fn interruption_ignores_child_processes() {
        let interrupted = AtomicBool::new(false);
        let parent = child("parent");
        let start = Instant::now();
        let result = stream("parent", &parent, LONG, &interrupted, |_| interrupted.store(true, Ordering::Relaxed));
        assert!(matches!(result, Err(Error::Interrupted { .. })));
        assert!(start.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn slow_program_is_killed() {
        let limit = Duration::from_millis(100);
        let slow = child("slow");
        let start = Instant::now();
        let result = stream("slow", &slow, limit, &AtomicBool::new(false), |_| {});
        assert!(matches!(result, Err(Error::TimedOut { .. })));
        assert!(start.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn missing_program_is_named() {
        assert_eq!(
            find("certainly-not-there", "install it").unwrap_err().to_string(),
            "failed to find `certainly-not-there` on this host: install it"
        );
        assert!(find("rustc", "").is_ok());
        assert_eq!(find_in("sh", OsStr::new(":.:relative")), None);
    }

    #[test]
    fn relevant_lines_begin_with_the_error() {
        let cases: [(&[&str], &[&str]); 5] = [
            (&["Updating", "error: no such crate", "  help"], &["error: no such crate", "  help"]),
            (&["\x1b[1m\x1b[31merror\x1b[0m: red", "next"], &["\x1b[1m\x1b[31merror\x1b[0m: red", "next"]),
            (&["noise", "ERROR: as pip says it"], &["ERROR: as pip says it"]),
            (&["only", "", "noise"], &["only", "noise"]),
            (&[], &[]),
        ];
        for (lines, expected) in cases {
            assert_eq!(relevant_lines(lines.iter().copied()), expected);
        }
    }
}
