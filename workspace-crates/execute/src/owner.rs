//! Which process made something in the daemon, so that a later run can tell leftovers of killed runs from what is in use.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use tierce_docker::Docker;

use crate::Error;
use crate::places::Places;
use crate::receipts::Receipts;

/// The label with the owner of a container or volume. Images hand their labels on to anybody's containers, so they have another
/// one, and an empty one of this name where they were made from a container.
pub(crate) const OWNER: &str = "dev.tierce.owner";
/// The label with the process that has imported an image, which counts until the image has a name.
pub(crate) const MAKER: &str = "dev.tierce.maker";
/// The label with the cache whose receipts decide over a volume.
pub(crate) const CACHE: &str = "dev.tierce.cache";

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

/// Removes what runs that were killed have left in this namespace of the daemon: containers, half-made images, and volumes that
/// no receipt of this cache names. The daemon is local, so that a process of another boot is gone too.
pub(crate) fn remove_leftovers(
    docker: &Docker,
    namespace: &str,
    places: &Places,
    receipts: &Receipts,
) -> Result<(), Error> {
    let namespace = format!("dev.tierce.namespace={namespace}");
    for container in docker.containers(&[&namespace, OWNER])? {
        if is_left(&container.labels, OWNER) {
            docker.remove(&container.id)?;
        }
    }
    for image in docker.images(&[&namespace, MAKER])? {
        if image.tags.is_empty() && is_left(&image.labels, MAKER) {
            docker.remove_image(&image.id)?;
        }
    }
    let cache = format!("{CACHE}={}", places.cache_id()?);
    // In this order: whoever is gone by now has written all of the receipts that are read afterwards.
    let volumes = docker.volumes(&[&cache, &namespace, OWNER])?;
    let left: Vec<_> = volumes.into_iter().filter(|volume| is_left(&volume.labels, OWNER)).collect();
    if !left.is_empty() {
        let known = receipts.volumes();
        for volume in left.iter().filter(|volume| !known.contains(&volume.name)) {
            docker.remove_volume(&volume.name)?;
        }
    }
    Ok(())
}

/// Whether this label names a process, and one that is gone.
fn is_left(labels: &BTreeMap<String, String>, label: &str) -> bool {
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
