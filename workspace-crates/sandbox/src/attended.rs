//! A program that the parent attends: it looks at files, runs further programs beside it, sends signals, and ends the sandbox.

use std::io::{self, BufReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::asks::{self, Ask, Attention, Checked};
use crate::control::{Control, Said};
use crate::error::Failure;
use crate::forward::{self, Published};
use crate::spec::{Program, Spec, Task};
use crate::started::Started;
use crate::{Error, Sandbox, Stream};

/// The time between two looks at an interruption.
const LOOK: Duration = Duration::from_millis(50);
/// The time beyond its limit in which the sandbox answers about a further program.
const ANSWER: Duration = Duration::from_secs(5);

/// A receiver of a program's output; several threads may call it.
pub type Output = Arc<dyn Fn(Stream, &[u8]) + Send + Sync>;

/// A file or folder of a running sandbox, as a tar archive.
pub struct PackedFile(BufReader<UnixStream>);

/// A sandbox with its program. Its files stay after the program's end. Everything goes on drop.
pub struct Attended {
    interrupted: Arc<AtomicBool>,
    started: Mutex<Started>,
    asks: Arc<OwnedFd>,
    state: Arc<(Mutex<State>, Condvar)>,
    readers: Mutex<Vec<JoinHandle<()>>>,
}

/// The state of the program.
#[derive(Clone)]
enum State {
    Starting,
    Running,
    Ended(i32),
    Failed(Failure),
    Gone,
}

impl Sandbox {
    /// Starts a program, with `input` on its stdin, and connections of ports of the host. As the first process of a container, it gets
    /// only the signals that it handles, and `SIGKILL`.
    ///
    /// # Errors
    /// If the sandbox or the program does not start; [`Error::Interrupted`].
    pub fn attend(
        &self,
        spec: &Spec,
        program: &Program,
        input: Vec<u8>,
        ports: Vec<Published>,
        output: &Output,
    ) -> Result<Attended, Error> {
        let (mut started, asks) = self.start_attended(spec, program, Attention::Everything)?;
        publish(&asks, ports)?;
        let failed = |source| Error::Refused { what: "listen to its program".to_owned(), source };
        let readers = connect(&mut started, input, output);
        let mut control = Control::new(started.control.socket().map_err(failed)?);
        let state: Arc<(Mutex<State>, Condvar)> = Arc::new((Mutex::new(State::Starting), Condvar::new()));
        let heard = Arc::clone(&state);
        thread::spawn(move || {
            loop {
                let next = match control.hear().ok().flatten() {
                    Some(Said::Begun) => State::Running,
                    Some(Said::Ended(code)) => State::Ended(code),
                    Some(Said::Failed(failure)) => State::Failed(failure),
                    Some(_) => continue,
                    None => State::Gone,
                };
                let is_last = matches!(next, State::Gone);
                let mut state = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
                // The end of the sandbox is no news after that of the program.
                if !(is_last && matches!(*state, State::Ended(_) | State::Failed(_))) {
                    *state = next;
                }
                heard.1.notify_all();
                if is_last {
                    return;
                }
            }
        });
        let readers = Mutex::new(readers);
        let attended = Attended { interrupted: self.interrupted(), started: Mutex::new(started), asks, state, readers };
        attended.wait_while(None, |state| matches!(state, State::Starting))?;
        Ok(attended)
    }

    /// As [`Sandbox::run_here`], with ports of the host whose connections the program gets.
    ///
    /// # Errors
    /// As of [`Sandbox::run_here`].
    pub fn run_published(
        &self,
        spec: &Spec,
        program: &Program,
        ports: Vec<Published>,
        signals: &mut dyn FnMut() -> Vec<i32>,
    ) -> Result<i32, Error> {
        if ports.is_empty() {
            return self.run_here(spec, program, signals);
        }
        let (started, asks) = self.start_attended(spec, program, Attention::Connections)?;
        publish(&asks, ports)?;
        self.follow(started, signals)
    }

    /// Starts a program, and gives its sandbox a socket for requests.
    fn start_attended(
        &self,
        spec: &Spec,
        program: &Program,
        attention: Attention,
    ) -> Result<(Started, Arc<OwnedFd>), Error> {
        let failed = |source| Error::Refused { what: "start".to_owned(), source };
        let mut started = self.start(spec, Task::Attend(program.clone(), attention), self.stop())?;
        started.hear_exactly(&Said::Waiting)?;
        let (ours, theirs) = asks::pair().map_err(failed)?;
        asks::give(started.control.socket().map_err(failed)?, theirs.as_fd()).map_err(failed)?;
        Ok((started, Arc::new(ours)))
    }
}

/// Passes the connections of ports of the host on.
fn publish(asks: &Arc<OwnedFd>, ports: Vec<Published>) -> Result<(), Error> {
    let failed = |source| Error::Refused { what: "pass connections on".to_owned(), source };
    ports.into_iter().try_for_each(|port| forward::publish(port, Arc::clone(asks))).map_err(failed)
}

/// Writes the input, and passes the output on.
fn connect(started: &mut Started, input: Vec<u8>, output: &Output) -> Vec<JoinHandle<()>> {
    if let Some(mut stdin) = started.outer.stdin.take() {
        // The program may end before it has read everything.
        thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let mut readers = Vec::new();
    let mut read = |mut from: Box<dyn Read + Send>, stream: Stream| {
        let output = Arc::clone(output);
        readers.push(thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            loop {
                match from.read(&mut buffer) {
                    Ok(0) => return,
                    Ok(count) => output(stream, &buffer[..count]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => return,
                }
            }
        }));
    };
    if let Some(stdout) = started.outer.stdout.take() {
        read(Box::new(stdout), Stream::Stdout);
    }
    if let Some(stderr) = started.outer.stderr.take() {
        read(Box::new(stderr), Stream::Stderr);
    }
    readers
}

impl Attended {
    /// Returns the exit code of an ended program, or 128 plus the number of the signal that ended it. Returns none while it runs.
    ///
    /// # Errors
    /// If the sandbox is gone; [`Error::Interrupted`].
    pub fn ended(&self) -> Result<Option<i32>, Error> {
        // A caller asks this while it waits for something else, as for a port.
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let state = self.state().clone();
        match state {
            State::Starting | State::Running => Ok(None),
            State::Ended(code) => Ok(Some(code)),
            State::Failed(failure) => Err(failure.into()),
            State::Gone => Err(self.started.lock().unwrap_or_else(PoisonError::into_inner).why_it_ended()),
        }
    }

    /// Waits for the end of the program, at most for this time. Returns its code as [`Attended::ended`] does.
    ///
    /// # Errors
    /// If the sandbox is gone; [`Error::Interrupted`].
    pub fn wait(&self, limit: Duration) -> Result<Option<i32>, Error> {
        self.wait_while(Some(limit), |state| matches!(state, State::Starting | State::Running))
    }

    /// Whether the kernel has killed one of its processes for lack of memory.
    pub fn ran_out_of_memory(&self) -> bool {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).ran_out_of_memory()
    }

    /// Whether its limit of memory holds. It does not where the sandbox has no control group of its own.
    pub fn limits_memory(&self) -> bool {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).limits_memory()
    }

    /// Sends a signal to the program.
    pub fn signal(&self, signal: i32) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        // The end of the sandbox arrives as a message of its own.
        let _ = started.control.say(&Said::Signal(signal));
    }

    /// Runs a further program beside it, as the same user, for at most this time.
    ///
    /// # Errors
    /// If the sandbox is gone.
    pub fn check(&self, command: &[String], limit: Duration) -> Result<Checked, Error> {
        let mut answers = self.ask(&Ask::Check { command: command.to_vec(), limit }, Some(limit + ANSWER))?;
        answers.hear().ok().flatten().ok_or(Error::Killed)
    }

    /// Returns a file or folder of the root as an archive, none if it does not exist.
    ///
    /// # Errors
    /// If the sandbox is gone, or cannot read the file.
    pub fn pack(&self, path: &str) -> Result<Option<PackedFile>, Error> {
        let mut answers = self.ask(&Ask::Pack { path: path.to_owned() }, None)?;
        match answers.hear::<Said>().ok().flatten() {
            Some(Said::Begun) => Ok(Some(PackedFile(answers.rest()))),
            Some(Said::Missing) => Ok(None),
            Some(Said::Failed(failure)) => Err(failure.into()),
            _ => Err(Error::Killed),
        }
    }

    /// Ends the sandbox. After this, the receiver has all output.
    pub fn close(&self) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.kill();
        let _ = started.outer.wait();
        for reader in self.readers.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = reader.join();
        }
    }

    /// Sends a request, and waits until its answer begins.
    fn ask(&self, ask: &Ask, patience: Option<Duration>) -> Result<Control, Error> {
        let failed = |source| Error::Refused { what: "ask its first process".to_owned(), source };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        asks::send(&self.asks, ask, theirs.as_fd()).map_err(failed)?;
        // The first process has its copy, and its end counts.
        drop(theirs);
        let start = Instant::now();
        while !asks::has_news(&ours, LOOK).map_err(failed)? {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            if patience.is_some_and(|patience| start.elapsed() > patience) {
                return Err(Error::Killed);
            }
        }
        Ok(Control::new(ours))
    }

    fn wait_while(&self, limit: Option<Duration>, goes_on: impl Fn(&State) -> bool) -> Result<Option<i32>, Error> {
        let start = Instant::now();
        let mut state = self.state();
        while goes_on(&state) {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let left = limit.map_or(LOOK, |limit| limit.saturating_sub(start.elapsed()));
            if left.is_zero() {
                return Ok(None);
            }
            state = self.state.1.wait_timeout(state, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        self.ended()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for PackedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}
