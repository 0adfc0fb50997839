//! A control group of each sandbox, cgroups(7), where the system lets this user make one. Only the sandbox moves into it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::cgroup_files::{candidates, count_of, read};
use crate::cgroup_place::{Kernel, NoLimits, Place, Values, claim};
use crate::limits::Limits;
use crate::raw;

/// The group of a sandbox. It goes on drop; if this process is killed, a later run removes it.
#[derive(Debug)]
pub(crate) struct Group {
    folder: PathBuf,
    /// Receives the processes of the group.
    processes: File,
    /// Tells other runs that this one uses the group: the kernel unlocks it when this process dies.
    _held: OwnedFd,
    /// The most memory, in bytes.
    memory: Option<u64>,
}

/// Returns the limits that hold on this machine: these, and those of the caller's own group where they are tighter.
///
/// # Errors
/// The reason if none of them does.
pub fn limits_in_force(limits: &Limits) -> Result<Limits, NoLimits> {
    let values = place()?.values(limits).map_err(NoLimits::Closed)?;
    Ok(Limits { memory: values.memory, processes: values.processes, ..*limits })
}

impl Group {
    /// Makes a group; `None` where this user cannot make one, or it fails. Then the sandbox stays in the caller's group, with its
    /// limits, and [`crate::Attended::limits_memory`] tells that its own do not hold.
    pub(crate) fn create(limits: &Limits) -> Option<Group> {
        let place = place().ok()?;
        Group::with(place.folder(), &place.values(limits).ok()?).ok()
    }

    fn with(parent: &Path, values: &Values) -> io::Result<Group> {
        let (folder, held) = claim(parent)?;
        let fill = || {
            values.write(&folder)?;
            OpenOptions::new().write(true).open(folder.join("cgroup.procs"))
        };
        let processes = fill().inspect_err(|_| drop(fs::remove_dir(&folder)))?;
        Ok(Group { folder, processes, _held: held, memory: values.memory })
    }

    /// A group that takes no process.
    #[cfg(test)]
    pub(crate) fn closed(folder: &Path) -> Group {
        let read_only = || File::open("/dev/null").expect("there");
        Group { folder: folder.to_owned(), processes: read_only(), _held: read_only().into(), memory: Some(1) }
    }

    /// Returns the file into which a process of the group writes 0.
    pub(crate) fn processes(&self) -> &File {
        &self.processes
    }

    /// Returns the limit of memory.
    pub(crate) fn memory(&self) -> Option<u64> {
        self.memory
    }

    /// Whether the kernel has killed a process of the group for lack of memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        count_of(&read(&self.folder.join("memory.events")), "oom_kill") > 0
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        crate::cgroup_place::remove(&self.folder);
    }
}

/// The kernel of this machine.
struct ThisKernel;

impl Kernel for ThisKernel {
    fn pass_on(&self, folder: &Path, controllers: &str) -> io::Result<()> {
        fs::write(folder.join("cgroup.subtree_control"), controllers)
    }

    fn enter(&self, group: &Path) -> io::Result<()> {
        raw::can_enter(&OpenOptions::new().write(true).open(group.join("cgroup.procs"))?)
    }
}

/// Finds the place of this process's groups, and removes the leftovers there; once, because neither changes.
fn place() -> Result<&'static Place, NoLimits> {
    static PLACE: OnceLock<Result<Place, NoLimits>> = OnceLock::new();
    let find = || {
        let folders = candidates(&read(Path::new("/proc/self/mountinfo")), &read(Path::new("/proc/self/cgroup")));
        Place::find(&folders, &ThisKernel).inspect(Place::remove_leftovers)
    };
    PLACE.get_or_init(find).as_ref().map_err(Clone::clone)
}
