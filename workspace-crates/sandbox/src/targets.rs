//! Mount points in a root whose files may lead anywhere: the kernel resolves every path below the root, openat2(2).

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, ResolveFlags, mkdirat, openat, openat2};
use rustix::io::Errno;

use crate::error::Failure;

/// The kind of a mount point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File,
}

/// A mount point.
pub(crate) struct Target(OwnedFd);

impl Target {
    /// Finds or creates a mount point. A second call finds what is mounted there by then.
    pub(crate) fn find(root: &OwnedFd, path: &str, kind: Kind) -> Result<Target, Failure> {
        let failed = |error: Errno| Failure::at("create the mount point", path, error);
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
        if names.is_empty() || names.contains(&"..") {
            return Err(failed(Errno::INVAL));
        }
        let mut done = String::new();
        let mut parent = open(root.as_fd(), ".", OFlags::DIRECTORY).map_err(failed)?;
        for (index, name) in names.iter().enumerate() {
            done = if done.is_empty() { (*name).to_owned() } else { format!("{done}/{name}") };
            let is_file = kind == Kind::File && index + 1 == names.len();
            let flags = if is_file { OFlags::empty() } else { OFlags::DIRECTORY };
            let found = open(root.as_fd(), &done, flags);
            parent = match found {
                Err(Errno::NOENT) => {
                    create(&parent, name, is_file).map_err(failed)?;
                    open(root.as_fd(), &done, flags).map_err(failed)?
                }
                found => found.map_err(failed)?,
            };
        }
        Ok(Target(parent))
    }

    /// Returns a path of the target for mount(2), which takes no descriptors.
    pub(crate) fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }

    /// Returns the target's path in this mount namespace.
    pub(crate) fn real_path(&self) -> Result<PathBuf, Failure> {
        std::fs::read_link(self.path()).map_err(|error| Failure::new("read the path of a mount", error))
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.0
    }
}

fn open(root: impl AsFd, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags | OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)
}

fn create(parent: &OwnedFd, name: &str, is_file: bool) -> Result<(), Errno> {
    if !is_file {
        return mkdirat(parent, name, Mode::from_raw_mode(0o755));
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::from_raw_mode(0o644)).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_stay_below_the_root() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = scratch.path().join("root");
        for folder in ["root/usr/lib", "outside"] {
            fs::create_dir_all(scratch.path().join(folder)).expect("writable");
        }
        symlink("usr/lib", root.join("lib")).expect("writable");
        symlink("/usr/lib", root.join("absolute")).expect("writable");
        symlink("../outside", root.join("escape")).expect("writable");
        symlink("/proc/self/cwd", root.join("magic")).expect("writable");
        let fd = OwnedFd::from(fs::File::open(&root).expect("a folder"));
        for (path, expected) in [
            ("/a/b/c", Some("root/a/b/c")),
            ("lib/x", Some("root/usr/lib/x")),
            ("/absolute/y", Some("root/usr/lib/y")),
            // `..` at the root is the root.
            ("/escape/z", None),
            ("/magic/z", None),
            ("/../z", None),
            ("/", None),
        ] {
            let found = Target::find(&fd, path, Kind::Folder).ok().map(|target| target.real_path().expect("a path"));
            assert_eq!(found, expected.map(|path| scratch.path().join(path)), "{path}");
        }
        assert_eq!(fs::read_dir(scratch.path().join("outside")).expect("a folder").count(), 0);
        let file = Target::find(&fd, "/etc/hosts", Kind::File).expect("created");
        assert!(file.real_path().expect("a path").is_file());
    }
}
