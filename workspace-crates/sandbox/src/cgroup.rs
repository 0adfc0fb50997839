//! A control group of each sandbox, cgroups(7), where the system lets this user make one. Only the sandbox moves into it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tierce_bounded::KERNEL;

use crate::cgroup_files::{candidates, count_of};
use crate::limits::Limits;
use crate::raw;

/// The prefix of a group's name.
const PREFIX: &str = "tierce-";
/// The controllers that have the limits.
const CONTROLLERS: [&str; 2] = ["memory", "pids"];
/// The time between two attempts to remove a group, and their number: the kernel takes a moment to end its processes.
const PAUSE: Duration = Duration::from_millis(5);
const ATTEMPTS: u32 = 200;

/// A folder in which this process can make groups and move its children into them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    folder: PathBuf,
    has_memory: bool,
    has_processes: bool,
}

/// The group of a sandbox. It goes on drop; if this process is killed, a later run removes it.
#[derive(Debug)]
pub(crate) struct Group {
    folder: PathBuf,
    /// Receives the processes of the group.
    processes: File,
    /// Tells other runs that this one uses the group: the kernel unlocks it when this process dies.
    _held: File,
    /// The limits that hold.
    limits: Limits,
}

/// The reason why no limit holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoLimits {
    /// The system has no cgroups v2 with these controllers.
    Absent,
    /// This user can make no group: the reason, in words.
    Closed(String),
}

/// Returns the parts of these limits that hold on this machine.
///
/// # Errors
/// The reason if none of them does.
pub fn limits_in_force(limits: &Limits) -> Result<Limits, NoLimits> {
    place().map(|place| place.possible(limits))
}

impl Group {
    /// Makes a group; `None` where this user cannot make one.
    pub(crate) fn create(limits: &Limits) -> Option<Group> {
        place().ok()?.create(limits).ok()
    }

    /// Returns the file into which a process of the group writes 0.
    pub(crate) fn processes(&self) -> &File {
        &self.processes
    }

    /// Returns the limit of memory.
    pub(crate) fn memory(&self) -> Option<u64> {
        self.limits.memory
    }

    /// Whether the kernel has killed the processes of the group for lack of memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        count_of(&read(&self.folder.join("memory.events")), "oom_kill") > 0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

impl Place {
    fn possible(&self, limits: &Limits) -> Limits {
        Limits {
            memory: limits.memory.filter(|_| self.has_memory),
            processes: limits.processes.filter(|_| self.has_processes),
        }
    }

    /// Makes a group with these limits.
    fn create(&self, limits: &Limits) -> io::Result<Group> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::create_dir(&folder)?;
        let fill = || {
            let held = File::open(&folder)?;
            flock(&held, FlockOperation::NonBlockingLockExclusive)?;
            let limits = self.possible(limits);
            if let Some(memory) = limits.memory {
                fs::write(folder.join("memory.max"), memory.to_string())?;
                // A build without its compiler would go on until it fails at some other place.
                fs::write(folder.join("memory.oom.group"), "1")?;
            }
            if let Some(processes) = limits.processes {
                fs::write(folder.join("pids.max"), processes.to_string())?;
            }
            let processes = OpenOptions::new().write(true).open(folder.join("cgroup.procs"))?;
            Ok(Group { folder: folder.clone(), processes, _held: held, limits })
        };
        fill().inspect_err(|_: &io::Error| drop(fs::remove_dir(&folder)))
    }

    /// Removes the groups of processes that are dead.
    fn remove_leftovers(&self) {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
                continue;
            }
            let is_free = |held: &File| flock(held, FlockOperation::NonBlockingLockExclusive).is_ok();
            if let Some(_held) = File::open(entry.path()).ok().filter(is_free) {
                remove(&entry.path());
            }
        }
    }
}

/// Finds the place of this process's groups, and removes the leftovers there; once, because neither changes.
fn place() -> Result<&'static Place, NoLimits> {
    static PLACE: OnceLock<Result<Place, NoLimits>> = OnceLock::new();
    PLACE.get_or_init(find).as_ref().map_err(Clone::clone)
}

fn find() -> Result<Place, NoLimits> {
    let folders = candidates(&read(Path::new("/proc/self/mountinfo")), &read(Path::new("/proc/self/cgroup")));
    let has_controllers = |folder: &PathBuf| CONTROLLERS.iter().any(|name| has(folder, "cgroup.controllers", name));
    if !folders.last().is_some_and(has_controllers) {
        return Err(NoLimits::Absent);
    }
    let mut places: Vec<Place> = folders.iter().map(|folder| prepare(folder)).collect();
    // The nearest one with both: what limits the groups above it limits the sandbox too.
    places.sort_by_key(|place| !(place.has_memory && place.has_processes));
    let mut reason = None;
    for place in places.into_iter().filter(|place| place.has_memory || place.has_processes) {
        match place.create(&Limits::default()).and_then(|group| raw::can_enter(group.processes())) {
            Ok(()) => {
                place.remove_leftovers();
                return Ok(place);
            }
            Err(error) => reason = reason.or(Some(format!("{}: {error}", place.folder.display()))),
        }
    }
    let reason = reason.unwrap_or_else(|| "no group above this process has both for others".to_owned());
    Err(NoLimits::Closed(reason))
}

/// Whether a file of a group has a word.
fn has(folder: &Path, file: &str, word: &str) -> bool {
    read(&folder.join(file)).split_whitespace().any(|there| there == word)
}

/// Gives the controllers of a group to the groups in it. The kernel refuses where processes are in the group itself.
fn prepare(folder: &Path) -> Place {
    let passes_on = |name: &str| {
        if !has(folder, "cgroup.subtree_control", name) && has(folder, "cgroup.controllers", name) {
            let _ = fs::write(folder.join("cgroup.subtree_control"), format!("+{name}"));
        }
        has(folder, "cgroup.subtree_control", name)
    };
    let [has_memory, has_processes] = CONTROLLERS.map(passes_on);
    Place { folder: folder.to_owned(), has_memory, has_processes }
}

/// Removes a group, with the processes that are still in it.
fn remove(folder: &Path) {
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

fn read(path: &Path) -> String {
    tierce_bounded::text(path, &KERNEL).unwrap_or_default()
}
