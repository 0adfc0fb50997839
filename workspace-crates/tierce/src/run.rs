//! `cargo xtask run`

use std::io::{self, IsTerminal};

use anstyle::AnsiColor;
use tierce_execute::{Error, RunOptions};
use tierce_sandbox::Stdin;

use crate::call::Call;
use crate::cli::RunArgs;
use crate::{Failure, interrupt, publish, text, volume};

/// Builds an image and runs it. Returns the exit code of its program.
pub(crate) fn run(arguments: &RunArgs, call: &Call<'_>) -> Result<u8, Failure> {
    let terminal = call.terminal;
    let mut options = call.options(arguments.jobs)?;
    options.no_test = true;
    let session = call.session_with(options)?;
    let images = session.images(std::slice::from_ref(&arguments.image))?;
    let [image] = images.as_slice() else { return Ok(0) };
    let here = std::env::current_dir().map_err(|error| Error::file("use", ".".as_ref(), error))?;
    let is_terminal = io::stdin().is_terminal();
    let options = RunOptions {
        arguments: arguments.arguments.clone(),
        entrypoint: arguments.entrypoint.clone(),
        environment: arguments.env.iter().filter_map(|variable| variable_of(variable, text)).collect(),
        user: arguments.user.clone(),
        workdir: arguments.workdir.clone(),
        read_only: arguments.read_only,
        stdin: if is_terminal { Stdin::Terminal } else { Stdin::Inherited },
        cap_drop: Vec::new(),
        mounts: volume::mounts(&arguments.volume, &here)?,
    };
    // Before a long build: another program may have the port.
    let (ports, told) = publish::open(&arguments.publish)?;
    let runnable = session.runnable(image, &options, &|event| terminal.show(event))?;
    terminal.close();
    told.iter().for_each(|line| terminal.status(AnsiColor::Green, "Listening", line));
    let signals = interrupt::pass_on();
    let code = runnable.run(ports, &mut || signals.take(is_terminal))?;
    // A program's exit code has eight bits.
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

/// Parses a variable. Without a value, it has that of the caller, or is absent there too.
fn variable_of(variable: &str, of_caller: impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
    match variable.split_once('=') {
        Some((name, value)) => Some((name.to_owned(), value.to_owned())),
        None => Some((variable.to_owned(), of_caller(variable)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variable_without_value_has_that_of_the_caller() {
        let of_caller = |name: &str| (name == "HERE").then(|| "1".to_owned());
        for (variable, expected) in
            [("A=b=c", Some(("A", "b=c"))), ("A=", Some(("A", ""))), ("HERE", Some(("HERE", "1"))), ("ABSENT", None)]
        {
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(variable_of(variable, of_caller), expected, "{variable}");
        }
    }
}
