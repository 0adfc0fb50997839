//! `/dev`, `/proc`, `/sys`, `/tmp` and `/run` of a sandbox.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::symlinkat;
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount as mount_file_system};

use crate::binds::{bind, memory};
use crate::error::Failure;
use crate::targets::{Kind, Target};

/// The devices of the host that a sandbox has.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Links in `/dev`.
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];
/// Parts of `/proc` that programs may read and not change.
const READ_ONLY: [(&str, Kind); 8] = [
    ("/proc/acpi", Kind::Folder),
    ("/proc/asound", Kind::Folder),
    ("/proc/bus", Kind::Folder),
    ("/proc/fs", Kind::Folder),
    ("/proc/irq", Kind::Folder),
    ("/proc/scsi", Kind::Folder),
    ("/proc/sys", Kind::Folder),
    ("/proc/sysrq-trigger", Kind::File),
];
/// Files of `/proc` that tell about the host.
const HIDDEN: [&str; 5] = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug", "/proc/latency_stats"];

/// The folder of the machine's firmware.
const FIRMWARE: &str = "/sys/firmware";

/// Mounts them; with `own_tmp`, not `/tmp` and `/run`. Without a range of users, the terminals have root's group.
pub(crate) fn mount(root: &OwnedFd, has_range: bool, own_tmp: bool) -> Result<(), Failure> {
    kernel(root, "/proc", "proc", "")?;
    for (path, kind) in READ_ONLY.into_iter().filter(|(path, _)| Path::new(path).exists()) {
        let there = Target::find(root, path, kind)?;
        bind(root, Path::new(&there.path()), path, true)?;
    }
    for path in HIDDEN.iter().filter(|path| Path::new(path).exists()) {
        bind(root, Path::new("/dev/null"), path, false)?;
    }
    mount_sysfs(root)?;
    memory(root, "/dev", c"mode=755,size=1m")?;
    for name in DEVICES {
        device(root, name)?;
    }
    let dev = Target::find(root, "/dev", Kind::Folder)?;
    for (name, leads_to) in LINKS {
        symlinkat(leads_to, dev.fd(), name).map_err(|error| Failure::at("create", format!("/dev/{name}"), error))?;
    }
    let group = if has_range { ",gid=5" } else { "" };
    kernel(root, "/dev/pts", "devpts", &format!("newinstance,ptmxmode=0666,mode=620{group}"))?;
    memory(root, "/dev/shm", c"mode=1777")?;
    if own_tmp {
        return Ok(());
    }
    memory(root, "/tmp", c"mode=1777")?;
    memory(root, "/run", c"mode=755")
}

/// Mounts `/sys` as containers have it: nothing can be changed, and nothing of the firmware is there. A container around this process
/// may hide parts of its own; then the kernel refuses, and the sandbox has no `/sys`.
fn mount_sysfs(root: &OwnedFd) -> Result<(), Failure> {
    let place = Target::find(root, "/sys", Kind::Folder)?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC | MountFlags::NODEV | MountFlags::RDONLY;
    match mount_file_system("sysfs", place.path().as_str(), "sysfs", flags, c"") {
        Ok(()) if Path::new(FIRMWARE).exists() => memory(root, FIRMWARE, c"mode=755"),
        Ok(()) | Err(Errno::PERM) => Ok(()),
        Err(error) => Err(Failure::at("mount", "/sys", error)),
    }
}

/// Mounts a device of the host; unlike other mounts, it works.
fn device(root: &OwnedFd, name: &str) -> Result<(), Failure> {
    let host = format!("/dev/{name}");
    let place = Target::find(root, &host, Kind::File)?;
    rustix::mount::mount_bind(host.as_str(), place.path().as_str()).map_err(|error| Failure::at("mount", host, error))
}

/// Mounts a file system of the kernel's.
fn kernel(root: &OwnedFd, target: &str, kind: &str, options: &str) -> Result<(), Failure> {
    let failed = |error: Errno| Failure::at("mount", target, error);
    let options = CString::new(options).map_err(|_| failed(Errno::INVAL))?;
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    let flags = if kind == "devpts" { flags } else { flags | MountFlags::NODEV };
    let place = Target::find(root, target, Kind::Folder)?;
    mount_file_system(kind, place.path().as_str(), kind, flags, options.as_c_str()).map_err(failed)
}
