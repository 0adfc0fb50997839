//! Copies files out of a container and into it, as an archive. In a running container, the toolbox's tar sees the files of
//! the process, mounts included. The daemon reads any other container.

mod extract;
mod into;
mod pack;
mod place;

use std::io::{self, Read, Write};
use std::path::Path;
use std::thread;

use tierce_docker::{Docker, Ending, InputEvent, OutputStream};

pub use extract::Copied;
pub use into::{CopyIn, Source};
pub use place::{Direction, Place};

use crate::copy::extract::{Destination, extract};
use crate::copy::place::{is_content, last_name};
use crate::remains::interrupted;
use crate::spec::root_of;
use crate::{Error, Options, Process, Session, Target};

/// The limit of tar's kept messages, in bytes.
const KEPT: usize = 4096;
/// The script's exit code for a missing path.
const MISSING: i32 = 44;

/// Resolves a path below the target's root directory.
const FIND: &str = include_str!("scripts/find.sh");

/// Packs the found path.
const PACK: &str = include_str!("scripts/pack.sh");

/// A copy out of a container.
#[derive(Clone, Debug)]
pub struct CopyOut {
    /// The container's name, for errors.
    pub container: String,
    /// The path to copy.
    pub path: String,
    /// Whether to follow a link at the end of the path.
    pub follow: bool,
}

impl CopyOut {
    /// Copies out of a running container, through a container of the toolbox.
    ///
    /// # Errors
    /// [`Error::NoPath`], [`Error::Copy`]; those of a session.
    pub fn beside(
        &self,
        docker: &Docker,
        target: Target,
        process: Process,
        options: Options,
        to: impl FnOnce(&mut dyn Read) -> io::Result<Copied> + Send,
    ) -> Result<Copied, Error> {
        let flag = |is_on: bool| if is_on { "1" } else { "" };
        let script = format!("{FIND}{PACK}");
        let words =
            ["sh", "-c", &script, "sh", &root_of(process), &self.path, flag(self.follow), flag(self.is_content())];
        let options = Options { command: words.map(str::to_owned).into(), stdin: true, ..options };
        let session = Session::create(docker, target, process, options)?;
        let (mut reader, mut writer) = io::pipe().map_err(|source| self.failed(source))?;
        let (sender, input) = tierce_docker::input();
        let mut messages = Vec::new();
        let (ended, copied) = thread::scope(|scope| {
            let copied = scope.spawn(move || to(&mut reader));
            let mut sender = Some(sender);
            let ended = docker.converse(session.id(), true, input, &mut |stream, bytes| match stream {
                OutputStream::Stderr => {
                    messages.extend_from_slice(&bytes[..bytes.len().min(KEPT.saturating_sub(messages.len()))])
                }
                OutputStream::Stdout => {
                    // The reader has failed and ignores the rest.
                    if writer.write_all(bytes).is_err()
                        && let Some(sender) = sender.take()
                    {
                        let _ = sender.send(InputEvent::Detach);
                    }
                }
            });
            drop(writer);
            (ended, copied.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let messages = String::from_utf8_lossy(&messages).trim().to_owned();
        match ended.map_err(|error| session.at_start(error))? {
            Ending::Exited(exit) if exit.code == MISSING => return Err(self.missing()),
            Ending::Exited(exit) if !exit.success() => {
                return Err(self.failed(io::Error::other(if messages.is_empty() {
                    format!("code {}", exit.code)
                } else {
                    messages
                })));
            }
            Ending::Exited(_) | Ending::Detached => {}
        }
        copied.map_err(|source| self.failed(source))
    }

    /// Copies out of a stopped container.
    ///
    /// # Errors
    /// [`Error::NoPath`], [`Error::Copy`]; the daemon's.
    pub fn of_ended(
        &self,
        docker: &Docker,
        to: impl FnOnce(&mut dyn Read) -> io::Result<Copied>,
    ) -> Result<Copied, Error> {
        let path = if self.path.starts_with('/') { self.path.clone() } else { format!("/{}", self.path) };
        let path = match self.is_content() {
            true => format!("{}/.", path.trim_end_matches(['/', '.'])),
            false => path,
        };
        let mut archive = docker.copy_out(&self.container, &path).map_err(|error| match error {
            tierce_docker::Error::NotFound { .. } => self.missing(),
            other => interrupted(other),
        })?;
        to(&mut archive).map_err(|source| self.failed(source))
    }

    /// Unpacks the copy into this path if it is a folder, else under its name.
    ///
    /// # Errors
    /// [`Error::Copy`] without a folder to unpack it in.
    pub fn unpack(
        &self,
        path: &Path,
    ) -> Result<impl FnOnce(&mut dyn Read) -> io::Result<Copied> + Send + use<>, Error> {
        let failed = |source| Error::File { verb: "write", path: path.to_owned(), source };
        let (folder, name) = match (path.is_dir(), self.is_content()) {
            (true, true) => (path, None),
            (true, false) => (path, last_name(&self.path).map(Into::into)),
            (false, _) => {
                let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
                if path.as_os_str().to_string_lossy().ends_with('/') {
                    return Err(failed(io::ErrorKind::NotFound.into()));
                }
                let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
                (parent.unwrap_or(Path::new(".")), Some(name.to_owned()))
            }
        };
        let opened = std::fs::File::open(folder).map_err(failed)?;
        let strip = usize::from(!self.is_content());
        let destination = Destination { folder: opened.into(), name, strip };
        Ok(move |archive: &mut dyn Read| extract(archive, &destination))
    }

    fn is_content(&self) -> bool {
        is_content(&self.path)
    }

    fn missing(&self) -> Error {
        Error::NoPath { container: self.container.clone(), path: self.path.clone() }
    }

    fn failed(&self, source: io::Error) -> Error {
        let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<tierce_docker::Error>());
        if matches!(inner, Some(tierce_docker::Error::Interrupted)) {
            return Error::Docker(tierce_docker::Error::Interrupted);
        }
        Error::Copy { container: self.container.clone(), path: self.path.clone(), source }
    }
}
