//! The start of a program of the root.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::error::Failure;
use crate::spec::Program;
use crate::{privileges, raw};

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
    raw::lose(&mut command, privileges::named(&program.cap_drop));
    if program.user != (0, 0) || !program.groups.is_empty() {
        raw::become_user(&mut command, program.user, &program.groups);
    }
    Ok(command)
}
