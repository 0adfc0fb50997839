//! Which process made something in the daemon, so that a later run can tell leftovers of killed runs from what is in use.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use tierce_docker::{ContainerSummary, Docker, ImageSummary, Removal, Volume};

use crate::Error;
use crate::debugging::is_detached;
use crate::places::Places;
use crate::receipts::Receipts;

/// The label with the owner of a container or volume. Images hand their labels on to anybody's containers, so they have another
/// one, and an empty one of this name where they were made from a container.
pub(crate) const OWNER: &str = "dev.tierce.owner";
/// The label with the process that has imported an image, which counts until the image has a name.
pub(crate) const MAKER: &str = "dev.tierce.maker";
/// The label with the cache whose receipts decide over a volume.
pub(crate) const CACHE: &str = "dev.tierce.cache";

/// The label with the namespace of everything that is made in a daemon.
pub(crate) const NAMESPACE: &str = "dev.tierce.namespace";
/// The label with what it was made for.
pub(crate) const KIND: &str = "dev.tierce.kind";
/// The label of everything that a verification makes, in a namespace of its own: the namespace of the run that verifies.
pub(crate) const VERIFIES: &str = "dev.tierce.verifies";
/// The label with that run's process.
pub(crate) const VERIFIER: &str = "dev.tierce.verifier";

/// The label with that cache's folder.
pub(crate) const CACHE_FOLDER: &str = "dev.tierce.cache-folder";

/// The label of a container that stays for the next time, with the volume that it holds in use.
pub(crate) const USES: &str = "dev.tierce.uses";

/// Removes the containers that hold this volume in use and stay only to be used again.
pub(crate) fn release(docker: &Docker, volume: &str) -> Result<(), Error> {
    for container in docker.containers(&[&format!("{USES}={volume}")])? {
        docker.remove(&container.id)?;
    }
    Ok(())
}

/// This process, told apart from all others of this machine, also after its number is used again.
pub(crate) fn this_process() -> String {
    let pid = std::process::id();
    format!("{}:{}:{pid}:{}", boot(), pid_namespace(), start_of(pid).unwrap_or_default())
}

/// Something in the daemon that a killed run has left, or that belonged to a cache that is no more.
#[derive(Debug)]
pub(crate) enum Leftover {
    Container(ContainerSummary),
    Image(ImageSummary),
    Volume(Volume),
}

impl Leftover {
    /// Its name in the daemon.
    pub(crate) fn name(&self) -> &str {
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

    pub(crate) fn remove(&self, docker: &Docker) -> Result<Removal, Error> {
        Ok(match self {
            Leftover::Container(container) => docker.remove(&container.id)?,
            Leftover::Image(image) => docker.remove_image(&image.id)?,
            Leftover::Volume(volume) => docker.remove_volume(&volume.name)?,
        })
    }
}

/// Everything with this label, in an order in which it can be removed.
pub(crate) fn labelled(docker: &Docker, label: &str) -> Result<Vec<Leftover>, Error> {
    let mut images = docker.images(&[label])?;
    images.sort_by_key(|image| std::cmp::Reverse(image.created));
    let containers = docker.containers(&[label])?.into_iter().map(Leftover::Container);
    let volumes = docker.volumes(&[label])?.into_iter().map(Leftover::Volume);
    Ok(containers.chain(volumes).chain(images.into_iter().map(Leftover::Image)).collect())
}

/// What runs that were killed have left in this namespace of the daemon: containers, half-made images, and volumes that no
/// receipt of their cache names. The daemon is local, so that a process of another boot is gone too.
pub(crate) fn leftovers(
    docker: &Docker,
    namespace: &str,
    places: &Places,
    receipts: &Receipts,
) -> Result<Vec<Leftover>, Error> {
    let mut left = labelled(docker, &format!("{VERIFIES}={namespace}"))?;
    left.retain(|made| is_left(made.labels(), VERIFIER));
    let namespace = format!("{NAMESPACE}={namespace}");
    for container in docker.containers(&[&namespace, OWNER])? {
        if is_left(&container.labels, OWNER) && !is_detached(docker, &container)? {
            left.push(Leftover::Container(container));
        }
    }
    let images = docker.images(&[&namespace, MAKER])?.into_iter();
    left.extend(images.filter(|image| image.tags.is_empty() && is_left(&image.labels, MAKER)).map(Leftover::Image));
    let cache = places.cache_id()?;
    // In this order: whoever is gone by now has written all of the receipts that are read afterwards.
    let volumes = docker.volumes(&[&namespace, CACHE, OWNER])?.into_iter();
    let volumes: Vec<_> = volumes.filter(|volume| is_left(&volume.labels, OWNER)).collect();
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

/// Whether a process that lives has a container in this namespace.
pub(crate) fn others_at_work(docker: &Docker, namespace: &str) -> Result<bool, Error> {
    let containers = docker.containers(&[namespace, OWNER])?;
    let owners = containers.iter().filter_map(|container| container.labels.get(OWNER));
    Ok(owners.into_iter().any(|owner| !owner.is_empty() && is_alive(owner)))
}

/// Whether the cache that these labels name was where this process would see it, and is not there now.
fn is_of_no_cache(labels: &BTreeMap<String, String>) -> bool {
    let (Some(id), Some(folder), Some(owner)) = (labels.get(CACHE), labels.get(CACHE_FOLDER), labels.get(OWNER)) else {
        return false;
    };
    // Other containers see other folders.
    owner.split(':').nth(1) == Some(&pid_namespace())
        && fs::read_to_string(Path::new(folder).join("id"))
            .map_or_else(|error| error.kind() == std::io::ErrorKind::NotFound, |there| there != *id)
}

/// Whether this label names a process, and one that is gone.
pub(crate) fn is_left(labels: &BTreeMap<String, String>, label: &str) -> bool {
    labels.get(label).is_some_and(|owner| !owner.is_empty() && !is_alive(owner))
}

fn is_alive(owner: &str) -> bool {
    let parts: Vec<&str> = owner.split(':').collect();
    let &[at, namespace, pid, start] = parts.as_slice() else { return false };
    if at != boot() {
        return false;
    }
    // The numbers of another container's processes mean nothing here; only whoever shares them can tell.
    if namespace != pid_namespace() {
        return true;
    }
    let Ok(pid) = pid.parse::<u32>() else { return false };
    match start_of(pid) {
        Some(started) => started == start,
        // Another user's process may be hidden.
        None => i32::try_from(pid)
            .ok()
            .and_then(Pid::from_raw)
            .is_some_and(|pid| test_kill_process(pid) == Err(Errno::PERM)),
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The number of the namespace that process ids are counted in.
fn pid_namespace() -> String {
    let link = fs::read_link(Path::new("/proc/self/ns/pid")).unwrap_or_default();
    link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
}

/// When a process was started, in ticks since boot: field 22 of proc(5)'s `/proc/pid/stat`, counted behind the name, which may
/// hold anything.
fn start_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_outlives_its_cache_only_as_far_as_is_known() {
        let scratch = tempfile::tempdir().expect("a folder");
        fs::write(scratch.path().join("id"), "1234abcd").expect("written");
        let folder = scratch.path().display().to_string();
        let here = format!("boot:{}:1:1", pid_namespace());
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

    #[test]
    fn only_a_process_that_is_known_to_be_gone_leaves_something() {
        let (boot, namespace, pid) = (boot(), pid_namespace(), std::process::id());
        let start = start_of(pid).expect("this process runs");
        for (owner, expected) in [
            (this_process(), false),
            // What is finished.
            (String::new(), false),
            (format!("{boot}:1:{pid}:{start}"), false),
            (format!("{boot}:{namespace}:{pid}:0"), true),
            (format!("{boot}:{namespace}:{}:{start}", i32::MAX), true),
            (format!("{boot}:{namespace}:{}:{start}", u32::MAX), true),
            (format!("another-boot:{namespace}:{pid}:{start}"), true),
            ("a:b".into(), true),
        ] {
            let labels = BTreeMap::from([(OWNER.to_owned(), owner.clone())]);
            assert_eq!(is_left(&labels, OWNER), expected, "{owner}");
        }
        assert!(!is_left(&BTreeMap::new(), OWNER));
    }
}
