//! The inner process, the first one of the pid namespace: enters the root, drops privileges, and does its task.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, set_parent_process_death_signal, setsid};

use crate::asks::{self, Attention};
use crate::children::Children;
use crate::control::{Control, Said};
use crate::error::Failure;
use crate::forward::Open;
use crate::program::{command_of, give_streams, raise_open_files};
use crate::signals::{self, ABANDONED};
use crate::spec::{Order, Program, Stdin, Task};
use crate::{archive, loopback, mounts, privileges, raw, serving};

/// The time in which the last answers of an ended program leave the sandbox.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

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
    if asks.is_some() {
        loopback::add_addresses()?;
    }
    mounts::enter(&spec, has_range)?;
    match task {
        Task::Run(program) | Task::Attend(program, _) => {
            raise_open_files();
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
    give_streams(program);
    let mut command = command_of(program)?;
    let name = program.command.first().cloned();
    let cannot_start = |error| Failure { program: name, ..Failure::new("start the program", error) };
    let running = Arc::new(AtomicI32::new(0));
    let attention = asks.as_ref().map(|(_, attention)| *attention);
    signals::pass_on(control, Arc::clone(&running), attention == Some(Attention::Everything))
        .map_err(|error| Failure::new("watch its parent", error))?;
    let children = Arc::new(Children::default());
    let child = children.start(&mut command).map_err(cannot_start)?.id().cast_signed();
    running.store(child, Ordering::Relaxed);
    let open = Open::default();
    if let Some((socket, _)) = asks {
        serving::serve(socket, program.clone(), Arc::clone(&children), open.clone())?;
    }
    let _ = control.say(&Said::Begun);
    let code = children.collect_until(child).map_err(|error| Failure::new("wait for the program", error))?;
    // Another process may get its number.
    running.store(0, Ordering::Relaxed);
    if attention.is_some() {
        // As after the end of a container, no process of it goes on.
        children.close();
        raw::kill_all_others();
    }
    match attention {
        Some(Attention::Everything) => {
            let _ = control.say(&Said::Ended(code));
            // Somebody may wait for a check, which has ended now.
            children.collect_all();
            // The files are there until the parent is gone.
            loop {
                thread::park();
            }
        }
        Some(Attention::Connections) => open.wait_until_closed(LAST_ANSWERS),
        None => {}
    }
    Ok(code)
}
