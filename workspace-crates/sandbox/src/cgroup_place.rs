//! The folder in which this process makes control groups, cgroups(7): its choice, the names and locks of groups, and the limits that a
//! group there has to keep.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, flock, fstat, openat, stat};
use rustix::io::Errno;
use tierce_bounded::KERNEL;

use crate::cgroup_files::{has, limit_of, read};
use crate::limits::Limits;

/// The prefix of a group's name.
const PREFIX: &str = "tierce-";
/// The controllers that have the limits.
const CONTROLLERS: [&str; 2] = ["memory", "pids"];
/// The time between two attempts to remove a group, and their number: the kernel takes a moment to end its processes.
const PAUSE: Duration = Duration::from_millis(5);
const ATTEMPTS: u32 = 200;
/// The attempts to make a group while other runs take it for a leftover.
const CLAIMS: u32 = 20;

/// The reason why no limit holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLimits {
    /// The system has no cgroups v2 with these controllers.
    Absent,
    /// This user can make no group: the reason, in words.
    Closed(String),
}

/// A folder in which this process can make groups and move its children into them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    folder: PathBuf,
    /// The caller's own group and those above it, up to the place. Their limits do not reach the groups of the place.
    skipped: Vec<PathBuf>,
    has_memory: bool,
    has_processes: bool,
}

/// The limits of one group, as its files get them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Values {
    pub(crate) memory: Option<u64>,
    /// The memory from which on the kernel slows the group down.
    high: Option<u64>,
    swap: Option<u64>,
    pub(crate) processes: Option<u64>,
    whole_group: bool,
}

/// The operations of the kernel on groups. Tests have a kernel of their own.
pub(crate) trait Kernel {
    /// Gives controllers of a group to the groups in it, or takes them back: `+memory +pids`.
    fn pass_on(&self, folder: &Path, controllers: &str) -> io::Result<()>;

    /// Tries whether a child can move into a group.
    fn enter(&self, group: &Path) -> io::Result<()>;
}

impl Place {
    /// Finds the nearest of these folders, the caller's own group first, whose groups have both controllers; without one, the nearest
    /// whose groups have one. No other folder is changed.
    pub(crate) fn find(folders: &[PathBuf], kernel: &dyn Kernel) -> Result<Place, NoLimits> {
        if !folders.last().is_some_and(|folder| offers(folder)) {
            return Err(NoLimits::Absent);
        }
        let offered = folders.iter().enumerate().flat_map(|(index, folder)| Place::of(folder, &folders[..index]));
        let mut places: Vec<Place> = offered.collect();
        // The order of those that are alike stays.
        places.sort_by_key(|place| !(place.has_memory && place.has_processes));
        let mut reason = None;
        for place in places {
            match place.open(kernel) {
                Ok(()) => return Ok(place),
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        let reason = reason.unwrap_or_else(|| "no group above this process has both for others".to_owned());
        Err(NoLimits::Closed(reason))
    }

    /// Returns the places that a folder can be: with the controllers that it gets, and with those that it passes on already.
    fn of(folder: &Path, skipped: &[PathBuf]) -> Vec<Place> {
        let passed = CONTROLLERS.map(|name| has(folder, "cgroup.subtree_control", name));
        let offered = CONTROLLERS.map(|name| has(folder, "cgroup.controllers", name) && may_change(folder));
        let all = [passed[0] || offered[0], passed[1] || offered[1]];
        let mut variants = vec![all, passed];
        variants.dedup();
        variants.retain(|has| has.contains(&true));
        let place = |[has_memory, has_processes]: [bool; 2]| Place {
            folder: folder.to_owned(),
            skipped: skipped.to_vec(),
            has_memory,
            has_processes,
        };
        variants.into_iter().map(place).collect()
    }

    /// Passes on what the folder does not pass on yet, in one write: the kernel takes all of it or nothing.
    fn open(&self, kernel: &dyn Kernel) -> Result<(), String> {
        self.values(&Limits::default())?;
        let failed = |error: io::Error| format!("{}: {error}", self.folder.display());
        self.try_entry(kernel).map_err(failed)?;
        let wanted = CONTROLLERS.into_iter().zip([self.has_memory, self.has_processes]);
        let lacks = |name: &str| !has(&self.folder, "cgroup.subtree_control", name);
        let lacking: Vec<&str> =
            wanted.filter(|(name, is_wanted)| *is_wanted && lacks(name)).map(|(name, _)| name).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let words = |sign: &str| lacking.iter().map(|name| format!("{sign}{name}")).collect::<Vec<_>>().join(" ");
        kernel.pass_on(&self.folder, &words("+")).map_err(failed)?;
        // The write may change which groups can be entered.
        self.try_entry(kernel).map_err(|error| {
            let _ = kernel.pass_on(&self.folder, &words("-"));
            failed(error)
        })
    }

    fn try_entry(&self, kernel: &dyn Kernel) -> io::Result<()> {
        let (group, _held) = claim(&self.folder)?;
        let entered = kernel.enter(&group);
        remove(&group);
        entered
    }

    /// Returns the folder of the groups.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the limits of a group here: the stated ones, and those of the skipped groups where they are tighter.
    ///
    /// # Errors
    /// If a skipped group has a limit that no group here can have: a sandbox here would escape it.
    pub(crate) fn values(&self, limits: &Limits) -> Result<Values, String> {
        let tightest = |file: &str, can_have: bool, stated: Option<u64>| {
            let of_skipped = self.skipped.iter().filter_map(|folder| limit_of(&read(&folder.join(file)))).min();
            match of_skipped {
                Some(_) if !can_have => Err(format!("{}: it cannot keep the caller's {file}", self.folder.display())),
                _ => Ok(stated.filter(|_| can_have).into_iter().chain(of_skipped).min()),
            }
        };
        let swap = limits.memory.filter(|_| limits.without_swap).map(|_| 0);
        Ok(Values {
            memory: tightest("memory.max", self.has_memory, limits.memory)?,
            high: tightest("memory.high", self.has_memory, None)?,
            swap: tightest("memory.swap.max", self.has_memory, swap)?,
            processes: tightest("pids.max", self.has_processes, limits.processes)?,
            whole_group: limits.whole_group,
        })
    }

    /// Removes the groups of processes that are dead.
    pub(crate) fn remove_leftovers(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
            if is_ours && matches!(lock(&entry.path()), Ok(Some(_))) {
                remove(&entry.path());
            }
        }
    }
}

impl Values {
    /// Writes the limits into the files of a group.
    pub(crate) fn write(&self, group: &Path) -> io::Result<()> {
        let whole = self.memory.filter(|_| self.whole_group).map(|_| 1);
        // A kernel without accounting for swap lacks its file.
        let swap = self.swap.filter(|_| group.join("memory.swap.max").exists());
        let files = [
            ("memory.max", self.memory),
            ("memory.high", self.high),
            ("memory.swap.max", swap),
            ("memory.oom.group", whole),
            ("pids.max", self.processes),
        ];
        let stated = files.into_iter().filter_map(|(file, value)| Some((file, value?)));
        stated.into_iter().try_for_each(|(file, value)| fs::write(group.join(file), value.to_string()))
    }
}

/// Whether a group has one of the controllers.
fn offers(folder: &Path) -> bool {
    CONTROLLERS.iter().any(|name| has(folder, "cgroup.controllers", name))
}

/// Whether the controllers of a group may be given to the groups in it. In a group with processes, the kernel refuses memory, but it
/// takes pids, which is a threaded controller: then no process can enter the groups in it. Only the root of all groups, which has no
/// type, may have both.
fn may_change(folder: &Path) -> bool {
    let text = |file: &str| tierce_bounded::text(folder.join(file), &KERNEL);
    let is_root = matches!(folder.join("cgroup.type").try_exists(), Ok(false));
    let is_domain = || text("cgroup.type").is_ok_and(|kind| kind.trim() == "domain");
    let is_empty = || text("cgroup.procs").is_ok_and(|processes| processes.trim().is_empty());
    is_root || (is_domain() && is_empty())
}

/// Makes a group that is locked by this process. Until the lock, another run may take the group for a leftover, and remove it.
pub(crate) fn claim(parent: &Path) -> io::Result<(PathBuf, OwnedFd)> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    for _ in 0..CLAIMS {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        match make_locked(&folder, &lock) {
            // A process of another pid namespace has the same number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(Some(held)) => return Ok((folder, held)),
            Ok(None) => {}
        }
    }
    Err(io::Error::from(io::ErrorKind::ResourceBusy))
}

/// Makes a group, and removes it if this process does not get the lock. Only this user can open the folder, and so lock it.
fn make_locked(folder: &Path, lock: &dyn Fn(&Path) -> io::Result<Option<OwnedFd>>) -> io::Result<Option<OwnedFd>> {
    DirBuilder::new().mode(0o700).create(folder)?;
    let held = lock(folder);
    if !matches!(held, Ok(Some(_))) {
        // The run that has the lock removes it too.
        let _ = fs::remove_dir(folder);
    }
    held
}

/// Locks a group. Returns none if another process has the lock, or has removed the group.
fn lock(folder: &Path) -> io::Result<Option<OwnedFd>> {
    match openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::NOENT) => Ok(None),
        opened => lock_opened(folder, opened?),
    }
}

fn lock_opened(folder: &Path, held: OwnedFd) -> io::Result<Option<OwnedFd>> {
    match flock(&held, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => return Ok(None),
        locked => locked?,
    }
    let own = fstat(&held)?;
    // Another process may have removed it after it was opened.
    let is_there = stat(folder).is_ok_and(|there| (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino));
    Ok(is_there.then_some(held))
}

/// Removes a group, with the processes that are still in it.
pub(crate) fn remove(folder: &Path) {
    for _ in 0..ATTEMPTS {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                let _ = fs::write(folder.join("cgroup.kill"), "1");
                thread::sleep(PAUSE);
            }
            // A later run removes a group that stays.
            _ => return,
        }
    }
}

#[cfg(test)]
#[path = "cgroup_place_tests.rs"]
mod tests;
