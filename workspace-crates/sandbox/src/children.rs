//! The children of the first process: the program, further programs that the parent asks for, and orphans of both.

use std::collections::HashMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, WaitOptions, wait, waitid};

use crate::raw::{self, KILL};

/// Added to the number of the signal that ended a program, as shells do.
const SIGNALLED: i32 = 128;

/// The programs that somebody waits for.
#[derive(Default)]
pub(crate) struct Children {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The codes of those that have ended.
    known: HashMap<i32, Option<i32>>,
    is_closed: bool,
}

impl Children {
    /// Starts a program. Nobody collects children meanwhile, so that the start knows of its failure.
    pub(crate) fn start(&self, command: &mut Command) -> io::Result<Child> {
        let mut state = self.state();
        if state.is_closed {
            return Err(io::Error::other("the program has ended"));
        }
        let child = command.spawn()?;
        state.known.insert(child.id().cast_signed(), None);
        Ok(child)
    }

    /// Lets no further program start.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
    }

    /// Collects all children until this one has ended. Returns its exit code, or 128 plus the number of its signal.
    pub(crate) fn collect_until(&self, pid: i32) -> Result<i32, Errno> {
        loop {
            self.collect()?;
            if let Some(code) = self.state().known.get(&pid).copied().flatten() {
                return Ok(code);
            }
        }
    }

    /// Collects all children until none is left.
    pub(crate) fn collect_all(&self) {
        while self.collect().is_ok() {}
    }

    /// Waits for the end of a child, and collects those that have ended.
    fn collect(&self) -> Result<(), Errno> {
        match waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        let mut state = self.state();
        while let Ok(Some((ended, status))) = wait(WaitOptions::NOHANG) {
            if let Some(code) = state.known.get_mut(&ended.as_raw_nonzero().get()) {
                let status = ExitStatus::from_raw(status.as_raw());
                *code = Some(status.code().or(status.signal().map(|signal| SIGNALLED + signal)).unwrap_or(SIGNALLED));
            }
        }
        self.changed.notify_all();
        Ok(())
    }

    /// Waits until a thread that collects children has found this one. If the time is over, kills it and returns none.
    pub(crate) fn wait_or_kill(&self, pid: i32, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        let mut state = self.state();
        loop {
            if let Some(code) = state.known.get(&pid).copied().flatten() {
                state.known.remove(&pid);
                return Some(code);
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                // Nobody has collected it, so the number is still its own.
                raw::send_signal(pid, KILL);
                state.known.remove(&pid);
                return None;
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
