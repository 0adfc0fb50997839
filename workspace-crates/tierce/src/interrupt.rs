//! Ctrl-C and its like: the first asks the run to stop and to clean up, the second ends it on the spot.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::process::exit;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::low_level::pipe;

use crate::terminal::{Terminal, raw};

/// How long a terminal that takes nothing, as after Ctrl-S, can hold up the end.
const PATIENCE: Duration = Duration::from_millis(300);

/// A flag that is set by SIGINT, SIGTERM and SIGHUP. A second signal takes the bars away and exits with the code that shells
/// give to one.
pub(crate) fn on_signals(terminal: &Arc<Terminal>) -> Arc<AtomicBool> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let last = Arc::new(AtomicUsize::new(0));
    let pair = UnixStream::pair();
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // A signal that cannot be caught keeps its default, which is to end the process: no reason to fail.
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

/// Each signal is a byte to read: the second one ends the process. A handler may not touch the terminal, a thread may.
fn exit_at_the_second(mut signals: UnixStream, terminal: &Arc<Terminal>, last: &AtomicUsize) {
    if signals.read_exact(&mut [0; 2]).is_err() {
        return;
    }
    let terminal = Arc::clone(terminal);
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || {
        raw::leave();
        terminal.close();
        terminal.raw(b"error: interrupted twice: what is half-made is removed by the next run\n");
        // Whoever waits may have lost patience.
        let _ = done.send(());
    });
    let _ = wait.recv_timeout(PATIENCE);
    exit(128 + i32::try_from(last.load(Ordering::Relaxed)).unwrap_or(SIGINT));
}
