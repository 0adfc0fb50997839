//! The start of a program of the root.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use rustix::fs::{FileType, fchown, fstat};
use rustix::process::{Gid, Resource, Rlimit, Uid, getrlimit, setrlimit};

use crate::error::Failure;
use crate::spec::{Program, Stdin};
use crate::{privileges, raw};

/// The caller's limit of open files.
static FILES: OnceLock<Rlimit> = OnceLock::new();

/// Lets this process have as many open files as it may: it holds two for each connection. Programs keep the caller's limit.
pub(crate) fn raise_open_files() {
    let there = *FILES.get_or_init(|| getrlimit(Resource::Nofile));
    // Without it, fewer connections are open at once.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: there.maximum, ..there });
}

/// Returns the command that starts a program, after a look at its folder.
pub(crate) fn command_of(program: &Program) -> Result<Command, Failure> {
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
    if let Some(files) = FILES.get() {
        raw::limit_files(&mut command, *files);
    }
    raw::lose(&mut command, privileges::named(&program.cap_drop));
    if program.user != (0, 0) || !program.groups.is_empty() {
        raw::become_user(&mut command, program.user, &program.groups);
    }
    Ok(command)
}

/// Gives this process's own streams to the program's user, except for those that are the caller's.
pub(crate) fn give_streams(program: &Program) {
    if program.stdin.is_inherited() {
        return;
    }
    if program.stdin == Stdin::Bytes {
        give_pipe(rustix::stdio::stdin(), program);
    }
    give_pipe(rustix::stdio::stdout(), program);
    give_pipe(rustix::stdio::stderr(), program);
}

/// Gives a pipe to the program's user: `/dev/stdout` leads to it, and who opens that needs the rights of a file.
pub(crate) fn give_pipe(pipe: impl AsFd, program: &Program) {
    let (user, group) = program.user;
    let is_pipe = fstat(&pipe).is_ok_and(|there| FileType::from_raw_mode(there.st_mode) == FileType::Fifo);
    if is_pipe && program.user != (0, 0) {
        // A user whom the sandbox lacks cannot start the program either, and that error tells more.
        let _ = fchown(pipe, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)));
    }
}
