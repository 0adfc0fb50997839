//! The unfinished file beside its destination, locked against other processes.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;

use crate::TICK;
use crate::error::ErrorKind;

/// `NAME.part`, held by this process until it is dropped.
pub(crate) struct Part {
    pub(crate) file: File,
    pub(crate) path: PathBuf,
}

impl Part {
    /// Opens and locks the unfinished file of `destination`. While another process holds it, calls `waiting` once and
    /// `should_stop` repeatedly.
    pub(crate) fn lock(
        destination: &Path,
        should_stop: &dyn Fn() -> bool,
        waiting: &dyn Fn(),
    ) -> Result<Self, ErrorKind> {
        let mut name = destination.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(ErrorKind::io("create", folder))?;
        }
        let mut is_waiting = false;
        loop {
            let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
            let file = file.map_err(ErrorKind::io("create", &path))?;
            match file.try_lock() {
                // The previous owner has renamed or removed the opened file: open the path again.
                Ok(()) if !is_at(&file, &path).map_err(ErrorKind::io("read", &path))? => continue,
                Ok(()) => return Ok(Self { file, path }),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(ErrorKind::io("lock", &path)(error)),
            }
            if should_stop() {
                return Err(ErrorKind::Interrupted);
            }
            if !is_waiting {
                waiting();
                is_waiting = true;
            }
            thread::sleep(TICK);
        }
    }

    /// Its length, in bytes.
    pub(crate) fn len(&self) -> Result<u64, ErrorKind> {
        Ok(self.file.metadata().map_err(ErrorKind::io("read", &self.path))?.len())
    }

    /// Removes everything from byte `length` on.
    pub(crate) fn truncate(&self, length: u64) -> Result<(), ErrorKind> {
        self.file.set_len(length).map_err(ErrorKind::io("write", &self.path))
    }

    /// Moves it to the destination.
    pub(crate) fn rename(self, destination: &Path) -> Result<(), ErrorKind> {
        fs::rename(&self.path, destination).map_err(ErrorKind::io("rename", &self.path))
    }

    /// Removes it.
    pub(crate) fn remove(self) -> Result<(), ErrorKind> {
        fs::remove_file(&self.path).map_err(ErrorKind::io("remove", &self.path))
    }
}

/// Whether `path` still names the opened `file`.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let current = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other?,
    };
    let held = file.metadata()?;
    Ok((held.dev(), held.ino()) == (current.dev(), current.ino()))
}
