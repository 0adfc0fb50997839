//! Unpacks a tar archive into a folder of the root.

use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chownat, lsetxattr, mknodat, utimensat,
};
use tar::{Archive, Entry, EntryType};

use crate::archive::PAX_CAPABILITIES;
use crate::archive::whiteouts::Whiteouts;
use crate::error::Failure;

/// Unpacks the archive on stdin, with whiteouts if it is a `layer` of an image. The process is in its root, so no name and no link leads out of it.
pub(crate) fn unpack(folder: &Path, owners: bool, layer: bool) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::at("unpack an archive into", folder, error);
    fs::create_dir_all(folder).map_err(failed)?;
    let mut archive = Archive::new(BufReader::with_capacity(1 << 17, io::stdin().lock()));
    let mut folders = Vec::new();
    let mut whiteouts = layer.then(Whiteouts::default);
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let name = entry.path().map_err(failed)?.into_owned();
        let Some(path) = below(folder, &name) else {
            return Err(Failure::at("unpack", name, io::Error::from(io::ErrorKind::InvalidFilename)));
        };
        if let Some(whiteouts) = &mut whiteouts {
            let is_folder = entry.header().entry_type().is_dir();
            if whiteouts.take(&path, is_folder).map_err(|error| Failure::at("unpack", &path, error))? {
                continue;
            }
        }
        one(&mut entry, folder, &path, owners).map_err(|error| Failure::at("unpack", &path, error))?;
        if entry.header().entry_type().is_dir() {
            folders.push((path, entry.header().mtime().unwrap_or_default()));
        }
    }
    // Files in a folder change its time.
    for (path, time) in folders.into_iter().rev() {
        match set_time(&path, time) {
            // A later entry has removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            set => set.map_err(|error| Failure::at("unpack", &path, error))?,
        }
    }
    // The parent may still write the blocks of zeros that end an archive.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(failed)?;
    Ok(())
}

/// Joins a name of an archive to the folder; `None` for a name that climbs.
fn below(folder: &Path, name: &Path) -> Option<PathBuf> {
    let mut path = folder.to_owned();
    for component in name.components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

fn one(entry: &mut Entry<'_, impl Read>, folder: &Path, path: &Path, owners: bool) -> io::Result<()> {
    let header = entry.header();
    let (kind, mode, time) = (header.entry_type(), header.mode()? & 0o7777, header.mtime()?);
    let (user, group) = (number(header.uid()?)?, number(header.gid()?)?);
    let capabilities = capabilities(entry)?;
    if let Some(parent) = path.parent() {
        // An archive may leave out folders above its files.
        fs::create_dir_all(parent)?;
    }
    match kind {
        EntryType::Directory => match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            made => made?,
        },
        EntryType::Regular | EntryType::GNUSparse | EntryType::Continuous => {
            discard(path)?;
            io::copy(entry, &mut fs::File::create_new(path)?)?;
        }
        EntryType::Symlink => {
            discard(path)?;
            std::os::unix::fs::symlink(link_name(entry)?, path)?;
        }
        EntryType::Link => {
            let first = below(folder, &link_name(entry)?).ok_or(io::ErrorKind::InvalidFilename)?;
            discard(path)?;
            return fs::hard_link(first, path);
        }
        EntryType::Fifo => {
            discard(path)?;
            mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?;
        }
        // A sandbox has its own devices.
        _ => return Ok(()),
    }
    if owners {
        chownat(CWD, path, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    if kind != EntryType::Symlink {
        // After the owner, which takes the bits for setuid away.
        fs::set_permissions(path, <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(mode))?;
        if let Some(value) = capabilities {
            lsetxattr(path, super::CAPABILITIES, &value, XattrFlags::empty())?;
        }
    }
    set_time(path, time)
}

fn link_name(entry: &Entry<'_, impl Read>) -> io::Result<PathBuf> {
    Ok(entry.link_name()?.ok_or(io::ErrorKind::InvalidData)?.into_owned())
}

fn number(number: u64) -> io::Result<u32> {
    u32::try_from(number).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

fn capabilities(entry: &mut Entry<'_, impl Read>) -> io::Result<Option<Vec<u8>>> {
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        if extension.key_bytes() == PAX_CAPABILITIES.as_bytes() {
            return Ok(Some(extension.value_bytes().to_vec()));
        }
    }
    Ok(None)
}

/// Removes a file in the place of a new one.
fn discard(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

fn set_time(path: &Path, time: u64) -> io::Result<()> {
    let time = Timespec { tv_sec: i64::try_from(time).unwrap_or(i64::MAX), tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    Ok(utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_climbs_out_of_its_folder() {
        let folder = Path::new("/a");
        for (name, expected) in [
            ("b/c", Some("/a/b/c")),
            ("./b", Some("/a/b")),
            ("/b", Some("/a/b")),
            (".", Some("/a")),
            ("../b", None),
            ("b/../../c", None),
        ] {
            assert_eq!(below(folder, Path::new(name)), expected.map(PathBuf::from), "{name}");
        }
    }
}
