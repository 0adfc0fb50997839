//! The children of the first process: the program, further programs that the parent asks for, and orphans of both.

use std::collections::HashMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, WaitOptions, wait, waitid};

/// Added to the number of the signal that ended a program, as shells do.
const SIGNALLED: i32 = 128;

/// The programs that somebody waits for, with the codes of those that have ended.
#[derive(Default)]
pub(crate) struct Children {
    known: Mutex<HashMap<i32, Option<i32>>>,
    changed: Condvar,
}

impl Children {
    /// Starts a program. Nobody collects children meanwhile, so that the start knows of its failure.
    pub(crate) fn start(&self, command: &mut Command) -> io::Result<Child> {
        let mut known = self.known();
        let child = command.spawn()?;
        known.insert(child.id().cast_signed(), None);
        Ok(child)
    }

    /// Collects all children until this one has ended. Returns its exit code, or 128 plus the number of its signal.
    pub(crate) fn collect_until(&self, pid: i32) -> Result<i32, Errno> {
        loop {
            match waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
            let mut known = self.known();
            while let Ok(Some((ended, status))) = wait(WaitOptions::NOHANG) {
                if let Some(code) = known.get_mut(&ended.as_raw_nonzero().get()) {
                    let status = ExitStatus::from_raw(status.as_raw());
                    *code =
                        Some(status.code().or(status.signal().map(|signal| SIGNALLED + signal)).unwrap_or(SIGNALLED));
                }
            }
            self.changed.notify_all();
            if let Some(code) = known.get(&pid).copied().flatten() {
                return Ok(code);
            }
        }
    }

    /// Waits until a thread that collects children has found this one. Returns none if the time is over.
    pub(crate) fn wait_for(&self, pid: i32, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        let mut known = self.known();
        loop {
            if let Some(code) = known.get(&pid).copied().flatten() {
                known.remove(&pid);
                return Some(code);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            known = self.changed.wait_timeout(known, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<i32, Option<i32>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
