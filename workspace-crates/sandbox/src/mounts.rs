//! The mounts of a sandbox: the layers as one root, its devices, the caller's folders; then the host's files disappear.

use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, mount_remount, unmount,
};
use rustix::process::{chdir, fchdir, pivot_root};

use crate::binds::{PLAIN, bind, memory, volume};
use crate::devices;
use crate::error::Failure;
use crate::spec::{Mount, Root, Spec};

/// The length from which mount(2) cuts options off: a page.
const LONGEST_OPTIONS: usize = 4096;
/// The folder of the assembled root, in the scratch folder.
const MERGED: &str = "root";

/// Mounts everything, and makes the root this process's own. Nothing of the host stays reachable but what the specification mounts.
pub(crate) fn enter(spec: &Spec, has_range: bool) -> Result<(), Failure> {
    // Without this, the host would see the mounts.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|error| Failure::new("separate its mounts from the host's", error))?;
    // Names relative to the store have no characters that the options of a mount would need to escape, and are short.
    chdir(&spec.store).map_err(|error| Failure::at("enter", &spec.store, error))?;
    let root = match &spec.root {
        Root::Folder(folder) => mount_folder(folder)?,
        Root::Layers { layers, scratch } => {
            let root = mount_layers(layers, scratch)?;
            mount_volumes(&root, &spec.mounts)?;
            devices::mount(&root, has_range, spec.own_tmp)?;
            root
        }
    };
    for one in &spec.mounts {
        match one {
            Mount::Folder { host, target, read_only } => bind(&root, host, target, *read_only)?,
            Mount::Memory { target } => memory(&root, target, c"mode=755")?,
            Mount::Volume { .. } => {}
        }
    }
    if spec.read_only {
        let path = format!("/proc/self/fd/{}", root.as_raw_fd());
        mount_remount(&path, MountFlags::BIND | MountFlags::RDONLY | PLAIN, "")
            .map_err(|error| Failure::new("make its root read-only", error))?;
    }
    pivot(&root)
}

/// Mounts the volumes, before anything else is mounted in the root. An image names their paths, and may lead them to `/proc` by a
/// link: a later mount of that folder onto itself would uncover the files of the kernel that `devices` hides.
fn mount_volumes(root: &OwnedFd, mounts: &[Mount]) -> Result<(), Failure> {
    for one in mounts {
        if let Mount::Volume { target } = one {
            volume(root, target)?;
        }
    }
    Ok(())
}

/// Mounts a folder onto itself: the root of a process has to be a mount.
fn mount_folder(folder: &str) -> Result<OwnedFd, Failure> {
    mount_bind(folder, folder).map_err(|error| Failure::at("mount", folder, error))?;
    open(folder)
}

/// Mounts the layers over each other, kernel overlayfs: changes go into the scratch folder.
fn mount_layers(layers: &[String], scratch: &str) -> Result<OwnedFd, Failure> {
    let merged = format!("{scratch}/{MERGED}");
    let work = work_folder(scratch)?;
    create_dir(Path::new(&merged))?;
    let lower: Vec<&str> = layers.iter().rev().map(String::as_str).collect();
    // `volatile`: the kernel writes the scratch folder whenever it likes. A root that is made of it is written out before it counts.
    let options = format!("lowerdir={},upperdir={scratch}/upper,workdir={work},userxattr,volatile", lower.join(":"));
    let failed = |error: Errno| Failure::at("mount the layers of its root in", scratch, error);
    if options.len() >= LONGEST_OPTIONS {
        return Err(failed(Errno::TOOBIG));
    }
    let options = CString::new(options).map_err(|_| failed(Errno::INVAL))?;
    mount("overlay", merged.as_str(), "overlay", PLAIN, options.as_c_str()).map_err(failed)?;
    open(&merged)
}

fn open(folder: &str) -> Result<OwnedFd, Failure> {
    openat(CWD, folder, OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| Failure::at("open", folder, error))
}

/// Creates a new work folder of the overlay: the kernel refuses that of an earlier volatile mount.
fn work_folder(scratch: &str) -> Result<String, Failure> {
    for number in 0.. {
        let path = format!("{scratch}/work-{number}");
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::at("create", path, error)),
        }
    }
    Err(Failure::at("create", scratch, Errno::NOSPC))
}

fn create_dir(path: &Path) -> Result<(), Failure> {
    match std::fs::create_dir(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Failure::at("create", path, error)),
        _ => Ok(()),
    }
}

/// Makes a folder the root of this process, and unmounts the host's root, pivot_root(2).
fn pivot(root: &OwnedFd) -> Result<(), Failure> {
    let failed = |error: Errno| Failure::new("enter its root", error);
    fchdir(root).map_err(failed)?;
    pivot_root(".", ".").map_err(failed)?;
    // The host's root lies on top of the new one now.
    unmount(".", UnmountFlags::DETACH).map_err(failed)?;
    chdir("/").map_err(failed)
}
