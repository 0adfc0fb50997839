//! Images that a killed run loaded and never named.

use std::fs;

use tierce_docker::Docker;
use tierce_store::paths::Paths;
use tierce_store::pending_images::Pending;
use tierce_store::{Error, pending_images};

use crate::daemon::labels;

/// Removes from the daemon the images that earlier runs loaded and that still have no name. An image that a container uses
/// stays. Calls `docker` only if there is such an image.
pub fn remove(paths: &Paths, docker: impl FnOnce() -> Result<Docker, Error>) -> Result<(), Error> {
    let pending = pending_images::all(paths);
    if pending.is_empty() {
        return Ok(());
    }
    let docker = docker()?;
    for Pending { image: name, ids, path } in pending {
        for id in ids {
            let image = docker.image(&id)?.filter(|image| image.tags.is_empty());
            if image.is_some_and(|image| image.labels.get(labels::IMAGE) == Some(&name)) {
                docker.remove_image(&id)?;
            }
        }
        fs::remove_file(&path).map_err(|error| Error::file("remove", &path, error))?;
    }
    Ok(())
}
