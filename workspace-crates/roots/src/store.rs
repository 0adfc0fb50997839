//! The folder of the sandbox in the user's cache, and the removal of folders in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tierce_plan::digest;
use tierce_sandbox::{Identity, Sandbox};
use tierce_store::paths::Paths;
use tierce_store::receipts::Receipts;
use tierce_store::{Error, files, owner};

use crate::users;

/// The id of this engine in receipts. Its roots lie in the cache, as the receipts do.
pub const SANDBOX_ID: &str = "sandbox";
/// The text of `/etc/hosts` in a sandbox.
const HOSTS: &[u8] = b"127.0.0.1\tlocalhost\n::1\tlocalhost\n";
/// Hexadecimal digits of the id of a root.
const ID_LENGTH: usize = 16;

/// The roots and volumes of the sandbox.
#[derive(Clone, Debug)]
pub struct SandboxStore {
    pub(crate) sandbox: Sandbox,
    pub(crate) paths: Paths,
}

impl SandboxStore {
    /// Returns the store of a cache. `interrupted` ends running sandboxes.
    pub fn new(paths: Paths, interrupted: Arc<AtomicBool>) -> SandboxStore {
        let identity = users::identity(&paths.shared("sandbox"), Identity::of_caller());
        SandboxStore { sandbox: Sandbox::new(identity, interrupted), paths }
    }

    /// Returns the maker of sandboxes.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// Returns the folder of the store.
    pub fn folder(&self) -> PathBuf {
        self.paths.shared("sandbox")
    }

    /// Returns a file with the names of the loopback device, for `/etc/hosts`: a sandbox has no other host.
    ///
    /// # Errors
    /// The file system's.
    pub fn hosts(&self) -> Result<PathBuf, Error> {
        let path = self.folder().join("hosts");
        files::write_changed(&path, HOSTS)?;
        Ok(path)
    }

    pub(crate) fn path(&self, kind: &str, name: &str) -> PathBuf {
        self.folder().join(kind).join(name)
    }

    pub(crate) fn lock_path(&self, id: &str) -> PathBuf {
        self.paths.shared("locks").join(format!("sandbox-root-{id}.used.lock"))
    }

    /// Removes a folder, whatever user of a sandbox owns its files.
    ///
    /// # Errors
    /// Those of the file system and of the sandbox that removes it.
    pub fn discard(&self, folder: &Path) -> Result<(), Error> {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(self.sandbox.remove(&[folder])?),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file("remove", folder, error)),
            _ => Ok(()),
        }
    }

    /// Removes the leftovers of killed runs: scratch folders that no process holds, roots without a name, and volumes that no receipt
    /// of the cache names. One that cannot be removed keeps no other.
    ///
    /// # Errors
    /// The file system's first one.
    pub fn remove_leftovers(&self, receipts: &Receipts) -> Result<(), Error> {
        let mut result = Ok(());
        for scratch in entries(&self.folder().join("scratch")) {
            if files::is_unfinished(&scratch)
                && let Some(_held) = files::hold_free(&scratch)
            {
                result = result.and(self.discard(&scratch));
            }
        }
        let (roots, volumes) = (self.remove_nameless_roots(), self.remove_left_volumes(receipts));
        result.and(roots).and(volumes)
    }
}

/// Returns a new id: no process of this machine returned it before.
pub(crate) fn new_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let text = format!("{} {}", owner::this_process(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut id = digest(text);
    id.truncate(ID_LENGTH);
    id
}

/// Returns the entries of a folder, in the order of their names; none of a missing one.
pub(crate) fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    all.sort();
    all
}
