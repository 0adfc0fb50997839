//! Files in a folder that a container can write. A program there may leave links to files of the host, pipes, devices and folders in
//! place of its results. Nothing here follows a link below the folder, and only regular files are read.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use crate::{Error, ErrorKind};

/// Opens a regular file by its path from `folder` on, once and without following links. None if there is no such file.
///
/// # Errors
/// Fails if a link, a pipe, a device or a folder is in its place.
pub fn open(folder: &Path, relative: &str) -> Result<Option<File>, Error> {
    let failed = |error: io::Error| Error::file("read", &folder.join(relative), error);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut at =
        rustix::fs::open(folder, flags, Mode::empty()).map(File::from).map_err(|error| failed(error.into()))?;
    let mut parts = Path::new(relative).components().peekable();
    while let Some(part) = parts.next() {
        let Component::Normal(name) = part else { return Err(not_a_file(&folder.join(relative))) };
        let kind = if parts.peek().is_some() { OFlags::DIRECTORY } else { OFlags::NONBLOCK };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY | kind;
        at = match openat(&at, name, flags, Mode::empty()) {
            Ok(next) => File::from(next),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR | Errno::NXIO) => return Err(not_a_file(&folder.join(relative))),
            Err(error) => return Err(failed(error.into())),
        };
    }
    let is_file = at.metadata().map_err(failed)?.is_file();
    if is_file { Ok(Some(at)) } else { Err(not_a_file(&folder.join(relative))) }
}

/// Reads a text, at most `limit` bytes of it. None if there is no such file.
pub fn read_text(folder: &Path, relative: &str, limit: u64) -> Result<Option<String>, Error> {
    let Some(file) = open(folder, relative)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = file.take(limit).read_to_end(&mut bytes);
    read.map_err(|error| Error::file("read", &folder.join(relative), error))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn not_a_file(path: &Path) -> Error {
    let message = format!("failed to read `{}`: it is a link or no regular file", path.display());
    Error::new(ErrorKind::Build, message).with_help("a build script or a hook has put it there")
}

/// Makes an empty folder of the caller's own. An existing folder stays, as a container may have it mounted, and loses its content.
pub fn empty_folder(path: &Path) -> Result<(), Error> {
    own_folder(path)?;
    let failed = |error| Error::file("empty", path, error);
    for entry in fs::read_dir(path).map_err(failed)? {
        remove(&entry.map_err(failed)?.path())?;
    }
    Ok(())
}

/// Makes a folder that the caller can read and write, in place of anything else that has its name.
pub fn own_folder(path: &Path) -> Result<(), Error> {
    let failed = |error| Error::file("create the folder", path, error);
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => unlock(path, metadata.mode()).map_err(failed)?,
        Ok(_) => fs::remove_file(path).map_err(failed)?,
        Err(_) => {}
    }
    fs::create_dir_all(path).map_err(failed)
}

/// Removes a file, a link, or a folder with everything below it, also if its mode forbids that. Succeeds if it does not exist.
///
/// # Errors
/// Fails if another user owns a folder below it.
pub fn remove(path: &Path) -> Result<(), Error> {
    let failed = |error| Error::file("remove", path, error);
    let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
    if !metadata.is_dir() {
        return fs::remove_file(path).map_err(failed);
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            unlock_below(path, metadata.mode());
            fs::remove_dir_all(path).map_err(failed)
        }
        removed => removed.map_err(failed),
    }
}

/// Lets the caller read and write a folder.
fn unlock(folder: &Path, mode: u32) -> io::Result<()> {
    if mode & 0o700 == 0o700 {
        Ok(())
    } else {
        fs::set_permissions(folder, Permissions::from_mode(mode & 0o7777 | 0o700))
    }
}

/// Does the same for all folders below. The removal reports the one that stays locked.
fn unlock_below(folder: &Path, mode: u32) {
    let _ = unlock(folder, mode);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        // Of the entry itself: links are not followed.
        if let Ok(metadata) = entry.metadata()
            && metadata.is_dir()
        {
            unlock_below(&entry.path(), metadata.mode());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;

    fn text(folder: &Path, relative: &str) -> Result<Option<String>, ErrorKind> {
        read_text(folder, relative, 6).map_err(|error| error.kind())
    }

    #[test]
    fn only_regular_files_are_read() {
        let scratch = tempfile::tempdir().expect("a folder");
        let (folder, secret) = (scratch.path().join("out"), scratch.path().join("secret"));
        fs::create_dir_all(folder.join("a/b")).expect("writable");
        fs::write(&secret, "secret").expect("writable");
        fs::write(folder.join("a/b/file"), "content").expect("writable");
        symlink(&secret, folder.join("link")).expect("writable");
        symlink("a/b/file", folder.join("inner-link")).expect("writable");
        symlink(scratch.path(), folder.join("folder-link")).expect("writable");
        symlink("a", folder.join("inner-folder-link")).expect("writable");
        let made = rustix::fs::mknodat(rustix::fs::CWD, folder.join("pipe"), rustix::fs::FileType::Fifo, Mode::RWXU, 0);
        made.expect("a pipe");
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket")).expect("a socket");
        assert_eq!(text(&folder, "a/b/file"), Ok(Some("conten".to_owned())), "bounded");
        assert_eq!(text(&folder, "missing"), Ok(None));
        assert_eq!(text(&folder, "missing/file"), Ok(None));
        let refused = "link inner-link folder-link/secret inner-folder-link/b/file pipe socket a a/b/file/x ../secret";
        for path in refused.split(' ').chain([secret.to_str().expect("UTF-8"), ""]) {
            assert_eq!(text(&folder, path), Err(ErrorKind::Build), "{path}");
        }
    }

    #[test]
    fn folder_is_emptied_of_anything() {
        let scratch = tempfile::tempdir().expect("a folder");
        let (out, outside) = (scratch.path().join("out"), scratch.path().join("outside"));
        type Leave = fn(&Path, &Path);
        let all: [Leave; 6] = [
            |_, _| {},
            |out, _| fs::create_dir_all(out.join("app/a/b")).expect("writable"),
            |out, _| {
                fs::create_dir_all(out.join("app/a")).expect("writable");
                fs::write(out.join("app/a/file"), "").expect("writable");
                for folder in ["app/a", "app", "."] {
                    fs::set_permissions(out.join(folder), Permissions::from_mode(0o000)).expect("writable");
                }
            },
            |out, outside| symlink(outside, out.join("app")).expect("writable"),
            |out, outside| {
                fs::remove_dir_all(out).expect("writable");
                symlink(outside, out).expect("writable");
            },
            |out, _| {
                fs::remove_dir_all(out).expect("writable");
                fs::write(out, "").expect("writable");
            },
        ];
        fs::create_dir(&outside).expect("writable");
        fs::write(outside.join("kept"), "").expect("writable");
        for leave in all {
            own_folder(&out).expect("writable");
            leave(&out, &outside);
            empty_folder(&out).expect("emptied");
            assert_eq!(fs::read_dir(&out).expect("a folder").count(), 0);
            assert!(out.symlink_metadata().expect("there").is_dir());
        }
        assert!(outside.join("kept").is_file());
        assert!(remove(&PathBuf::from("/nothing/there")).is_ok());
    }
}
