//! The outer process: leaves the parent's namespaces, and starts the inner process in the new ones.

use std::env;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use rustix::thread::{UnshareFlags, set_thread_gid, set_thread_groups, set_thread_uid};

use crate::control::{Control, Said};
use crate::error::Failure;
use crate::{inner, raw};

/// The name of the outer process.
pub(crate) const OUTER: &str = "tierce-sandbox";
/// The name of the inner process.
pub(crate) const INNER: &str = "tierce-sandbox-init";
/// The argument of an outer process in the caller's process group.
pub(crate) const IN_TERMINAL: &str = "terminal";
/// The running program, also after its file was replaced.
pub(crate) const THIS_PROGRAM: &str = "/proc/self/exe";

/// Becomes a process of a sandbox, if the name of this process says that it is one. A program calls this before anything else:
/// new namespaces need a process without threads.
pub fn entry() -> Option<ExitCode> {
    // A caller that ignores ended children leaves that to its own: the kernel then keeps no exit codes.
    raw::heed_ended_children();
    let mut arguments = env::args_os();
    let name = arguments.next()?;
    if name == INNER {
        return Some(inner::run(Control::new(raw::take())));
    }
    if name != OUTER {
        return None;
    }
    let mut words = arguments.filter_map(|word| word.into_string().ok());
    let has_user_namespace = words.next().is_some_and(|word| word == "user");
    if words.next().is_some_and(|word| word == IN_TERMINAL) {
        // A key of the terminal is for the program, which may go on.
        raw::ignore_endings();
    }
    let parent = words.next().and_then(|word| word.parse().ok());
    let mut control = Control::new(raw::take());
    Some(match run(&mut control, has_user_namespace, parent) {
        Ok(code) => code,
        Err(failure) => {
            let _ = control.say(&Said::Failed(failure));
            ExitCode::FAILURE
        }
    })
}

fn run(control: &mut Control, has_user_namespace: bool, parent: Option<i32>) -> Result<ExitCode, Failure> {
    end_with_parent(parent)?;
    let mut namespaces = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWNET
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWCGROUP;
    if has_user_namespace {
        namespaces |= UnshareFlags::NEWUSER;
    }
    raw::unshare(namespaces).map_err(|error| Failure::new("create namespaces", error))?;
    if !has_user_namespace {
        // The caller's further groups would differ from user to user.
        set_thread_groups(&[]).map_err(|error| Failure::new("leave the caller's groups", error))?;
    }
    if has_user_namespace {
        let lost = |error: io::Error| Failure::new("wait for its users", error);
        control.say(&Said::Unshared).map_err(lost)?;
        if control.hear::<Said>().map_err(lost)?.is_none() {
            return Ok(ExitCode::FAILURE);
        }
        become_root()?;
        // The kernel forgets it when the user changes.
        end_with_parent(parent)?;
    }
    let mut inner = Command::new(THIS_PROGRAM);
    inner.arg0(INNER).env_clear();
    let socket = control.socket().map_err(|error| Failure::new("start its first process", error))?;
    raw::pass(&mut inner, &socket);
    let mut inner = inner.spawn().map_err(|error| Failure::new("start its first process", error))?;
    let status = inner.wait().map_err(|error| Failure::new("wait for its first process", error))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lets the kernel kill this process when its parent dies.
fn end_with_parent(parent: Option<i32>) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Failure::new("tie its life to its parent", error))?;
    // The parent may have died before.
    match getppid().map(|pid| pid.as_raw_nonzero().get()) == parent {
        true => Ok(()),
        false => Err(Failure::new("tie its life to its parent", io::Error::from(io::ErrorKind::BrokenPipe))),
    }
}

/// Becomes the root of the new user namespace.
fn become_root() -> Result<(), Failure> {
    let failed = |error| Failure::new("become root in its user namespace", error);
    set_thread_gid(rustix::process::Gid::ROOT).map_err(failed)?;
    // A namespace with one user refuses this, and then no group but root's is there.
    let _ = set_thread_groups(&[]);
    set_thread_uid(rustix::process::Uid::ROOT).map_err(failed)
}
