//! Files that are whole or not there: written under a temporary name beside their place and renamed.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempDir};

use crate::Error;
use crate::places::create_dir;

/// How the name of what is not whole yet begins.
const UNFINISHED: &str = ".tierce-";
/// How it ends.
const PART: &str = ".part";

/// Writes a file through `fill`, which sees it under a temporary name.
///
/// # Errors
/// What `fill` says, or that the file could not be written; nothing is left then.
pub(crate) fn write_with<T>(path: &Path, fill: impl FnOnce(&mut File) -> Result<T, Error>) -> Result<T, Error> {
    let mut file = temporary_beside(path)?;
    let result = fill(file.as_file_mut())?;
    persist(file, path)?;
    Ok(result)
}

/// A file without a final name yet in the folder of `path`, which is made.
pub(crate) fn temporary_beside(path: &Path) -> Result<NamedTempFile, Error> {
    let dir = path.parent().unwrap_or(Path::new("."));
    create_dir(dir)?;
    loop {
        let file = tempfile::Builder::new().prefix(UNFINISHED).suffix(PART).tempfile_in(dir);
        let file = file.map_err(|error| Error::file("create a file in", dir, error))?;
        if claim(file.as_file()) {
            return Ok(file);
        }
    }
}

/// A folder without a final name yet in this one, which is made; nobody sweeps it while the file is open.
pub(crate) fn temporary_folder_in(dir: &Path) -> Result<(TempDir, File), Error> {
    create_dir(dir)?;
    let failed = |error| Error::file("create a folder in", dir, error);
    loop {
        let folder = tempfile::Builder::new().prefix(UNFINISHED).suffix(PART).tempdir_in(dir).map_err(failed)?;
        match File::open(folder.path()) {
            Ok(open) if claim(&open) => return Ok((folder, open)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
}

/// Locks what was just made, for as long as it is open. False if a run that swept came between.
fn claim(file: &File) -> bool {
    match file.try_lock() {
        Ok(()) => file.metadata().is_ok_and(|file| file.nlink() > 0),
        Err(TryLockError::WouldBlock) => false,
        // Where nothing can be locked, nobody sweeps.
        Err(TryLockError::Error(_)) => true,
    }
}

/// Removes what killed runs left unfinished in a folder and in those below it, as deep as is said: what no process holds open.
/// What cannot be removed is in nobody's way.
pub(crate) fn sweep(dir: &Path, depth: usize) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if name.starts_with(UNFINISHED) && name.ends_with(PART) {
            let Ok(file) = File::open(&path) else { continue };
            // Removed while it is locked, so that whoever has just made it sees that it is gone.
            if file.try_lock().is_ok() {
                let _ = if is_dir { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            }
        } else if is_dir && depth > 0 {
            sweep(&path, depth - 1);
        }
    }
}

/// Gives a temporary file its place.
pub(crate) fn persist(file: NamedTempFile, path: &Path) -> Result<(), Error> {
    // A temporary file is private to its owner; what stays is as any file of the user.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(|error| Error::file("write", path, error))?;
    file.persist(path).map_err(|error| Error::file("write", path, error.error))?;
    Ok(())
}

/// Gives a temporary folder its place. That another run was faster is no matter: the name says the content.
pub(crate) fn persist_folder(folder: TempDir, path: &Path) -> Result<(), Error> {
    let failed = |error| Error::file("write", path, error);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path(), mode).map_err(failed)?;
    match fs::rename(folder.path(), path) {
        Ok(()) => {
            let _ = folder.keep();
            Ok(())
        }
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Writes a file of some bytes, under a temporary name until it is whole; makes the folder that it lies in.
///
/// # Errors
/// What the file system refuses.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
    write_with(path, |file| file.write_all(bytes.as_ref()).map_err(|error| Error::file("write", path, error)))
}

/// Removes a file. That it is gone already is no error.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", path, error)),
        _ => Ok(()),
    }
}

/// Writes a value as JSON.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_vec(value).map_err(|error| Error::file("write", path, error.into()))?;
    write(path, text)
}

/// Reads a JSON file of our own. One that is missing or damaged is the same as none: it is made again.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

/// Reads a whole text file of the user's.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::file("read", path, error))
}

/// The SHA-256 of a file's content and its length in bytes, in constant memory.
pub(crate) fn sha256_of(path: &Path) -> Result<(String, u64), Error> {
    let file = File::open(path).map_err(|error| Error::file("read", path, error))?;
    sha256_of_reader(file).map_err(|error| Error::file("read", path, error))
}

/// The SHA-256 of what a reader gives and its length in bytes.
pub(crate) fn sha256_of_reader(mut reader: impl Read) -> io::Result<(String, u64)> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    let mut length = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok((hex(&hasher.finalize()), length)),
            n => {
                hasher.update(&buffer[..n]);
                length += n as u64;
            }
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in a folder and below it.
    fn names(dir: &Path) -> Vec<String> {
        let mut all = Vec::new();
        for entry in fs::read_dir(dir).expect("a folder") {
            let entry = entry.expect("readable");
            all.push(entry.file_name().to_string_lossy().into_owned());
            if entry.path().is_dir() {
                all.extend(names(&entry.path()));
            }
        }
        all.sort();
        all
    }

    #[test]
    fn what_fails_leaves_nothing() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("a/file");
        write(&path, "before").expect("written");
        let failed: Result<(), Error> = write_with(&path, |file| {
            file.write_all(b"half").expect("written");
            Err(Error::Interrupted)
        });
        assert!(matches!(failed, Err(Error::Interrupted)));
        assert_eq!(fs::read_to_string(&path).expect("there"), "before");
        assert_eq!(names(scratch.path()), ["a", "file"]);
    }

    #[test]
    fn only_what_nobody_holds_is_swept() {
        let scratch = tempfile::tempdir().expect("a folder");
        let dir = scratch.path();
        let held = temporary_beside(&dir.join("below/held")).expect("a file");
        let (held_folder, _open) = temporary_folder_in(dir).expect("a folder");
        for path in ["below/.tierce-dead.part", ".tierce-dead.part", "below/deeper/.tierce-too-deep.part"] {
            write(&dir.join(path), "half").expect("written");
        }
        write(&dir.join(".tierce-folder.part/file"), "half").expect("written");
        write(&dir.join(".tierce-of-the-user"), "whole").expect("written");
        sweep(dir, 1);
        let name = |path: &Path| path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let mut expected =
            [".tierce-of-the-user", ".tierce-too-deep.part", "below", "deeper"].map(String::from).to_vec();
        expected.extend([name(held.path()), name(held_folder.path())]);
        expected.sort();
        assert_eq!(names(dir), expected);
    }
}
