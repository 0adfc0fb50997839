//! Copies files into a running container with the toolbox's tar, also into a tmpfs or a volume.

use std::ffi::OsStr;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::thread;

use tierce_docker::{Docker, Ending, InputEvent, InputSender, OutputStream};

use super::extract::Copied;
use super::pack::{Owner, pack};
use super::place::{is_content, last_name};
use super::{FIND, KEPT};
use crate::errand::Errands;
use crate::spec::root_of;
use crate::{Error, Options, Process, Session, Target};

/// Describes the found path.
const LOOK: &str = include_str!("../scripts/look.sh");
/// Pieces of an archive on the way into the container, in bytes.
const CHUNK: usize = 64 * 1024;

/// A copy into a running container.
#[derive(Clone, Debug)]
pub struct CopyIn {
    /// The container's name, for errors.
    pub container: String,
    /// The destination: into a folder if it is one, else under this name.
    pub path: String,
    /// Whether files keep their numeric owners and full modes. Otherwise the target's user owns them.
    pub keep_owners: bool,
}

/// The source of a copy.
pub enum Source<'s> {
    /// A file or folder of this machine; the folder's content if the path ends in `/.`.
    Path(&'s Path),
    /// A tar stream, unpacked unchanged.
    Stream(&'s mut (dyn Read + Send)),
}

/// The kind of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PathKind {
    Folder,
    File,
    /// Missing, in an existing folder.
    Nothing,
}

/// The facts about the path and the target.
struct Looked {
    kind: PathKind,
    /// The target's path with resolved links.
    place: String,
    owner: Owner,
}

impl CopyIn {
    /// Copies through a container of the toolbox.
    ///
    /// # Errors
    /// [`Error::NoPath`] without a folder to copy into, [`Error::Copy`]; those of a session.
    pub fn beside(
        &self,
        docker: &Docker,
        target: Target,
        process: Process,
        options: Options,
        source: Source<'_>,
    ) -> Result<Copied, Error> {
        let root = root_of(process);
        let looked = self.look(&Errands { docker, target: &target, options: &options }, &root)?;
        let (folder, name) = self.aim(&looked, &source)?;
        let words = ["tar", "-xpf", "-", "-C", &format!("{root}{folder}")];
        let options = Options { command: words.map(str::to_owned).into(), stdin: true, ..options };
        let session = Session::create(docker, target, process, options)?;
        let (sender, input) = tierce_docker::input();
        let mut messages = Vec::new();
        let (ended, packed) = thread::scope(|scope| {
            let packed = scope.spawn(move || send(source, name.as_deref(), looked.owner, sender));
            let ended = docker.converse(session.id(), true, input, &mut |stream, bytes| {
                if stream == OutputStream::Stderr {
                    messages.extend_from_slice(&bytes[..bytes.len().min(KEPT.saturating_sub(messages.len()))]);
                }
            });
            (ended, packed.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        match ended.map_err(|error| session.at_start(error))? {
            // The cause of the broken stream explains more than its effect.
            Ending::Exited(exit) if !exit.success() => match packed {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(self.failed(error)),
                _ => Err(self.failed(io::Error::other(String::from_utf8_lossy(&messages).trim().to_owned()))),
            },
            Ending::Exited(_) | Ending::Detached => packed.map_err(|error| self.failed(error)),
        }
    }

    fn look(&self, errands: &Errands<'_>, root: &str) -> Result<Looked, Error> {
        let frames = errands.ask(&format!("{FIND}{LOOK}"), &[root.to_owned(), self.path.clone(), "1".to_owned()])?;
        let kind = match frames.text("kind").unwrap_or_default().trim() {
            "folder" => PathKind::Folder,
            "file" => PathKind::File,
            "new" => PathKind::Nothing,
            _ => return Err(Error::NoPath { container: self.container.clone(), path: self.folder().to_owned() }),
        };
        let owner = match self.keep_owners {
            true => Owner::Kept,
            false => user(&frames.text("status").unwrap_or_default()),
        };
        Ok(Looked { kind, place: frames.text("place").unwrap_or_default(), owner })
    }

    /// The folder to unpack in, and the source's name there; without a name, only its content.
    fn aim(&self, looked: &Looked, source: &Source<'_>) -> Result<(String, Option<String>), Error> {
        let no_folder = || Error::NoPath {
            container: self.container.clone(),
            path: format!("{}/", self.path.trim_end_matches('/')),
        };
        let Source::Path(path) = source else {
            return if looked.kind == PathKind::Folder { Ok((looked.place.clone(), None)) } else { Err(no_folder()) };
        };
        let text = path.to_string_lossy();
        let (is_folder, content) = (path.is_dir(), path.is_dir() && is_content(&text));
        let (parent, last) = looked.place.rsplit_once('/').unwrap_or_default();
        match looked.kind {
            PathKind::Folder if content => Ok((looked.place.clone(), None)),
            PathKind::Folder => {
                let whole = path.canonicalize().map_err(|error| self.failed(error))?;
                let name = last_name(&text).map(str::to_owned);
                let name = name.or_else(|| whole.file_name().map(|name| name.to_string_lossy().into_owned()));
                Ok((looked.place.clone(), name))
            }
            PathKind::File if is_folder => Err(no_folder()),
            PathKind::Nothing if !is_folder && self.path.ends_with('/') => Err(no_folder()),
            PathKind::File | PathKind::Nothing => Ok((parent.to_owned(), Some(last.to_owned()))),
        }
    }

    /// The parent of the path.
    fn folder(&self) -> &str {
        self.path.trim_end_matches('/').rsplit_once('/').map_or("/", |(folder, _)| folder)
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::CopyInto { container: self.container.clone(), path: self.path.clone(), source }
    }
}

/// Effective user and group of a process in `/proc/pid/status` (proc_pid_status(5)); root by default.
fn user(status: &str) -> Owner {
    let number = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
    };
    Owner::User(number("Uid:"), number("Gid:"))
}

/// Sends the archive, and its end.
fn send(source: Source<'_>, name: Option<&str>, owner: Owner, sender: InputSender) -> io::Result<Copied> {
    let mut out = BufWriter::with_capacity(CHUNK, Sending(sender));
    let copied = match source {
        Source::Path(path) => pack(path, name.map(OsStr::new), owner, &mut out)?,
        Source::Stream(archive) => {
            let bytes = io::copy(archive, &mut out)?;
            Copied { bytes, ..Copied::default() }
        }
    };
    out.flush()?;
    // The receiver may have read enough.
    let _ = out.get_ref().0.send(InputEvent::End);
    Ok(copied)
}

struct Sending(InputSender);

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = InputEvent::Bytes(bytes.to_vec());
        self.0.send(piece).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destination_follows_docker_cp() {
        let scratch = tempfile::tempdir().unwrap();
        let (file, folder) = (scratch.path().join("f"), scratch.path().join("d"));
        std::fs::write(&file, "").unwrap();
        std::fs::create_dir(&folder).unwrap();
        let content = folder.join(".");
        let content = Path::new(content.as_os_str());
        type Aimed<'a> = Option<(&'a str, Option<&'a str>)>;
        let cases: &[(&Path, PathKind, &str, Aimed<'_>)] = &[
            (&file, PathKind::Folder, "/x", Some(("/x", Some("f")))),
            (&file, PathKind::File, "/x", Some(("", Some("x")))),
            (&file, PathKind::Nothing, "/a/x", Some(("/a", Some("x")))),
            (&file, PathKind::Nothing, "/x/", None),
            (&folder, PathKind::Folder, "/", Some(("", Some("d")))),
            (&folder, PathKind::File, "/x", None),
            (&folder, PathKind::Nothing, "/a/x/", Some(("/a", Some("x")))),
            (content, PathKind::Folder, "/x", Some(("/x", None))),
            (content, PathKind::Nothing, "/a/x", Some(("/a", Some("x")))),
        ];
        for (source, kind, path, expected) in cases {
            let copy = CopyIn { container: "web".into(), path: (*path).to_owned(), keep_owners: false };
            let place = path.trim_end_matches('/').to_owned();
            let looked = Looked { kind: *kind, place, owner: Owner::Kept };
            let aimed = copy.aim(&looked, &Source::Path(source)).ok();
            let expected = expected.map(|(folder, name)| (folder.to_owned(), name.map(str::to_owned)));
            assert_eq!(aimed, expected, "{source:?} to {path}");
        }
    }

    #[test]
    fn effective_user_owns_files() {
        for (status, expected) in [
            ("Name:\tx\nUid:\t0\t1000\t0\t0\nGid:\t5\t6\t7\t8\n", Owner::User(1000, 6)),
            ("", Owner::User(0, 0)),
            ("Uid:\tx\n", Owner::User(0, 0)),
        ] {
            assert_eq!(user(status), expected, "{status:?}");
        }
    }
}
