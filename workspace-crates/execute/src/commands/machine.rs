//! The facts of the kernel, of users and of disks.

use std::path::Path;

use tierce_bounded::{KERNEL, TEXT};
use tierce_doctor::{Cgroups, Confinement, Folder, SubordinateIds, UserNamespaces};
use tierce_doctor::{has_file_system, hides_proc, next_range, seccomp_of};
use tierce_process::is_in_path;
use tierce_sandbox::{Identity, Limits, NoLimits, limits_in_force};

/// Files that engines put into their containers.
const SIGNS: [&str; 3] = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"];

/// Words in the control group of a container's first process.
const WORDS: [&str; 4] = ["kubepods", "docker", "libpod", "lxc"];

/// Names of file systems by the numbers of statfs(2).
const FILE_SYSTEMS: [(u32, &str); 15] = [
    (0x0000_ef53, "ext4"),
    (0x5846_5342, "XFS"),
    (0x9123_683e, "Btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x2fc1_2fc1, "ZFS"),
    (0xf2f5_2010, "F2FS"),
    (0xca45_1a4e, "bcachefs"),
    (0x794c_7630, "overlay"),
    (0x0000_6969, "NFS"),
    (0x6573_5546, "FUSE"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "CIFS"),
    (0x0102_1997, "9p"),
    (0x0000_f15f, "eCryptfs"),
    (0x8584_58f6, "ramfs"),
];

/// Returns the text of a file of the kernel; empty if it cannot be read.
fn kernel(path: impl AsRef<Path>) -> String {
    tierce_bounded::text(path, &KERNEL).unwrap_or_default()
}

/// Returns the kernel's release.
pub(super) fn kernel_release() -> String {
    kernel("/proc/sys/kernel/osrelease").trim().to_owned()
}

/// Returns the settings for user namespaces.
pub(super) fn user_namespaces() -> UserNamespaces {
    let number = |name: &str| kernel(Path::new("/proc/sys").join(name)).trim().parse().ok();
    UserNamespaces {
        exist: Path::new("/proc/self/ns/user").exists(),
        most: number("user/max_user_namespaces"),
        unprivileged: number("kernel/unprivileged_userns_clone"),
        apparmor_restricts: number("kernel/apparmor_restrict_unprivileged_userns"),
    }
}

/// Looks for a container around this process.
pub(super) fn confinement() -> Confinement {
    let file = SIGNS.iter().find(|sign| Path::new(sign).exists()).map(|sign| (*sign).to_owned());
    let group = || {
        let groups = kernel("/proc/1/cgroup");
        WORDS.iter().find(|word| groups.contains(**word)).map(|word| format!("control group of {word}"))
    };
    let hides_proc = hides_proc(&kernel("/proc/self/mountinfo"));
    Confinement { sign: file.or_else(group), hides_proc, ..seccomp_of(&kernel("/proc/self/status")) }
}

/// Returns the subordinate users and groups of the caller. `refusal` is the error of the program that maps them.
pub(super) fn subordinate_ids(identity: &Identity, refusal: Option<String>) -> SubordinateIds {
    let count = match identity {
        Identity::Range { users, groups } => Some(users.count.min(groups.count)),
        _ => None,
    };
    let missing = ["newuidmap", "newgidmap"].into_iter().filter(|program| !is_in_path(program));
    let read = |path: &str| tierce_bounded::text(path, &TEXT).unwrap_or_default();
    SubordinateIds {
        count,
        missing_programs: missing.map(str::to_owned).collect(),
        refusal,
        free: next_range(&[&read("/etc/subuid"), &read("/etc/subgid")]),
    }
}

/// Whether the kernel has overlayfs.
pub(super) fn has_overlayfs() -> bool {
    has_file_system(&kernel("/proc/filesystems"), "overlay")
}

/// Returns the limits that the kernel keeps for a sandbox. Makes a control group for a moment.
pub(super) fn cgroups() -> Cgroups {
    match limits_in_force(&Limits::of_machine()) {
        Ok(Limits { memory, processes, .. }) => Cgroups::Limits { memory, processes },
        Err(NoLimits::Absent) => Cgroups::Absent,
        Err(NoLimits::Closed(reason)) => Cgroups::Closed(reason),
    }
}

/// Returns a folder, or the file system that it would be on.
pub(super) fn folder(path: &Path) -> Option<Folder> {
    let there = path.ancestors().find(|folder| folder.exists())?;
    let space = rustix::fs::statvfs(there).ok()?;
    // The kernel's number has 32 bits, whatever the type of the field.
    let kind = rustix::fs::statfs(there).ok().map(|found| found.f_type as u32);
    let name = FILE_SYSTEMS.iter().find(|(number, _)| Some(*number) == kind).map(|(_, name)| (*name).to_owned());
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    Some(Folder { path: path.display().to_string(), file_system: name, free })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_facts() {
        assert!(tierce_doctor::kernel_version(&kernel_release()).is_some());
        assert!(user_namespaces().exist, "tests of namespaces need them");
        let found = folder(Path::new("/proc/no/such/folder")).expect("a parent exists");
        assert_eq!(found.path, "/proc/no/such/folder");
    }
}
