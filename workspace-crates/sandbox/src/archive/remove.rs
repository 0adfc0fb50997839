//! Removes folders of the host whose files belong to users of a sandbox.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::error::Failure;

/// Removes these folders. The kernel's overlay leaves folders in them without any permission; root in a sandbox enters those too.
pub(crate) fn remove(folders: &[PathBuf]) -> Result<(), Failure> {
    for folder in folders {
        // Root of a namespace enters folders of its users only.
        open_up(folder);
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Failure::at("remove", folder, error)),
            _ => {}
        }
    }
    Ok(())
}

/// Gives the owner access to the work folders of an overlay.
fn open_up(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let work = entry.path().join("work");
        if fs::symlink_metadata(&work).is_ok_and(|there| there.is_dir()) {
            let _ = fs::set_permissions(work, fs::Permissions::from_mode(0o700));
        }
    }
}
