//! Leftovers of killed runs in the daemon.

use std::collections::BTreeMap;
use std::path::Path;

use tierce_docker::{ContainerSummary, Docker, ImageSummary, Removal, Volume};
use tierce_store::Error;
use tierce_store::cache_id::cache_id;
use tierce_store::paths::Paths;
use tierce_store::receipts::Receipts;

use crate::daemon::debug_sessions;
use crate::daemon::labels::{CACHE, CACHE_FOLDER, MAKER, NAMESPACE, OWNER, USES, VERIFIER, VERIFIES};
use tierce_store::owner;

/// Removes the containers that hold this volume and only wait for their next use.
pub(crate) fn release(docker: &Docker, volume: &str) -> Result<(), Error> {
    for container in docker.containers(&[&format!("{USES}={volume}")])? {
        docker.remove(&container.id)?;
    }
    Ok(())
}

/// A leftover of a killed run, or of a cache that no longer exists.
#[derive(Debug)]
pub enum Leftover {
    /// A container of a killed run.
    Container(ContainerSummary),
    /// An image that a killed run did not name.
    Image(ImageSummary),
    /// A volume that no receipt names.
    Volume(Volume),
}

impl Leftover {
    /// Its name in the daemon.
    pub fn name(&self) -> &str {
        match self {
            Leftover::Container(container) => &container.name,
            Leftover::Image(image) => &image.id,
            Leftover::Volume(volume) => &volume.name,
        }
    }

    fn labels(&self) -> &BTreeMap<String, String> {
        match self {
            Leftover::Container(container) => &container.labels,
            Leftover::Image(image) => &image.labels,
            Leftover::Volume(volume) => &volume.labels,
        }
    }

    /// Removes it, unless something uses it.
    pub fn remove(&self, docker: &Docker) -> Result<Removal, Error> {
        Ok(match self {
            Leftover::Container(container) => docker.remove(&container.id)?,
            Leftover::Image(image) => docker.remove_image(&image.id)?,
            Leftover::Volume(volume) => docker.remove_volume(&volume.name)?,
        })
    }
}

/// Everything with this label, in an order in which it can be removed.
pub fn labelled(docker: &Docker, label: &str) -> Result<Vec<Leftover>, Error> {
    let mut images = docker.images(&[label])?;
    images.sort_by_key(|image| std::cmp::Reverse(image.created));
    let containers = docker.containers(&[label])?.into_iter().map(Leftover::Container);
    let volumes = docker.volumes(&[label])?.into_iter().map(Leftover::Volume);
    Ok(containers.chain(volumes).chain(images.into_iter().map(Leftover::Image)).collect())
}

/// The leftovers in this namespace of the daemon: containers and images of killed runs, and volumes that no receipt of their cache
/// names. The daemon is local, so a process of another boot is gone.
pub fn leftovers(docker: &Docker, namespace: &str, paths: &Paths, receipts: &Receipts) -> Result<Vec<Leftover>, Error> {
    let mut left = labelled(docker, &format!("{VERIFIES}={namespace}"))?;
    left.retain(|made| owner::is_left(made.labels(), VERIFIER));
    let namespace = format!("{NAMESPACE}={namespace}");
    for container in docker.containers(&[&namespace, OWNER])? {
        if owner::is_left(&container.labels, OWNER) && !debug_sessions::is_detached(docker, &container)? {
            left.push(Leftover::Container(container));
        }
    }
    let images = docker.images(&[&namespace, MAKER])?.into_iter();
    left.extend(
        images.filter(|image| image.tags.is_empty() && owner::is_left(&image.labels, MAKER)).map(Leftover::Image),
    );
    let cache = cache_id(paths)?;
    // Volumes before receipts: a run that has ended by now has written its receipts.
    let volumes = docker.volumes(&[&namespace, CACHE, OWNER])?.into_iter();
    let volumes: Vec<_> = volumes.filter(|volume| owner::is_left(&volume.labels, OWNER)).collect();
    if !volumes.is_empty() {
        let known = receipts.volumes();
        let is_no_ones = |volume: &Volume| match volume.labels.get(CACHE) == Some(&cache) {
            true => !known.contains(&volume.name),
            false => is_of_no_cache(&volume.labels),
        };
        left.extend(volumes.into_iter().filter(is_no_ones).map(Leftover::Volume));
    }
    Ok(left)
}

/// Whether a living process has a container in this namespace.
pub fn others_at_work(docker: &Docker, namespace: &str) -> Result<bool, Error> {
    let containers = docker.containers(&[namespace, OWNER])?;
    let owners = containers.iter().filter_map(|container| container.labels.get(OWNER));
    Ok(owners.into_iter().any(|owner| !owner.is_empty() && owner::is_alive(owner)))
}

/// Whether the cache that these labels name was visible to this process, and is gone.
fn is_of_no_cache(labels: &BTreeMap<String, String>) -> bool {
    let (Some(id), Some(folder), Some(owner)) = (labels.get(CACHE), labels.get(CACHE_FOLDER), labels.get(OWNER)) else {
        return false;
    };
    // Processes of other containers see other folders.
    owner.split(':').nth(1) == Some(&owner::pid_namespace())
        && tierce_bounded::text(Path::new(folder).join("id"), &tierce_bounded::SETTINGS)
            .map_or_else(|error| error.kind() == std::io::ErrorKind::NotFound, |there| there != *id)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn volume_outlives_its_cache_only_when_visible() {
        let scratch = tempfile::tempdir().expect("a folder");
        fs::write(scratch.path().join("id"), "1234abcd").expect("written");
        let folder = scratch.path().display().to_string();
        let here = format!("boot:{}:1:1", owner::pid_namespace());
        for (id, folder, owner, expected) in [
            ("1234abcd", folder.as_str(), here.as_str(), false),
            ("another0", &folder, &here, true),
            ("1234abcd", "/no/such/folder", &here, true),
            ("1234abcd", "/no/such/folder", "boot:1:1:1", false),
        ] {
            let labels = [(CACHE, id), (CACHE_FOLDER, folder), (OWNER, owner)];
            let mut labels: BTreeMap<_, _> = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            assert_eq!(is_of_no_cache(&labels), expected, "{labels:?}");
            labels.remove(CACHE_FOLDER);
            assert!(!is_of_no_cache(&labels));
        }
    }
}
