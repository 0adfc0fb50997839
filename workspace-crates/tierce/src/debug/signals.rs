//! Signals while a session goes on.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::low_level::pipe;
use tierce_docker::{Docker, InputEvent, InputSender};

use crate::terminal::raw;

/// How long a command that is asked to end may take to write what it still has, before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// What a signal is to do at the moment.
enum Phase {
    /// Nothing runs that could be asked to end.
    Before,
    /// The command has a terminal, and Ctrl-C is a key to it.
    Terminal(InputSender),
    /// The command has none: it is to get the signal itself, so that it can write what it has gathered.
    Piped { docker: Docker, container: String },
}

/// Passes signals on.
#[derive(Clone)]
pub(super) struct Signals {
    phase: Arc<Mutex<Phase>>,
    /// Ends whatever waits for the daemon.
    stop: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
}

impl Signals {
    /// Listens from now on. `interrupted` is set by those signals that end programs; `stop` follows it when it is time.
    pub(super) fn listen(interrupted: &Arc<AtomicBool>, stop: &Arc<AtomicBool>) -> Signals {
        let signals = Signals {
            phase: Arc::new(Mutex::new(Phase::Before)),
            stop: Arc::clone(stop),
            interrupted: Arc::clone(interrupted),
        };
        // Two threads, as a daemon that takes no more must not hold up the end.
        signals.follow(&[SIGINT, SIGTERM, SIGHUP], Signals::end);
        signals.follow(&[SIGWINCH, SIGCONT], Signals::resize);
        signals.end();
        signals
    }

    /// From here on the command has a terminal.
    pub(super) fn to_terminal(&self, sender: InputSender) {
        *self.phase() = Phase::Terminal(sender);
        self.resize();
    }

    /// From here on the command of this container is asked to end.
    pub(super) fn to_command(&self, docker: &Docker, container: &str) {
        *self.phase() = Phase::Piped { docker: docker.clone(), container: container.to_owned() };
        self.end();
    }

    /// Whether a signal has come that ends programs.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Calls something after each of these signals, from a thread, where locks may be taken.
    fn follow(&self, numbers: &[i32], then: fn(&Signals)) {
        let Ok((mut reader, writer)) = UnixStream::pair() else { return };
        for &signal in numbers {
            // One that cannot be caught keeps its default.
            if let Ok(writer) = writer.try_clone() {
                let _ = pipe::register(signal, writer);
            }
        }
        let listener = self.clone();
        thread::spawn(move || {
            while let Ok(1..) = reader.read(&mut [0; 16]) {
                then(&listener);
            }
        });
    }

    /// If it is time to end: asks a command without a terminal first.
    fn end(&self) {
        if !self.is_interrupted() {
            return;
        }
        let asked = match &*self.phase() {
            Phase::Piped { docker, container } => Some((docker.clone(), container.clone())),
            Phase::Before | Phase::Terminal(_) => None,
        };
        // One that has not begun yet has nothing to write.
        if asked.is_some_and(|(docker, container)| docker.kill(&container, "INT").is_ok()) {
            thread::sleep(GRACE);
        }
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The terminal may have another size, and after a stop another mode.
    fn resize(&self) {
        let sender = match &*self.phase() {
            Phase::Terminal(sender) => sender.clone(),
            Phase::Before | Phase::Piped { .. } => return,
        };
        raw::again();
        if let Some((rows, columns)) = raw::size() {
            let _ = sender.send(InputEvent::Resize { rows, columns });
        }
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
