//! Starting programs: at once and captured by xshell, or streamed, interruptible and limited in time by duct.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use duct::{Expression, ReaderHandle};

use crate::Error;

/// How often a silent program is looked after.
const PULSE: Duration = Duration::from_millis(50);
/// Lines of a program's output that are kept for an error.
const KEPT_LINES: usize = 200;
/// Lines of a program's output that an error shows.
const SHOWN_LINES: usize = 30;
/// Bytes of a line at most: a program that writes none ends in itself, not in this process's memory.
const MAX_LINE: u64 = 64 << 10;

/// The file that `PATH` has for a program.
///
/// # Errors
/// `Error::NotFound`, with `help`.
pub(crate) fn find(program: &str, help: &'static str) -> Result<PathBuf, Error> {
    let path = env::var_os("PATH").unwrap_or_default();
    find_in(program, &path).ok_or_else(|| Error::NotFound { program: program.to_owned(), help })
}

fn find_in(program: &str, path: &OsStr) -> Option<PathBuf> {
    let runs = |file: &Path| file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    // An empty entry stands for the current folder, whose programs are not asked for here.
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|file| runs(file))
}

/// A shell that stands in `folder`, in which messages are English.
///
/// # Errors
/// `Error::File` if the folder cannot be entered.
pub(crate) fn shell(folder: &Utf8Path) -> Result<xshell::Shell, Error> {
    // xshell itself asks for the current folder, which may be gone.
    let failed = |source| Error::File { verb: "enter", path: folder.to_owned(), source };
    if !folder.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    let shell = xshell::Shell::new().map_err(|error| failed(io::Error::other(error.to_string())))?;
    shell.change_dir(folder);
    shell.set_var("LC_ALL", "C.UTF-8");
    Ok(shell)
}

/// What a program answers, whatever its exit code.
///
/// # Errors
/// `Error::Start`
pub(crate) fn output(name: &str, command: xshell::Cmd<'_>) -> Result<Output, Error> {
    command
        .ignore_status()
        .output()
        .map_err(|error| Error::Start { program: name.to_owned(), source: io::Error::other(error.to_string()) })
}

/// What a program that must succeed writes to its stdout, without white space at the end.
///
/// # Errors
/// `Error::Start`, `Error::Failed`, `Error::Output` if it is no UTF-8.
pub(crate) fn read(name: &str, command: xshell::Cmd<'_>) -> Result<String, Error> {
    let output = output(name, command)?;
    if !output.status.success() {
        return Err(failed(name, output.status.code(), String::from_utf8_lossy(&output.stderr).lines()));
    }
    let text = String::from_utf8(output.stdout)
        .map_err(|_| Error::Output { program: name.to_owned(), reason: "it is not UTF-8".to_owned() })?;
    Ok(text.trim_end().to_owned())
}

/// How a streamed program came to its end.
pub(crate) struct Ended {
    /// None if a signal ended it.
    pub(crate) code: Option<i32>,
    /// The last lines that it wrote.
    pub(crate) lines: Vec<String>,
}

/// Runs a program and hands on each line of its stdout and stderr, without its end, as it comes.
///
/// Once `interrupted` is set or the time is over the program is killed. What it had itself started may go on for a moment;
/// nobody waits for it.
///
/// # Errors
/// `Error::Start`, `Error::Interrupted`, `Error::TimedOut`. That the program fails is no error here.
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
            // It fails only for a program that has ended by itself.
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
    // Ctrl-C reaches all programs of a terminal: this one may have ended before the flag was looked at.
    if interrupted.load(Ordering::Relaxed) {
        return Err(Error::Interrupted { program: name.to_owned() });
    }
    Ok(Ended { code, lines: kept.into() })
}

/// Reads lines on a thread of its own: a read cannot be interrupted, a channel can be left.
fn lines(running: Arc<ReaderHandle>) -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(256);
    thread::spawn(move || {
        let mut reader = BufReader::new(&*running);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            // The handle reports a read of nothing once the program has ended and was waited for.
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

/// An [`Error::Failed`] with the lines that matter: from the first that calls itself an error on, else the last ones.
pub(crate) fn failed<'a>(name: &str, code: Option<i32>, lines: impl IntoIterator<Item = &'a str>) -> Error {
    Error::Failed { program: name.to_owned(), code, lines: lines_that_matter(lines) }
}

/// See [`failed`].
pub(crate) fn lines_that_matter<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
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
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn sh(script: &str) -> Expression {
        duct::cmd("sh", ["-c", script])
    }

    #[test]
    fn lines_come_from_both_streams_without_their_ends() {
        let mut seen = Vec::new();
        let script = r"echo one; echo two >&2; printf 'three\r\n'; printf 'no end \377'; exit 3";
        let ended =
            stream("sh", &sh(script), LONG, &AtomicBool::new(false), |line| seen.push(line.to_owned())).unwrap();
        assert_eq!(seen, ["one", "two", "three", "no end \u{fffd}"]);
        assert_eq!((ended.code, ended.lines), (Some(3), seen));
    }

    #[test]
    fn a_program_that_writes_without_end_is_kept_within_bounds() {
        let mut longest = 0;
        let script = "head -c 1000000 /dev/zero; echo; seq 1 1000";
        let ended =
            stream("sh", &sh(script), LONG, &AtomicBool::new(false), |line| longest = longest.max(line.len())).unwrap();
        assert_eq!(longest as u64, MAX_LINE);
        assert_eq!(ended.lines.len(), KEPT_LINES);
        assert_eq!(ended.lines.last().map(String::as_str), Some("1000"));
    }

    #[test]
    fn a_program_is_interrupted_at_once_even_if_a_child_holds_its_output() {
        let interrupted = AtomicBool::new(false);
        let start = Instant::now();
        let result = stream("sh", &sh("echo up; sleep 5; true"), LONG, &interrupted, |_| {
            interrupted.store(true, Ordering::Relaxed)
        });
        assert!(matches!(result, Err(Error::Interrupted { .. })));
        assert!(start.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed() {
        let limit = Duration::from_millis(100);
        let start = Instant::now();
        let result = stream("sh", &sh("exec sleep 5"), limit, &AtomicBool::new(false), |_| {});
        assert!(matches!(result, Err(Error::TimedOut { .. })));
        assert!(start.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        assert_eq!(
            find("certainly-not-there", "install it").unwrap_err().to_string(),
            "failed to find `certainly-not-there` on this host: install it"
        );
        assert!(find("sh", "").is_ok());
        assert_eq!(find_in("sh", OsStr::new(":.:relative")), None);
    }

    #[test]
    fn the_lines_that_matter_begin_with_the_error() {
        let cases: [(&[&str], &[&str]); 5] = [
            (&["Updating", "error: no such crate", "  help"], &["error: no such crate", "  help"]),
            (&["\x1b[1m\x1b[31merror\x1b[0m: red", "next"], &["\x1b[1m\x1b[31merror\x1b[0m: red", "next"]),
            (&["noise", "ERROR: as pip says it"], &["ERROR: as pip says it"]),
            (&["only", "", "noise"], &["only", "noise"]),
            (&[], &[]),
        ];
        for (lines, expected) in cases {
            assert_eq!(lines_that_matter(lines.iter().copied()), expected);
        }
    }
}
