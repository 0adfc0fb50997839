//! `cargo xtask debug cp`

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use anstyle::AnsiColor;
use tierce_debug::{Copied, CopyIn, CopyOut, CopySource, Direction, Error, Options, Place, Process, Target};

use super::Context;
use super::prepare::default_name;
use crate::cli::{CpArgs, Format};
use crate::image::json;
use crate::{Failure, print};

/// The exit code where something was left out.
const LEFT_OUT: u8 = 1;

impl Context<'_> {
    pub(super) fn copy(&self, arguments: &CpArgs) -> Result<u8, Failure> {
        let (source, destination) = (Place::parse(&arguments.source), Place::parse(&arguments.destination));
        match Direction::of(&source, &destination)? {
            Direction::Out { container, path, to } => {
                if arguments.archive {
                    let (what, value) = ("the option", "--archive".to_owned());
                    let reason = "files that are copied out of a container are the caller's".to_owned();
                    return Err(Error::Value { what, value, reason }.into());
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
        let Place::Here(here) = to else {
            if arguments.format == Format::Json {
                let reason = "stdout is the tar stream".to_owned();
                return Err(Error::Value { what: "the format", value: "json".into(), reason }.into());
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
            // A link is the file that it leads to, as far as the name goes that was given.
            Place::Here(path) => {
                let file = |source| Error::File { verb: "read", path: path.into(), source };
                fs::metadata(path).map_err(file)?;
                CopySource::Path(Path::new(path))
            }
            _ => CopySource::Stream(&mut stdin),
        };
        let is_of_image = |container: &_| tierce_execute::is_of_image(container, &copy.container);
        let target = Target::find(&self.docker, &copy.container, is_of_image, false)?;
        let (process, options) = self.beside(&target, arguments)?;
        let to = format!("{}:{}", copy.container, copy.path);
        let copy = CopyIn { container: target.name().to_owned(), ..copy };
        let done = copy.beside(&self.docker, target, process, options, source)?;
        self.tell(&done, &to, arguments.format)
    }

    /// Says what was copied, and what was not.
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

    /// The process whose files are copied, and the session that copies them.
    fn beside(&self, target: &Target, arguments: &CpArgs) -> Result<(Process, Options), Failure> {
        let toolbox = self.toolbox(arguments.toolbox.as_deref())?;
        self.terminal.close();
        let process = target.process(&self.docker, &toolbox.image)?;
        let name = format!("{}-cp", default_name(target.name()));
        Ok((process, Options { toolbox, name, marks: self.marks(), ..Options::default() }))
    }

    /// Hands the archive of what is copied to `to`.
    fn copy_to(
        &self,
        copy: &CopyOut,
        arguments: &CpArgs,
        to: impl FnOnce(&mut dyn Read) -> io::Result<Copied> + Send,
    ) -> Result<Copied, Failure> {
        let is_of_image = |container: &_| tierce_execute::is_of_image(container, &copy.container);
        let target = match Target::find(&self.docker, &copy.container, is_of_image, false) {
            // A container's files are there for the daemon whatever it does.
            Err(
                Error::Ended { name, .. }
                | Error::NeverStarted { name }
                | Error::Paused { name }
                | Error::Restarting { name, .. },
            ) => {
                if copy.follow {
                    let (what, value) = ("the option", "--follow-link".to_owned());
                    let reason =
                        format!("the container `{name}` does not run, and only the toolbox follows links in it");
                    return Err(Error::Value { what, value, reason }.into());
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
