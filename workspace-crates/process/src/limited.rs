//! Runs a short program to its end. Its time and its output have limits; at a limit, its processes end with it.

use std::fs;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;

/// The interval between checks of the limits.
const PULSE: Duration = Duration::from_millis(20);

/// The time for the last output of a program that has ended: a process that it started may hold its output open.
const DRAIN: Duration = Duration::from_secs(1);

/// The limits of a program.
#[derive(Clone, Copy)]
pub(crate) struct Limits<'a> {
    pub(crate) time: Duration,
    /// The bytes of stdout, and of stderr.
    pub(crate) output: u64,
    pub(crate) interrupted: &'a AtomicBool,
}

/// Returns the output of a program, whatever its exit code. Kills it and its child processes at a limit.
///
/// # Errors
/// `Error::Start`, `Error::TimedOut`, `Error::Interrupted`, `Error::Output` for too much output.
pub(crate) fn output(name: &str, mut command: Command, input: &[u8], limits: &Limits<'_>) -> Result<Output, Error> {
    let start = |source| Error::Start { program: name.to_owned(), source };
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(start)?;
    let (sender, pieces) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        pass(stdout, limits.output, false, sender.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        pass(stderr, limits.output, true, sender.clone());
    }
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_owned();
        // A program need not read its input.
        thread::spawn(move || stdin.write_all(&input));
    }
    drop(sender);
    let ended = follow(name, &mut child, &pieces, limits);
    if ended.is_err() {
        kill(child.id());
        // It was killed, so this does not wait long.
        let _ = child.wait();
    }
    ended
}

/// A piece of output; `None` if there is too much of it.
type Piece = (bool, Option<Vec<u8>>);

/// Passes on the output of a program from a thread, since nothing interrupts a read.
fn pass(mut from: impl Read + Send + 'static, limit: u64, is_stderr: bool, to: Sender<Piece>) {
    thread::spawn(move || {
        let (mut buffer, mut total) = (vec![0; 64 << 10], 0);
        loop {
            let length = match from.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            };
            total += length as u64;
            let piece = (total <= limit).then(|| buffer[..length].to_vec());
            let is_last = piece.is_none();
            if to.send((is_stderr, piece)).is_err() || is_last {
                return;
            }
        }
    });
}

fn follow(name: &str, child: &mut Child, pieces: &mpsc::Receiver<Piece>, limits: &Limits<'_>) -> Result<Output, Error> {
    let started = Instant::now();
    let program = || name.to_owned();
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut ended: Option<(ExitStatus, Instant)> = None;
    let mut is_open = true;
    loop {
        if limits.interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted { program: program() });
        }
        if started.elapsed() > limits.time {
            return Err(Error::TimedOut { program: program(), limit: limits.time });
        }
        if is_open {
            match pieces.recv_timeout(PULSE) {
                Ok((true, Some(piece))) => stderr.extend(piece),
                Ok((false, Some(piece))) => stdout.extend(piece),
                Ok((_, None)) => {
                    let reason = format!("it has more than {} KiB", limits.output >> 10);
                    return Err(Error::Output { program: program(), reason });
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => is_open = false,
            }
        } else if ended.is_none() {
            thread::sleep(PULSE);
        }
        if ended.is_none() {
            let status = child.try_wait().map_err(|source| Error::Start { program: program(), source })?;
            ended = status.map(|status| (status, Instant::now()));
        }
        if let Some((status, at)) = ended
            && (!is_open || at.elapsed() > DRAIN)
        {
            return Ok(Output { status, stdout, stderr });
        }
    }
}

/// Kills a process and all of its descendants: a script's child would go on otherwise.
pub(crate) fn kill(process: u32) {
    // The list of children is complete only while no process of it starts others.
    for signal in [Signal::STOP, Signal::KILL] {
        for id in descendants(process) {
            if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
                // Fails if it has ended.
                let _ = kill_process(id, signal);
            }
        }
    }
}

/// The process and its descendants, parents first. A kernel without lists of children yields the process alone.
fn descendants(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        at += 1;
        for thread in fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten() {
            let children = tierce_bounded::text(thread.path().join("children"), &tierce_bounded::KERNEL);
            found.extend(children.unwrap_or_default().split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::tests::child_program;

    fn ran(behaviour: &str, limits: &Limits<'_>) -> Result<Output, Error> {
        let mut command = Command::new(child_program());
        command.arg(behaviour);
        output("child", command, b"", limits)
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn output_has_both_streams_and_the_code() {
        let flag = AtomicBool::new(false);
        let limits = Limits { time: LONG, output: 1 << 20, interrupted: &flag };
        let ran = ran("mixed", &limits).unwrap();
        assert_eq!(ran.status.code(), Some(3));
        assert_eq!((ran.stdout, ran.stderr), (b"one\nthree\r\nno end \xff".to_vec(), b"two\n".to_vec()));
    }

    #[test]
    fn large_output_is_an_error() {
        let flag = AtomicBool::new(false);
        let limits = Limits { time: LONG, output: 100 << 10, interrupted: &flag };
        let error = ran("endless", &limits).unwrap_err();
        assert_eq!(error.to_string(), "failed to read the output of `child`: it has more than 100 KiB");
    }

    #[test]
    fn limit_kills_child_processes_too() {
        let flag = AtomicBool::new(false);
        let limits = Limits { time: Duration::from_secs(2), output: 1 << 20, interrupted: &flag };
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(child_program());
        command.arg("parent").arg(folder.path().join("id"));
        let start = Instant::now();
        assert!(matches!(output("child", command, b"", &limits), Err(Error::TimedOut { .. })));
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        let id = fs::read_to_string(folder.path().join("id")).unwrap();
        // The kernel ends it when it next runs, and the first process of the machine may not have reaped it.
        let has_ended = || fs::read_to_string(format!("/proc/{id}/stat")).map_or(true, |stat| stat.contains(") Z "));
        let deadline = Instant::now() + LONG;
        while !has_ended() {
            assert!(Instant::now() < deadline, "process {id} still runs");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn interruption_ends_a_program() {
        let flag = AtomicBool::new(true);
        let limits = Limits { time: LONG, output: 1 << 20, interrupted: &flag };
        let start = Instant::now();
        assert!(matches!(ran("slow", &limits), Err(Error::Interrupted { .. })));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    }
}
