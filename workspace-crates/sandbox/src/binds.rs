//! Single mounts in a root: a file or folder of the host, an empty folder in memory.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, StatVfsMountFlags, fstatvfs, openat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_bind, mount_bind_recursive, mount_remount};

use crate::error::Failure;
use crate::targets::{Kind, Target};

/// The flags of every mount: its programs neither use devices nor gain privileges.
pub(crate) const PLAIN: MountFlags = MountFlags::NODEV.union(MountFlags::NOSUID);

/// Mounts a file or folder of the host, with everything that the host has mounted below.
pub(crate) fn bind(root: &OwnedFd, host: &Path, target: &str, read_only: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::at("mount", host, error);
    let kind = if std::fs::metadata(host).map_err(failed)?.is_dir() { Kind::Folder } else { Kind::File };
    let place = Target::find(root, target, kind)?;
    mount_bind_recursive(host, place.path().as_str()).map_err(|error| Failure::at("mount", host, error))?;
    let mounted = Target::find(root, target, kind)?;
    restrict(mounted.fd(), &mounted.path(), read_only)
        .map_err(|error| Failure::at("restrict the mount of", host, error))?;
    if kind == Kind::Folder {
        let only = if read_only { MountFlags::RDONLY } else { MountFlags::empty() };
        for below in mounts_below(&mounted.real_path()?)? {
            let fd = openat(CWD, &below, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
            let path = CString::new(below.as_os_str().as_encoded_bytes().to_vec()).unwrap_or_default();
            fd.and_then(|fd| {
                let flags = locked_flags(fd.as_fd())? | PLAIN | MountFlags::BIND | only;
                mount_remount(path.as_c_str(), flags, "")
            })
            .map_err(|error| Failure::at("restrict the mount of", &below, error))?;
        }
    }
    Ok(())
}

/// Takes devices and privileges from a mount, and changes where they are forbidden. The flags that another user namespace has set
/// have to stay.
fn restrict(fd: &OwnedFd, path: &str, read_only: bool) -> Result<(), Errno> {
    let mut flags = locked_flags(fd.as_fd())? | PLAIN | MountFlags::BIND;
    if read_only {
        flags |= MountFlags::RDONLY;
    }
    mount_remount(path, flags, "")
}

fn locked_flags(fd: impl AsFd) -> Result<MountFlags, Errno> {
    let there = fstatvfs(fd)?.f_flag;
    let pairs = [
        (StatVfsMountFlags::RDONLY, MountFlags::RDONLY),
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    Ok(pairs.into_iter().filter(|(has, _)| there.contains(*has)).fold(MountFlags::empty(), |all, (_, flag)| all | flag))
}

/// Mounts an empty folder in memory.
pub(crate) fn memory(root: &OwnedFd, target: &str, options: &CStr) -> Result<(), Failure> {
    let place = Target::find(root, target, Kind::Folder)?;
    mount("tmpfs", place.path().as_str(), "tmpfs", PLAIN, options)
        .map_err(|error| Failure::at("mount a folder in memory at", target, error))
}

/// Mounts a folder of the root onto itself. Flags of the root's own mount, such as that it is read-only, do not count there.
pub(crate) fn volume(root: &OwnedFd, target: &str) -> Result<(), Failure> {
    let place = Target::find(root, target, Kind::Folder)?;
    mount_bind(place.path().as_str(), place.path().as_str())
        .map_err(|error| Failure::at("mount the volume", target, error))
}

/// Returns the mount points below a path, as `/proc/self/mountinfo` lists them, proc(5).
fn mounts_below(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let text = tierce_bounded::text("/proc/self/mountinfo", &tierce_bounded::TABLE)
        .map_err(|error| Failure::at("read", "/proc/self/mountinfo", error))?;
    Ok(points_below(&text, path))
}

fn points_below(mountinfo: &str, path: &Path) -> Vec<PathBuf> {
    let points = mountinfo.lines().filter_map(|line| line.split(' ').nth(4)).map(unescaped);
    points.filter(|point| point != path && point.starts_with(path)).collect()
}

/// Decodes the octal numbers that stand for spaces, tabs, newlines and backslashes.
fn unescaped(text: &str) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let number = more.get(..3).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        match number.filter(|_| *first == b'\\') {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[3..];
            }
            None => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_escapes() {
        let text = "22 1 8:1 / / rw - ext4 /dev/sda rw\n\
                    23 22 0:21 / /a/b rw shared:1 - tmpfs tmpfs rw\n\
                    24 23 0:22 / /a/b/c\\040d rw - tmpfs tmpfs rw\n\
                    25 22 0:23 / /a/bc rw - tmpfs tmpfs rw\nbroken\n";
        assert_eq!(points_below(text, Path::new("/a/b")), [PathBuf::from("/a/b/c d")]);
        assert_eq!(points_below(text, Path::new("/a")).len(), 3);
        assert_eq!(unescaped("\\134x\\99"), PathBuf::from("\\x\\99"));
    }
}
