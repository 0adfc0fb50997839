//! The only unsafe code of this crate: the descriptor that a sandbox's process gets from its parent, its new namespaces, its signals
//! and the user of its program.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Gid, Resource, Rlimit, Uid, setrlimit};
use rustix::thread::{
    CapabilitySet, UnshareFlags, remove_capability_from_bounding_set, set_thread_gid, set_thread_groups, set_thread_uid,
};

/// The number of `SIGKILL`.
pub(crate) const KILL: i32 = libc::SIGKILL;
/// The number of the last signal, a real-time one.
const LAST_SIGNAL: i32 = 64;
/// The number of the control socket in a sandbox's processes.
const CONTROL: RawFd = 3;

/// Gives a child this socket. The parent has to keep it until the child has started.
pub(crate) fn pass(command: &mut Command, socket: &UnixStream) {
    let from = socket.as_raw_fd();
    let give = move || {
        // A copy of a descriptor onto itself would keep its flag to close on exec.
        let result = match from == CONTROL {
            // SAFETY: `fcntl` on a number has no effect on memory.
            true => unsafe { libc::fcntl(from, libc::F_SETFD, 0) },
            // SAFETY: the same holds for `dup2`.
            false => unsafe { libc::dup2(from, CONTROL) },
        };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    // SAFETY: the closure runs in the forked child, and calls only functions that signal-safety(7) lists.
    unsafe {
        command.pre_exec(give);
    }
}

/// Takes the socket that [`pass`] gave this process. A process calls this once, before it opens any file.
pub(crate) fn take() -> UnixStream {
    // The program must not inherit what the caller has left open: a folder among them would lead out of the root.
    // SAFETY: this process has opened no descriptor yet, so nothing owns those that this closes.
    unsafe { libc::syscall(libc::SYS_close_range, CONTROL + 1, libc::c_uint::MAX, 0) };
    // SAFETY: the parent has opened this descriptor for this process, and nothing else here owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(CONTROL) };
    // The user's program must not inherit it.
    let _ = rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC);
    UnixStream::from(socket)
}

/// Returns this process's stdout as a file without a buffer of lines.
pub(crate) fn stdout() -> io::Result<File> {
    Ok(File::from(rustix::io::dup(rustix::stdio::stdout())?))
}

/// Creates namespaces for this process, and for its later children.
pub(crate) fn unshare(namespaces: UnshareFlags) -> io::Result<()> {
    // SAFETY: only `UnshareFlags::FILES` has a danger, for other threads that use the same descriptors.
    unsafe { rustix::thread::unshare_unsafe(namespaces - UnshareFlags::FILES) }?;
    Ok(())
}

/// The signals of a terminal's keys, and those that ask a program to end.
const ENDING: [libc::c_int; 4] = [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP];

/// Ignores the signals that end programs, in this process and in those that it starts.
pub(crate) fn ignore_endings() {
    set_endings(libc::SIG_IGN);
}

/// Takes [`ignore_endings`] back.
pub(crate) fn heed_endings() {
    set_endings(libc::SIG_DFL);
}

/// Takes back that a caller ignores the end of its children, which this process would inherit.
pub(crate) fn heed_ended_children() {
    // SAFETY: the action is the kernel's own, and runs no code of this process.
    unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
    }
}

fn set_endings(action: libc::sighandler_t) {
    for signal in ENDING {
        // SAFETY: both actions are the kernel's own, and run no code of this process.
        unsafe {
            libc::signal(signal, action);
        }
    }
}

/// Kills all other processes of this pid namespace; only its first process calls this.
pub(crate) fn kill_all_others() {
    // SAFETY: `kill` has no effect on the memory of this process.
    unsafe {
        libc::kill(-1, libc::SIGKILL);
    }
}

/// Sends a signal to one process. Real-time signals have numbers alone.
pub(crate) fn send_signal(pid: i32, number: i32) {
    // Other numbers stand for many processes, or for none.
    if pid > 0 && (1..=LAST_SIGNAL).contains(&number) {
        // SAFETY: `kill` has no effect on the memory of this process.
        unsafe {
            libc::kill(pid, number);
        }
    }
}

/// Lets a socket that gets an address take a port only when it connects, ip(7). Without it, a port serves one connection at a time.
pub(crate) fn bind_without_port(socket: &OwnedFd) {
    let on: libc::c_int = 1;
    let (length, on) = (size_of_val(&on) as libc::socklen_t, (&raw const on).cast());
    // SAFETY: the value lives until the call returns, and has the stated length.
    unsafe {
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, on, length);
    }
}

/// Starts a command with a limit of open files.
pub(crate) fn limit_files(command: &mut Command, files: Rlimit) {
    // SAFETY: the closure runs in the forked child, and makes one system call.
    unsafe {
        command.pre_exec(move || Ok(setrlimit(Resource::Nofile, files)?));
    }
}

/// Starts a command without these capabilities, also if it runs as root. A change of the user comes after this.
pub(crate) fn lose(command: &mut Command, capabilities: Vec<CapabilitySet>) {
    if capabilities.is_empty() {
        return;
    }
    let lose = move || {
        capabilities.iter().try_for_each(|one| remove_capability_from_bounding_set(*one))?;
        Ok(())
    };
    // SAFETY: the closure runs in the forked child, and makes only system calls.
    unsafe {
        command.pre_exec(lose);
    }
}

/// Starts a command as another user. The standard library would drop the further groups.
pub(crate) fn become_user(command: &mut Command, (user, group): (u32, u32), groups: &[u32]) {
    let groups: Vec<Gid> = groups.iter().map(|group| Gid::from_raw(*group)).collect();
    let change = move || {
        set_thread_groups(&groups)?;
        set_thread_gid(Gid::from_raw(group))?;
        Ok(set_thread_uid(Uid::from_raw(user))?)
    };
    // SAFETY: the closure runs in the forked child, and makes only system calls.
    unsafe {
        command.pre_exec(change);
    }
}

/// Moves a child into a control group when it starts, through the file of its processes. The parent has to keep the file until then.
pub(crate) fn enter_group(command: &mut Command, processes: &File) {
    let processes = processes.as_raw_fd();
    // SAFETY: the closure runs in the forked child, and writes one constant byte.
    unsafe {
        command.pre_exec(move || write_self(processes));
    }
}

/// Tries whether a child can move into a control group. It starts no program.
pub(crate) fn can_enter(processes: &File) -> io::Result<()> {
    let processes = processes.as_raw_fd();
    let mut command = Command::new("/");
    // SAFETY: as in `enter_group`.
    unsafe {
        command.pre_exec(move || write_self(processes).and(Err(io::Error::from_raw_os_error(libc::ECANCELED))));
    }
    match command.spawn() {
        Err(error) if error.raw_os_error() == Some(libc::ECANCELED) => Ok(()),
        Err(error) => Err(error),
        // No file system lets a folder start.
        Ok(mut child) => child.wait().map(drop),
    }
}

/// Writes 0, which stands for the process that writes it.
fn write_self(processes: RawFd) -> io::Result<()> {
    // SAFETY: the byte is a constant, and the descriptor is the parent's, which keeps it.
    match unsafe { libc::write(processes, b"0".as_ptr().cast(), 1) } {
        1 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
