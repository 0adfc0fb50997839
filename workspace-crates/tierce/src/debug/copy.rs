//! `cargo xtask debug cp`

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use anstyle::AnsiColor;
use tierce_debug::{
    Copied, CopyIn, CopyOut, CopySource, Direction, Error, Options, Place, Process, Target, WhenPaused,
};

use super::Context;
use super::prepare::default_name;
use crate::cli::{CpArgs, Format};
use crate::data::json;
use crate::{Failure, print};

/// The exit code if the copy skipped something.
const LEFT_OUT: u8 = 1;

impl Context<'_> {
    pub(super) fn copy(&self, arguments: &CpArgs) -> Result<u8, Failure> {
        let (source, destination) = (Place::parse(&arguments.source), Place::parse(&arguments.destination));
        match Direction::between(&source, &destination)? {
            Direction::Out { container, path, to } => {
                if arguments.archive {
                    let (kind, value) = ("the option", "--archive".to_owned());
                    let reason = "files that are copied out of a container are the caller's".to_owned();
                    return Err(Error::Value { kind, value, reason }.into());
                }
                let copy = CopyOut { container: container.into(), path: path.into(), follow: arguments.follow_link };
                self.copy_out(&copy, to, arguments)
            }
            Direction::In { from, container, path } => {
                let copy = CopyIn { container: container.into(), path: path.into(), keep_owners: arguments.archive };
                self.copy_in(copy, from, arguments)
            }
        }
    }

    fn copy_out(&self, copy: &CopyOut, to: &Place, arguments: &CpArgs) -> Result<u8, Failure> {
        let Place::Host(here) = to else {
            if arguments.format == Format::Json {
                let reason = "stdout is the tar stream".to_owned();
                return Err(Error::Value { kind: "the format", value: "json".into(), reason }.into());
            }
            self.copy_to(copy, arguments, |archive| {
                io::copy(archive, &mut io::stdout().lock()).map(|_| Copied::default())
            })?;
            return Ok(0);
        };
        let done = self.copy_to(copy, arguments, copy.unpack(Path::new(here))?)?;
        self.tell(&done, here, arguments.format)
    }

    fn copy_in(&self, copy: CopyIn, from: &Place, arguments: &CpArgs) -> Result<u8, Failure> {
        let mut stdin = io::stdin();
        let source = match from {
            // A link counts as its target, under the name that the user gave.
            Place::Host(path) => {
                let file = |source| Error::File { verb: "read", path: path.into(), source };
                fs::metadata(path).map_err(file)?;
                CopySource::Path(Path::new(path))
            }
            _ => CopySource::Stream(&mut stdin),
        };
        let is_of_image = |container: &_| tierce_execute::is_of_image(container, &copy.container);
        let target = Target::find(&self.docker, &copy.container, is_of_image, WhenPaused::Fail)?;
        let (process, options) = self.beside(&target, arguments)?;
        let to = format!("{}:{}", copy.container, copy.path);
        let copy = CopyIn { container: target.name().to_owned(), ..copy };
        let done = copy.beside(&self.docker, target, process, options, source)?;
        self.tell(&done, &to, arguments.format)
    }

    /// Prints the copied and the skipped files.
    fn tell(&self, done: &Copied, to: &str, format: Format) -> Result<u8, Failure> {
        let message = format!("{} files of {} bytes to {to}", done.files, done.bytes);
        self.terminal.status(AnsiColor::Green, "Copied", &message);
        for what in &done.left_out {
            self.terminal.warning(&format!("left out {what}"));
        }
        let more = done.left_out_count - done.left_out.len() as u64;
        if more > 0 {
            self.terminal.warning(&format!("left out {more} more"));
        }
        if format == Format::Json {
            print(&(json(done) + "\n"))?;
        }
        Ok(if done.left_out_count > 0 { LEFT_OUT } else { 0 })
    }

    /// Returns the process that has the files, and the session that copies them.
    fn beside(&self, target: &Target, arguments: &CpArgs) -> Result<(Process, Options), Failure> {
        let toolbox = self.toolbox(arguments.toolbox.as_deref())?;
        self.terminal.close();
        let process = target.process(&self.docker, &toolbox.image)?;
        let name = format!("{}-cp", default_name(target.name()));
        Ok((process, Options { toolbox, name, marks: self.marks(), ..Options::default() }))
    }

    /// Passes the archive of the copied files to `to`.
    fn copy_to(
        &self,
        copy: &CopyOut,
        arguments: &CpArgs,
        to: impl FnOnce(&mut dyn Read) -> io::Result<Copied> + Send,
    ) -> Result<Copied, Failure> {
        let is_of_image = |container: &_| tierce_execute::is_of_image(container, &copy.container);
        let target = match Target::find(&self.docker, &copy.container, is_of_image, WhenPaused::Fail) {
            // The daemon can read the files of a container in any state.
            Err(
                Error::Ended { name, .. }
                | Error::NeverStarted { name }
                | Error::Paused { name }
                | Error::Restarting { name, .. },
            ) => {
                if copy.follow {
                    let (kind, value) = ("the option", "--follow-link".to_owned());
                    let reason =
                        format!("the container `{name}` does not run, and only the toolbox follows links in it");
                    return Err(Error::Value { kind, value, reason }.into());
                }
                let copy = CopyOut { container: name, ..copy.clone() };
                return Ok(copy.of_ended(&self.docker, to)?);
            }
            found => found?,
        };
        let (process, options) = self.beside(&target, arguments)?;
        Ok(copy.beside(&self.docker, target, process, options, to)?)
    }
}
