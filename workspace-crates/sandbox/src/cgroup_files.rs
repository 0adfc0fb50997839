//! The kernel's files about control groups, cgroups(7).

use std::path::{Component, Path, PathBuf};

use tierce_bounded::KERNEL;

/// Returns the folders of this process's own group and of those above it, the nearest first, from `/proc/self/mountinfo` and
/// `/proc/self/cgroup`. None without version 2, or if the mount does not show the own group.
pub(crate) fn candidates(mountinfo: &str, groups: &str) -> Vec<PathBuf> {
    let Some(own) = groups.lines().find_map(|line| line.strip_prefix("0::")) else { return Vec::new() };
    let Some((root, mounted)) = mountinfo.lines().find_map(mount_of) else { return Vec::new() };
    // A path that climbs leads out of this process's namespace.
    let is_plain = |path: &&Path| !path.components().any(|part| part == Component::ParentDir);
    let below = Some(Path::new(own)).filter(is_plain).and_then(|own| own.strip_prefix(root).ok());
    below.into_iter().flat_map(Path::ancestors).map(|folder| Path::new(mounted).join(folder)).collect()
}

/// Returns the root and the mount point of a line about cgroups v2, proc(5).
fn mount_of(line: &str) -> Option<(&str, &str)> {
    let (fields, kind) = line.split_once(" - ")?;
    let mut fields = fields.split(' ').skip(3);
    kind.starts_with("cgroup2 ").then_some((fields.next()?, fields.next()?))
}

/// Returns the number of a key in a file of counts; 0 without it.
pub(crate) fn count_of(text: &str, key: &str) -> u64 {
    let value = |line: &str| line.split_once(' ').filter(|(name, _)| *name == key)?.1.trim().parse().ok();
    text.lines().find_map(value).unwrap_or(0)
}

/// Returns the number in a file of a limit; none for `max`.
pub(crate) fn limit_of(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// Whether a file of a group has a word.
pub(crate) fn has(folder: &Path, file: &str, word: &str) -> bool {
    read(&folder.join(file)).split_whitespace().any(|there| there == word)
}

/// Returns the text of a file; an empty one without the file.
pub(crate) fn read(path: &Path) -> String {
    tierce_bounded::text(path, &KERNEL).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_from_the_nearest_up() {
        let unified = "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let hybrid = "30 25 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                      31 25 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let bound = "30 25 0:26 /pods/a /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
        for (mountinfo, groups, expected) in [
            (unified, "0::/\n", vec!["/sys/fs/cgroup"]),
            (unified, "0::/a.slice/b\n", vec!["/sys/fs/cgroup/a.slice/b", "/sys/fs/cgroup/a.slice", "/sys/fs/cgroup"]),
            (hybrid, "1:pids:/x\n0::/\n", vec!["/sys/fs/cgroup/unified"]),
            (bound, "0::/pods/a/b\n", vec!["/sys/fs/cgroup/b", "/sys/fs/cgroup"]),
            (bound, "0::/other\n", vec![]),
            (unified, "0::/../x\n", vec![]),
            (unified, "4:memory:/x\n", vec![]),
            ("", "0::/\n", vec![]),
        ] {
            let found: Vec<String> =
                candidates(mountinfo, groups).iter().map(|path| path.display().to_string()).collect();
            let found: Vec<&str> = found.iter().map(|path| path.trim_end_matches('/')).collect();
            assert_eq!(found, expected, "{groups:?}");
        }
    }

    #[test]
    fn counts_are_read_by_their_names() {
        let events = "low 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n";
        for (key, expected) in [("oom_kill", 2), ("oom", 3), ("low", 0), ("none", 0)] {
            assert_eq!(count_of(events, key), expected, "{key}");
        }
    }

    #[test]
    fn limits_are_numbers_or_none() {
        for (text, expected) in [("max\n", None), ("0\n", Some(0)), ("4096\n", Some(4096)), ("", None), ("x", None)] {
            assert_eq!(limit_of(text), expected, "{text:?}");
        }
    }
}
