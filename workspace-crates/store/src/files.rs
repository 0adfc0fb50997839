//! Files that are whole or absent: written under a temporary name beside their place, then renamed.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use camino::Utf8PathBuf;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::{NamedTempFile, TempDir};
use tierce_bounded::Limit;
use tierce_oci::HashingWriter;

use crate::Error;

/// The prefix of the names of unfinished files.
const UNFINISHED: &str = ".tierce-";
/// Their suffix.
const PART: &str = ".part";

/// Makes a folder and its parents.
pub fn create_dir(dir: &Path) -> Result<(), Error> {
    fs::create_dir_all(dir).map_err(|error| Error::file("create the folder", dir, error))
}

/// A path that other programs take.
///
/// # Errors
/// A path that is not UTF-8.
pub fn utf8(path: PathBuf) -> Result<Utf8PathBuf, Error> {
    Utf8PathBuf::from_path_buf(path).map_err(|path| {
        let problem = io::Error::new(io::ErrorKind::InvalidFilename, "its name is not UTF-8");
        Error::file("use", &path, problem)
    })
}

/// Opens a file, and returns its length in bytes.
pub fn open(path: &Path) -> Result<(File, u64), Error> {
    let failed = |error| Error::file("read", path, error);
    let file = tierce_bounded::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    Ok((file, size))
}

/// Writes a file through `fill`, which sees it under a temporary name.
///
/// # Errors
/// The error of `fill`, or of the file system; nothing is left then.
pub fn write_with<T>(path: &Path, fill: impl FnOnce(&mut File) -> Result<T, Error>) -> Result<T, Error> {
    let mut file = temporary_beside(path)?;
    let result = fill(file.as_file_mut())?;
    persist(file, path)?;
    Ok(result)
}

/// Creates a file without a final name in the folder of `path`, and that folder.
pub fn temporary_beside(path: &Path) -> Result<NamedTempFile, Error> {
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

/// Creates a folder without a final name in this one. Nobody sweeps it while the file is open.
pub fn temporary_folder_in(dir: &Path) -> Result<(TempDir, File), Error> {
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

/// Locks a new file for as long as it is open. Returns false if another run swept it first.
fn claim(file: &File) -> bool {
    match file.try_lock() {
        Ok(()) => file.metadata().is_ok_and(|file| file.nlink() > 0),
        Err(TryLockError::WouldBlock) => false,
        // Where nothing can be locked, nobody sweeps.
        Err(TryLockError::Error(_)) => true,
    }
}

/// Removes unfinished files of killed runs from a folder and `depth` levels below: those that no process holds open. Ignores those that
/// it cannot remove.
pub fn sweep(dir: &Path, depth: usize) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_unfinished(&path) {
            // A folder is locked too. A pipe of this name would make the run wait.
            let opened = if is_dir { File::open(&path) } else { tierce_bounded::open(&path) };
            let Ok(file) = opened else { continue };
            // Removed while locked, so that a run that has just made it sees that it is gone.
            if file.try_lock().is_ok() {
                let _ = if is_dir { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            }
        } else if is_dir && depth > 0 {
            sweep(&path, depth - 1);
        }
    }
}

/// Locks an unfinished folder that no process holds. A run that has just made it then sees that it is gone.
pub fn hold_free(folder: &Path) -> Option<File> {
    File::open(folder).ok().filter(|folder| folder.try_lock().is_ok())
}

/// Whether a path has the name of an unfinished file or folder.
pub fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(UNFINISHED) && name.ends_with(PART)
}

/// Gives a temporary file its place.
pub fn persist(file: NamedTempFile, path: &Path) -> Result<(), Error> {
    // A temporary file is private to its owner; the final one has the mode of any other file.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(|error| Error::file("write", path, error))?;
    file.persist(path).map_err(|error| Error::file("write", path, error.error))?;
    Ok(())
}

/// Gives a temporary folder its place. If another run was faster, its folder stays: the name says the content.
pub fn persist_folder(folder: TempDir, path: &Path) -> Result<(), Error> {
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

/// Writes a file unless it has these bytes: a container may have it mounted.
pub fn write_changed(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if tierce_bounded::bytes(path, &tierce_bounded::TABLE).is_ok_and(|present| present == bytes) {
        Ok(())
    } else {
        write(path, bytes)
    }
}

/// Removes a folder, or another file in its place. It loses its name at once.
pub fn discard_folder(path: &Path) -> Result<(), Error> {
    let (scratch, _held) = temporary_folder_in(path.parent().unwrap_or(Path::new(".")))?;
    match fs::rename(path, scratch.path().join("discarded")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", path, error)),
        _ => Ok(()),
    }
}

/// Writes a file under a temporary name, then renames it; creates its folder.
///
/// # Errors
/// The file system's.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
    write_with(path, |file| file.write_all(bytes.as_ref()).map_err(|error| Error::file("write", path, error)))
}

/// Removes a file; succeeds without one.
pub fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", path, error)),
        _ => Ok(()),
    }
}

/// Writes a value as JSON.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_vec(value).map_err(|error| Error::file("write", path, error.into()))?;
    write(path, text)
}

/// Reads a JSON file of Tierce's own. A damaged file counts as missing: the caller rebuilds it.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&tierce_bounded::bytes(path, &tierce_bounded::STATE).ok()?).ok()
}

/// Reads a whole text file of the user's, of at most this size.
pub fn read_limited(path: &Path, limit: &Limit) -> Result<String, Error> {
    tierce_bounded::text(path, limit).map_err(|error| Error::file("read", path, error))
}

/// Reads a whole text file of the user's.
pub fn read_text(path: &Path) -> Result<String, Error> {
    read_limited(path, &tierce_bounded::TEXT)
}

/// The SHA-256 of a file in hexadecimal digits, and its length in bytes; in constant memory.
pub fn sha256_of(path: &Path) -> Result<(String, u64), Error> {
    let file = tierce_bounded::open(path).map_err(|error| Error::file("read", path, error))?;
    sha256_of_reader(file).map_err(|error| Error::file("read", path, error))
}

/// Returns the SHA-256 of a reader's bytes and their number.
pub fn sha256_of_reader(reader: impl Read) -> io::Result<(String, u64)> {
    let mut writer = HashingWriter::new(io::sink());
    // `io::copy` copies through this buffer instead of its own one of 8 KiB.
    io::copy(&mut BufReader::with_capacity(1 << 17, reader), &mut writer)?;
    let (digest, size, _) = writer.finish();
    Ok((digest.hex(), size))
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
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
    fn failed_write_leaves_nothing() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("a/file");
        write(&path, "before").expect("written");
        let failed: Result<(), Error> = write_with(&path, |file| {
            file.write_all(b"half").expect("written");
            Err(Error::interrupted())
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&path).expect("there"), "before");
        assert_eq!(names(scratch.path()), ["a", "file"]);
    }

    #[test]
    fn sweep_spares_open_files() {
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
