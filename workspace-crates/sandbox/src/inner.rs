//! The inner process, the first one of the pid namespace: enters the root, drops privileges, and does its task.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, kill_process, set_parent_process_death_signal, setsid};

use crate::asks::{self, Attention};
use crate::children::Children;
use crate::control::{Control, Said};
use crate::error::Failure;
use crate::program::command_of;
use crate::spec::{Order, Program, Stdin, Task};
use crate::{archive, loopback, mounts, privileges, raw, serving};

/// The exit code of a sandbox whose parent is gone: nobody reads it.
const ABANDONED: i32 = 1;

/// Does what the parent orders.
pub(crate) fn run(mut control: Control) -> ExitCode {
    let said = match order(&mut control) {
        Ok(Some(code)) => Said::Ended(code),
        Ok(None) => Said::Missing,
        Err(failure) => Said::Failed(failure),
    };
    match control.say(&said) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Returns the exit code, or `None` if the root does not have the file that the parent asks for.
fn order(control: &mut Control) -> Result<Option<i32>, Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Failure::new("tie its life to its parent", error))?;
    let lost = |error: io::Error| Failure::new("read its specification", error);
    control.say(&Said::Waiting).map_err(lost)?;
    let Some(Order { spec, has_range, task }) = control.hear().map_err(lost)? else { process::exit(ABANDONED) };
    let asks = match &task {
        Task::Attend(_, attention) => {
            control.say(&Said::Waiting).map_err(lost)?;
            let socket = asks::take(control.socket().map_err(lost)?).map_err(lost)?;
            Some((socket, *attention))
        }
        _ => None,
    };
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    if let Task::Remove { folders } = &task {
        return archive::remove(folders).map(|()| Some(0));
    }
    let is_terminal = matches!(
        &task,
        Task::Run(Program { stdin: Stdin::Terminal, .. }) | Task::Attend(Program { stdin: Stdin::Terminal, .. }, _)
    );
    if is_terminal {
        // The first process of a namespace gets no signal that it does not handle. The program starts with the defaults.
        raw::heed_endings();
    } else {
        // Nothing in the sandbox can write into the input of the caller's terminal.
        let _ = setsid();
    }
    rustix::system::sethostname(b"tierce").map_err(|error| Failure::new("name its host", error))?;
    loopback::switch_on()?;
    mounts::enter(&spec, has_range)?;
    match task {
        Task::Run(program) | Task::Attend(program, _) => {
            privileges::drop_for(program.fakes_owners)?;
            run_program(control, &program, asks).map(Some)
        }
        Task::Pack { path } => {
            privileges::drop_for(false)?;
            // The archive is data for the parent's pipe, and no terminal is at its end.
            let out = raw::stdout().map_err(|error| Failure::new("open stdout", error))?;
            archive::pack(&path, control, out)
        }
        Task::Unpack { folder, owners, layer } => {
            privileges::drop_for(false)?;
            archive::unpack(Path::new(&folder), owners, layer).map(|()| Some(0))
        }
        Task::Remove { .. } => Ok(Some(0)),
    }
}

/// Runs the program, and collects the orphans of all others, until it ends. The kernel then kills what is left.
fn run_program(control: &mut Control, program: &Program, asks: Option<(OwnedFd, Attention)>) -> Result<i32, Failure> {
    let mut command = command_of(program)?;
    let name = program.command.first().cloned();
    let cannot_start = |error| Failure { program: name, ..Failure::new("start the program", error) };
    let running = Arc::new(AtomicI32::new(0));
    let is_attended = asks.as_ref().is_some_and(|(_, attention)| *attention == Attention::Everything);
    end_without_parent(control, Arc::clone(&running), is_attended)
        .map_err(|error| Failure::new("watch its parent", error))?;
    let children = Arc::new(Children::default());
    let child = children.start(&mut command).map_err(cannot_start)?.id().cast_signed();
    running.store(child, Ordering::Relaxed);
    if let Some((socket, _)) = asks {
        serving::serve(socket, program.clone(), Arc::clone(&children))?;
    }
    let _ = control.say(&Said::Begun);
    let code = children.collect_until(child).map_err(|error| Failure::new("wait for the program", error))?;
    if is_attended {
        // As after the end of a container, no process of it goes on, but its files are there.
        raw::kill_all_others();
        let _ = control.say(&Said::Ended(code));
        loop {
            thread::park();
        }
    }
    Ok(code)
}

/// Ends this process, and with it the namespace, once the parent has closed its end of the socket. Until then, passes the parent's
/// signals on to the running program. If it counts as the first process, it gets only those that it handles, and `SIGKILL`.
fn end_without_parent(control: &Control, running: Arc<AtomicI32>, is_first: bool) -> io::Result<()> {
    let mut other = Control::new(control.socket()?);
    thread::spawn(move || {
        while let Ok(Some(said)) = other.hear::<Said>() {
            let Said::Signal(number) = said else { continue };
            let pid = running.load(Ordering::Relaxed);
            if is_first && number != Signal::KILL.as_raw() && !handles(pid, number) {
                continue;
            }
            if let (Some(signal), Some(pid)) = (Signal::from_named_raw(number), Pid::from_raw(pid)) {
                // The program may have ended meanwhile.
                let _ = kill_process(pid, signal);
            }
        }
        process::exit(ABANDONED);
    });
    Ok(())
}

/// Whether a process handles a signal, proc_pid_status(5).
fn handles(pid: i32, signal: i32) -> bool {
    let text = tierce_bounded::text(format!("/proc/{pid}/status"), &tierce_bounded::KERNEL).unwrap_or_default();
    is_caught(&text, signal)
}

fn is_caught(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
    let bit = u32::try_from(signal - 1).ok().and_then(|bit| 1_u64.checked_shl(bit));
    mask.zip(bit).is_some_and(|(mask, bit)| mask & bit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handled_signals_are_read_from_the_mask() {
        let status = "Name:\tx\nSigIgn:\t0000000000000001\nSigCgt:\t0000000180004002\n";
        let caught: Vec<i32> = (-1..=64).filter(|signal| is_caught(status, *signal)).collect();
        assert_eq!(caught, [2, 15, 32, 33]);
        assert!(!is_caught("", 15));
    }
}
