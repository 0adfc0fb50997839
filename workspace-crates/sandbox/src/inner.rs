//! The inner process, the first one of the pid namespace: enters the root, drops privileges, and does its task.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{self, Command, ExitCode, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, set_parent_process_death_signal, setsid};

use crate::control::{Control, Said};
use crate::error::Failure;
use crate::spec::{Order, Program, Stdin, Task};
use crate::{archive, loopback, mounts, privileges, raw};

/// The exit code of a sandbox whose parent is gone: nobody reads it.
const ABANDONED: i32 = 1;
/// Added to the number of the signal that ended a program, as shells do.
const SIGNALLED: i32 = 128;

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
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    if let Task::Remove { folders } = &task {
        return archive::remove(folders).map(|()| Some(0));
    }
    let is_terminal = matches!(&task, Task::Run(Program { stdin: Stdin::Terminal, .. }));
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
        Task::Run(program) => {
            privileges::drop_for(program.fakes_owners)?;
            run_program(control, &program).map(Some)
        }
        Task::Pack { path } => {
            privileges::drop_for(false)?;
            archive::pack(&path, control)
        }
        Task::Unpack { folder, owners, layer } => {
            privileges::drop_for(false)?;
            archive::unpack(Path::new(&folder), owners, layer).map(|()| Some(0))
        }
        Task::Remove { .. } => Ok(Some(0)),
    }
}

/// Runs the program, and collects the orphans of all others, until it ends. The kernel then kills what is left.
fn run_program(control: &mut Control, program: &Program) -> Result<i32, Failure> {
    let Some((name, arguments)) = program.command.split_first() else {
        return Err(Failure::new("start a program without a name", io::Error::from(io::ErrorKind::InvalidInput)));
    };
    let mut command = Command::new(name);
    command.args(arguments).env_clear().envs(program.environment.iter().map(|(name, value)| (name, value)));
    let folder = Path::new(program.working_dir.as_deref().unwrap_or("/"));
    if !folder.is_dir() {
        // The error of the start would blame the program.
        return Err(Failure::at("enter", folder, io::Error::from(io::ErrorKind::NotADirectory)));
    }
    command.current_dir(folder);
    if program.user != (0, 0) || !program.groups.is_empty() {
        raw::become_user(&mut command, program.user, &program.groups);
    }
    let cannot_start = |error| Failure { program: Some(name.clone()), ..Failure::new("start the program", error) };
    let running = Arc::new(AtomicI32::new(0));
    end_without_parent(control, Arc::clone(&running)).map_err(|error| Failure::new("watch its parent", error))?;
    let child = command.spawn().map_err(cannot_start)?;
    let child = i32::try_from(child.id()).unwrap_or_default();
    running.store(child, Ordering::Relaxed);
    let _ = control.say(&Said::Begun);
    loop {
        match rustix::process::wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if pid.as_raw_nonzero().get() == child => {
                let status = ExitStatus::from_raw(status.as_raw());
                let signal = status.signal().map(|signal| SIGNALLED + signal);
                return Ok(status.code().or(signal).unwrap_or(SIGNALLED));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Failure::new("wait for the program", error)),
        }
    }
}

/// Ends this process, and with it the namespace, once the parent has closed its end of the socket. Until then, passes the parent's
/// signals on to the running program.
fn end_without_parent(control: &Control, running: Arc<AtomicI32>) -> io::Result<()> {
    let mut other = Control::new(control.socket()?);
    thread::spawn(move || {
        while let Ok(Some(said)) = other.hear::<Said>() {
            let Said::Signal(number) = said else { continue };
            if let (Some(signal), Some(pid)) =
                (Signal::from_named_raw(number), Pid::from_raw(running.load(Ordering::Relaxed)))
            {
                // The program may have ended meanwhile.
                let _ = kill_process(pid, signal);
            }
        }
        process::exit(ABANDONED);
    });
    Ok(())
}
