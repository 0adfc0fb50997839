//! Reads texts of the kernel and of /etc.

use crate::facts::Confinement;

/// The first subordinate number that distributions give to a user.
const FIRST: u32 = 100_000;
/// The numbers that a sandbox maps.
pub(crate) const RANGE: u32 = 65_536;

/// The version in a kernel's release: (6, 12) of `6.12.9-amd64`.
pub fn kernel_version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|char: char| !char.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// CAP_NET_ADMIN and CAP_SYS_ADMIN, capabilities(7).
const PRIVILEGES: u64 = 1 << 12 | 1 << 21;

/// Folders of /proc that are always empty, so that a mount there hides nothing.
const EMPTY: [&str; 2] = ["/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd"];

/// Reads seccomp's mode, no_new_privs and the capabilities from `/proc/self/status`, proc_pid_status(5).
pub fn seccomp_of(status: &str) -> Confinement {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let capabilities = field("CapEff:").and_then(|bits| u64::from_str_radix(bits, 16).ok());
    Confinement {
        sign: None,
        has_filter: field("Seccomp:") == Some("2"),
        no_new_privileges: field("NoNewPrivs:") == Some("1"),
        is_privileged: capabilities.is_some_and(|bits| bits & PRIVILEGES == PRIVILEGES),
        hides_proc: false,
    }
}

/// Whether mounts hide parts of /proc, from `/proc/self/mountinfo`, proc_pid_mountinfo(5).
pub fn hides_proc(mounts: &str) -> bool {
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    places.into_iter().any(|place| place.starts_with("/proc/") && !EMPTY.contains(&place))
}

/// Whether `/proc/filesystems` has a file system.
pub fn has_file_system(list: &str, name: &str) -> bool {
    list.lines().any(|line| line.split_whitespace().next_back() == Some(name))
}

/// Returns the first and the last number of a range that no line of `/etc/subuid` and `/etc/subgid` has.
pub fn next_range(texts: &[&str]) -> (u32, u32) {
    let end = |line: &str| {
        let mut numbers = line.split(':').skip(1).map(|number| number.trim().parse::<u32>());
        numbers.next()?.ok()?.checked_add(numbers.next()?.ok()?)
    };
    let ends = texts.iter().flat_map(|text| text.lines()).filter_map(end);
    let first = ends.max().unwrap_or(FIRST).max(FIRST);
    match first.checked_add(RANGE - 1) {
        Some(last) => (first, last),
        None => (FIRST, FIRST + RANGE - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_release_has_a_version() {
        for (release, expected) in [
            ("6.12.9-amd64", Some((6, 12))),
            ("5.4-rc1", Some((5, 4))),
            ("10.0", Some((10, 0))),
            ("six", None),
            ("", None),
            ("99999999999.1", None),
        ] {
            assert_eq!(kernel_version(release), expected, "{release}");
        }
    }

    #[test]
    fn status_shows_filter_and_privileges() {
        for (status, has_filter, no_new_privileges, is_privileged) in [
            ("CapEff:\t000001fffeffffff\nNoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n", false, false, true),
            ("CapEff:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n", true, true, false),
            ("", false, false, false),
        ] {
            let expected = Confinement { sign: None, has_filter, no_new_privileges, is_privileged, hides_proc: false };
            assert_eq!(seccomp_of(status), expected, "{status:?}");
        }
    }

    #[test]
    fn mounts_on_empty_folders_hide_nothing() {
        let line = |place: &str| format!("80 79 0:60 / {place} rw,nosuid - proc proc rw\n");
        for (places, expected) in [
            (&["/", "/proc", "/process"][..], false),
            (&["/proc", "/proc/sys/fs/binfmt_misc"], false),
            (&["/proc", "/proc/kcore"], true),
        ] {
            let mounts: String = places.iter().map(|place| line(place)).collect();
            assert_eq!(hides_proc(&mounts), expected, "{places:?}");
        }
        assert!(!hides_proc("short line\n"));
    }

    #[test]
    fn lists_are_searched_for_whole_words() {
        let list = "nodev\tproc\n\text4\nnodev\toverlayfs2\n";
        assert!(has_file_system(list, "ext4") && !has_file_system(list, "overlay"));
    }

    #[test]
    fn free_range_follows_all_others() {
        for (texts, expected) in [
            (&["", ""][..], (100_000, 165_535)),
            (&["ann:100000:65536\n", "ann:100000:65536\nbob:165536:65536\n"], (231_072, 296_607)),
            (&["ann:5:10\nbroken\nbob:x:1\n"], (100_000, 165_535)),
            (&["ann:4294900000:60000\n"], (100_000, 165_535)),
            (&["ann:4294900000:99999\n"], (100_000, 165_535)),
        ] {
            assert_eq!(next_range(texts), expected, "{texts:?}");
        }
    }
}
