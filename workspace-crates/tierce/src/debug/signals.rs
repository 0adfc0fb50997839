//! Signals during a session.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::low_level::pipe;
use tierce_docker::{Docker, InputEvent, InputSender};

use crate::terminal::raw;

/// The time that a command has to end after the signal, before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// The current effect of a signal.
enum Phase {
    /// No command runs.
    Before,
    /// The command has a terminal, which passes Ctrl-C to it as a key.
    Terminal(InputSender),
    /// The command has no terminal, so it gets the signal itself and can flush its output.
    Piped { docker: Docker, container: String },
}

/// Passes signals on.
#[derive(Clone)]
pub(super) struct Signals {
    phase: Arc<Mutex<Phase>>,
    /// Ends every wait for the daemon.
    stop: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
}

impl Signals {
    /// Starts to listen. Signals that end programs set `interrupted`; `stop` is set when the command must end too.
    pub(super) fn listen(interrupted: &Arc<AtomicBool>, stop: &Arc<AtomicBool>) -> Signals {
        let signals = Signals {
            phase: Arc::new(Mutex::new(Phase::Before)),
            stop: Arc::clone(stop),
            interrupted: Arc::clone(interrupted),
        };
        // Two threads, because a daemon that hangs must not delay the end.
        signals.follow(&[SIGINT, SIGTERM, SIGHUP], Signals::end);
        signals.follow(&[SIGWINCH, SIGCONT], Signals::resize);
        signals.end();
        signals
    }

    /// Notes that the command has a terminal.
    pub(super) fn to_terminal(&self, sender: InputSender) {
        *self.phase() = Phase::Terminal(sender);
        self.resize();
    }

    /// Notes that signals go to the command of this container.
    pub(super) fn to_command(&self, docker: &Docker, container: &str) {
        *self.phase() = Phase::Piped { docker: docker.clone(), container: container.to_owned() };
        self.end();
    }

    /// Whether a signal that ends programs has arrived.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Calls a function after each of these signals, from a thread, which may take locks.
    fn follow(&self, numbers: &[i32], then: fn(&Signals)) {
        let Ok((mut reader, writer)) = UnixStream::pair() else { return };
        for &signal in numbers {
            // A signal that cannot be caught keeps its default.
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

    /// Ends all waits after a signal. A command without a terminal gets the signal first.
    fn end(&self) {
        if !self.is_interrupted() {
            return;
        }
        let asked = match &*self.phase() {
            Phase::Piped { docker, container } => Some((docker.clone(), container.clone())),
            Phase::Before | Phase::Terminal(_) => None,
        };
        if let Some((docker, container)) = asked {
            let (answer, answered) = mpsc::channel();
            // A daemon that hangs must not delay the end. `stop` ends this thread's request too.
            thread::spawn(move || answer.send(docker.kill(&container, "INT").is_ok()));
            // A command that has not started has no output.
            if answered.recv_timeout(GRACE) == Ok(true) {
                thread::sleep(GRACE);
            }
        }
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Restores the mode of the terminal after a stop, and notes that its size may have changed.
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
