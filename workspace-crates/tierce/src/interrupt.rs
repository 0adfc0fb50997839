//! Ctrl-C and similar signals: the first one stops the run and cleans up, the second one ends the process at once.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::pipe;

use crate::terminal::shown::Shown;
use crate::terminal::{Terminal, raw};

/// The time limit for the last output to a blocked terminal, as after Ctrl-S.
const PATIENCE: Duration = Duration::from_millis(300);

/// Whether the program of an image runs. It gets the signals, and may go on after any number of them.
static PASSED_ON: AtomicBool = AtomicBool::new(false);

/// The signals that a program has not got yet.
pub(crate) struct Passed([(i32, Arc<AtomicBool>); 3]);

/// Passes signals on from now: they do not end this process.
pub(crate) fn pass_on() -> Passed {
    let passed = [SIGINT, SIGTERM, SIGHUP].map(|signal| (signal, Arc::default()));
    for (signal, arrived) in &passed {
        let _ = flag::register(*signal, Arc::clone(arrived));
    }
    PASSED_ON.store(true, Ordering::Relaxed);
    Passed(passed)
}

impl Passed {
    /// Takes the signals that have arrived. A program in the terminal has got that of Ctrl-C already.
    pub(crate) fn take(&self, terminal: bool) -> Vec<i32> {
        let arrived = self.0.iter().filter(|(_, arrived)| arrived.swap(false, Ordering::Relaxed));
        arrived.map(|(signal, _)| *signal).filter(|signal| !(terminal && *signal == SIGINT)).collect()
    }
}

/// Returns a flag that SIGINT, SIGTERM and SIGHUP set. A second signal removes the bars and exits with a shell's code for that signal.
pub(crate) fn on_signals(terminal: &Arc<Terminal>) -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let last = Arc::new(AtomicUsize::new(0));
    let pair = UnixStream::pair();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // A signal that cannot be caught keeps its default, which ends the process, so this does not fail.
        let _ = flag::register(signal, Arc::clone(&interrupted));
        let _ = flag::register_usize(signal, Arc::clone(&last), usize::try_from(signal).unwrap_or_default());
        if let Ok((_, writer)) = &pair
            && let Ok(writer) = writer.try_clone()
        {
            let _ = pipe::register(signal, writer);
        }
    }
    if let Ok((reader, _)) = pair {
        let terminal = Arc::clone(terminal);
        std::thread::spawn(move || exit_at_the_second(reader, &terminal, &last));
    }
    interrupted
}

/// Reads a byte for each signal, and ends the process at the second one. A thread may use the terminal, a handler may not.
fn exit_at_the_second(mut signals: UnixStream, terminal: &Arc<Terminal>, last: &AtomicUsize) {
    let mut count = 0;
    while count < 2 {
        if signals.read_exact(&mut [0]).is_err() {
            return;
        }
        count += usize::from(!PASSED_ON.load(Ordering::Relaxed));
    }
    let terminal = Arc::clone(terminal);
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        raw::leave();
        terminal.close();
        terminal.raw(&Shown::own("error: interrupted twice: the next run removes unfinished files and containers\n"));
        // The receiver is gone after its timeout.
        let _ = done.send(());
    });
    let _ = wait.recv_timeout(PATIENCE);
    exit(128 + i32::try_from(last.load(Ordering::Relaxed)).unwrap_or(SIGINT));
}
