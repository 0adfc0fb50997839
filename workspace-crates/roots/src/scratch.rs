//! A folder without a final name: the changes of an open builder, or a root that is being made.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tierce_store::files::create_dir;
use tierce_store::{Error, files};

use crate::store::SandboxStore;

/// The folder of changes in a scratch folder.
const UPPER: &str = "upper";

/// A scratch folder. It goes on drop; if this process is killed, a later run removes it.
pub struct Scratch {
    store: SandboxStore,
    folder: TempDir,
    /// Tells other runs that this one uses the folder.
    held: File,
}

impl SandboxStore {
    /// Creates a scratch folder with an empty folder of changes.
    ///
    /// # Errors
    /// The file system's.
    pub fn scratch(&self) -> Result<Scratch, Error> {
        let (folder, held) = files::temporary_folder_in(&self.folder().join("scratch"))?;
        create_root(&folder.path().join(UPPER))?;
        Ok(Scratch { store: self.clone(), folder, held })
    }
}

/// Creates the top folder of a root. Every user of the sandbox has to enter it, whatever the caller's umask is.
pub(crate) fn create_root(path: &Path) -> Result<(), Error> {
    create_dir(path)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(path, mode).map_err(|error| Error::file("write", path, error))
}

impl Scratch {
    /// Returns the path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the folder of changes.
    pub fn upper(&self) -> PathBuf {
        self.path().join(UPPER)
    }

    /// Returns the name relative to the store.
    pub fn name(&self) -> String {
        format!("scratch/{}", self.path().file_name().unwrap_or_default().to_string_lossy())
    }

    /// Returns the name of the folder of changes relative to the store.
    pub fn upper_name(&self) -> String {
        format!("{}/{UPPER}", self.name())
    }

    /// Writes the file system of the folder to its disk: a root that counts has its files after a crash of the machine too.
    pub(crate) fn write_out(&self) -> Result<(), Error> {
        rustix::fs::syncfs(&self.held).map_err(|error| Error::file("write", self.path(), error.into()))
    }

    /// Moves the folder of changes to a new place.
    pub(crate) fn move_upper(&self, to: &Path) -> Result<(), Error> {
        fs::rename(self.upper(), to).map_err(|error| Error::file("write", to, error))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A later run removes a folder that stays.
        let _ = self.store.discard(self.folder.path());
    }
}
