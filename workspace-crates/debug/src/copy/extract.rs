//! Unpacks a foreign archive below a folder of this machine, and nowhere else.
//!
//! Each entry's folder is opened component by component from the destination, never through a link. A link must be relative,
//! and climb only at its beginning and no higher than the destination, so that no chain of links leads out. Devices, pipes and
//! sockets are skipped. The calling user owns every file, and modes give others no more than the owner.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use rustix::fs::{self as rfs, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use tar::EntryType;

/// The kept mode bits: without setuid, setgid and the sticky bit.
pub(crate) const MODE: u32 = 0o777;

/// The result of a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Copied {
    /// The number of files.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The first skipped entries, each with the cause.
    pub left_out: Vec<String>,
    /// The number of skipped entries.
    pub left_out_count: u64,
}

impl Copied {
    pub(crate) fn leave_out(&mut self, path: &Path, why: &str) {
        /// Further entries are only counted.
        const MOST: usize = 10;
        self.left_out_count += 1;
        if self.left_out.len() < MOST {
            self.left_out.push(format!("{}: {why}", path.display()));
        }
    }
}

/// The destination of entries: below `folder`, with `name`, if any, in place of the first `strip` names of their paths.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) folder: OwnedFd,
    pub(crate) name: Option<OsString>,
    pub(crate) strip: usize,
}

pub(crate) fn extract(archive: impl Read, destination: &Destination) -> io::Result<Copied> {
    let mut archive = tar::Archive::new(archive);
    let mut done = Copied::default();
    let mut closed = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Some(names) = destination.names(&path) else {
            done.leave_out(&path, "its path leads out");
            continue;
        };
        let kind = entry.header().entry_type();
        let Some((last, folders)) = names.split_last() else { continue };
        let mode = entry.header().mode()? & MODE;
        match kind {
            EntryType::XGlobalHeader => {}
            EntryType::Directory => {
                let folder = destination.open(&names)?;
                rfs::fchmod(&folder, Mode::from_raw_mode(mode | 0o700))?;
                if mode & 0o700 != 0o700 {
                    closed.push((names, mode));
                }
            }
            EntryType::Regular | EntryType::Continuous => {
                let folder = destination.open(folders)?;
                remove(&folder, last)?;
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = rfs::openat(&folder, last.as_os_str(), flags, Mode::from_raw_mode(0o600))?;
                let mut file = std::fs::File::from(file);
                let written = io::copy(&mut entry, &mut file)?;
                if written != entry.size() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                rfs::fchmod(&file, Mode::from_raw_mode(mode))?;
                let time = std::time::Duration::from_secs(entry.header().mtime()?);
                std::time::UNIX_EPOCH.checked_add(time).map(|time| file.set_modified(time)).transpose()?;
                done.files += 1;
                done.bytes += written;
            }
            EntryType::Symlink => {
                let target = entry.link_name()?.unwrap_or_default().into_owned();
                let depth = folders.len() - usize::from(destination.name.is_some()).min(folders.len());
                if !stays(&target, depth) {
                    done.leave_out(&path, &format!("the link to {} may lead out", target.display()));
                    continue;
                }
                let folder = destination.open(folders)?;
                remove(&folder, last)?;
                rfs::symlinkat(target.as_os_str(), &folder, last.as_os_str())?;
            }
            EntryType::Link => {
                let target = entry.link_name()?.unwrap_or_default().into_owned();
                if !destination.link(&target, folders, last)? {
                    done.leave_out(&path, &format!("{} is no file here", target.display()));
                }
            }
            _ => done.leave_out(&path, "it is neither file, folder nor link"),
        }
    }
    for (names, mode) in closed.into_iter().rev() {
        rfs::fchmod(destination.open(&names)?, Mode::from_raw_mode(mode))?;
    }
    Ok(done)
}

impl Destination {
    /// An entry's path relative to the folder; none if it would leave the folder.
    fn names(&self, path: &Path) -> Option<Vec<OsString>> {
        let mut names = Vec::new();
        for component in path.components() {
            match component {
                Component::Normal(name) => names.push(name.to_owned()),
                Component::CurDir | Component::RootDir => {}
                Component::ParentDir | Component::Prefix(_) => return None,
            }
        }
        let rest = names.split_off(self.strip.min(names.len()));
        Some(self.name.iter().cloned().chain(rest).collect())
    }

    /// Opens a folder, component by component, and creates missing ones.
    fn open(&self, names: &[OsString]) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = rfs::openat(&self.folder, ".", flags, Mode::empty())?;
        for name in names {
            let name = name.as_os_str();
            folder = match rfs::openat(&folder, name, flags, Mode::empty()) {
                Err(Errno::NOENT) => {
                    rfs::mkdirat(&folder, name, Mode::from_raw_mode(0o755))?;
                    rfs::openat(&folder, name, flags, Mode::empty())?
                }
                opened => opened?,
            };
        }
        Ok(folder)
    }

    /// Creates another name for an unpacked file. Returns false without such a file: a link could lead out from another folder.
    fn link(&self, target: &Path, folders: &[OsString], last: &OsStr) -> io::Result<bool> {
        let Some(names) = self.names(target) else { return Ok(false) };
        let Some((name, of)) = names.split_last() else { return Ok(false) };
        let of = self.open(of)?;
        let is_file = rfs::statat(&of, name.as_os_str(), AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|status| rfs::FileType::from_raw_mode(status.st_mode).is_file());
        if is_file {
            let folder = self.open(folders)?;
            remove(&folder, last)?;
            rfs::linkat(&of, name.as_os_str(), &folder, last, AtFlags::empty())?;
        }
        Ok(is_file)
    }
}

/// Removes the file or link of this name, so that no write follows a link.
fn remove(folder: impl AsFd, name: &OsStr) -> io::Result<()> {
    match rfs::unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether a link stays inside whatever other links do: it climbs only at its beginning, over real folders.
fn stays(target: &Path, depth: usize) -> bool {
    let mut climbed = 0;
    let mut has_name = false;
    for component in target.components() {
        match component {
            Component::ParentDir if has_name => return false,
            Component::ParentDir => climbed += 1,
            Component::Normal(_) => has_name = true,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    climbed <= depth && !target.as_os_str().as_bytes().is_empty()
}

#[cfg(test)]
#[path = "extract_tests.rs"]
mod tests;
