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
    if signals.read_exact(&mut [0; 2]).is_err() {
        return;
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
