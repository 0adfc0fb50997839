//! The process that made a thing in the daemon: a later run tells leftovers of killed runs from things in use.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// This process, distinct from every other one of this machine, also after its number is reused.
pub fn this_process() -> String {
    let pid = std::process::id();
    format!("{}:{}:{pid}:{}", boot(), pid_namespace(), start_of(pid).unwrap_or_default())
}

/// Whether this label names a process that is gone.
pub fn is_left(labels: &BTreeMap<String, String>, label: &str) -> bool {
    labels.get(label).is_some_and(|owner| !owner.is_empty() && !is_alive(owner))
}

/// Whether the process that [`this_process`] named runs.
pub fn is_alive(owner: &str) -> bool {
    let parts: Vec<&str> = owner.split(':').collect();
    let &[at, namespace, pid, start] = parts.as_slice() else { return false };
    if at != boot() {
        return false;
    }
    // The numbers of another container's processes mean nothing here.
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
    tierce_bounded::text("/proc/sys/kernel/random/boot_id", &tierce_bounded::KERNEL)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// The number of this process's pid namespace.
pub fn pid_namespace() -> String {
    let link = fs::read_link(Path::new("/proc/self/ns/pid")).unwrap_or_default();
    link.to_string_lossy().chars().filter(char::is_ascii_digit).collect()
}

/// The start of a process in ticks since boot: field 22 of proc(5)'s `/proc/pid/stat`, counted after the name, which may hold any
/// character.
fn start_of(pid: u32) -> Option<String> {
    let stat = tierce_bounded::text(format!("/proc/{pid}/stat"), &tierce_bounded::KERNEL).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: &str = "dev.example.owner";

    #[test]
    fn only_a_dead_process_leaves_things() {
        let (boot, namespace, pid) = (boot(), pid_namespace(), std::process::id());
        let start = start_of(pid).expect("this process runs");
        for (owner, expected) in [
            (this_process(), false),
            // A finished result.
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
