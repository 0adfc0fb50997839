//! The signals that the parent passes on to the program.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use crate::control::{Control, Said};
use crate::raw::{self, KILL};

/// The number of looks at blocked signals, and the time between them.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);
/// The exit code of a sandbox whose parent is gone: nobody reads it.
pub(crate) const ABANDONED: i32 = 1;

/// Ends this process, and with it the namespace, once the parent has closed its end of the socket. Until then, passes the parent's
/// signals on to the running program. If it counts as the first process, it gets only those that it handles, and `SIGKILL`.
pub(crate) fn pass_on(control: &Control, running: Arc<AtomicI32>, is_first: bool) -> io::Result<()> {
    let mut other = Control::new(control.socket()?);
    thread::spawn(move || {
        while let Ok(Some(said)) = other.hear::<Said>() {
            let Said::Signal(number) = said else { continue };
            let pid = running.load(Ordering::Relaxed);
            if !is_first || number == KILL || handles(pid, number) {
                // The program may have ended meanwhile.
                raw::send_signal(pid, number);
            }
        }
        process::exit(ABANDONED);
    });
    Ok(())
}

/// Whether a process handles a signal, proc_pid_status(5).
fn handles(pid: i32, signal: i32) -> bool {
    let path = format!("/proc/{pid}/status");
    is_handled(signal, PAUSE, || tierce_bounded::text(&path, &tierce_bounded::KERNEL).unwrap_or_default())
}

/// Whether a status has a signal among the caught ones, or several looks find it among the blocked ones: sigwait(3) and signalfd(2) take
/// those, and a shell blocks all signals for a moment while it starts a program.
fn is_handled(signal: i32, pause: Duration, mut status: impl FnMut() -> String) -> bool {
    for _ in 0..LOOKS {
        let status = status();
        if is_in(&status, "SigCgt:", signal) {
            return true;
        }
        if !is_in(&status, "SigBlk:", signal) {
            return false;
        }
        thread::sleep(pause);
    }
    true
}

fn is_in(status: &str, mask: &str, signal: i32) -> bool {
    let bit = u32::try_from(signal - 1).ok().and_then(|bit| 1_u64.checked_shl(bit)).unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix(mask)?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & bit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handled_signals_are_read_from_the_masks() {
        let status = "Name:\tx\nSigBlk:\t8000000000000200\nSigIgn:\t0000000000000001\nSigCgt:\t0000000180004002\n";
        let is_handled = |status: &str, signal| is_handled(signal, Duration::ZERO, || status.to_owned());
        let handled: Vec<i32> = (-1..=65).filter(|signal| is_handled(status, *signal)).collect();
        assert_eq!(handled, [2, 10, 15, 32, 33, 64]);
        assert!(!is_handled("", 15));
    }

    #[test]
    fn signal_that_is_blocked_for_a_moment_is_not_handled() {
        for (blocked, expected) in [(1, false), (LOOKS - 1, false), (LOOKS, true)] {
            let mut looks = 0;
            let found = is_handled(10, Duration::ZERO, || {
                looks += 1;
                let mask = if looks <= blocked { "7ffffffffffffeff" } else { "0" };
                format!("SigBlk:\t{mask}\nSigCgt:\t0\n")
            });
            assert_eq!(found, expected, "{blocked}");
        }
    }
}
