//! Which process of a namespace is the target's.
//!
//! A container's first process is 1 in a namespace of its own. Where it shares one, with the host or with another container, 1 is
//! somebody else. The kernel knows each process by a number in every namespace that it is in; `/proc` of the daemon's machine
//! shows them all.

use std::path::Path;

use tierce_docker::NamespaceMode;

/// The processes of a target that matter, as a session in its namespace counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// The first one.
    pub pid: u32,
    /// The program, where the first one is an init that the daemon put before it and the program is known.
    pub program: Option<u32>,
}

/// Where the first process is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Here(Process),
    /// Only somebody in the namespace can tell.
    Inside,
}

/// Looks for the process of a container that has this number on the daemon's machine, in this `/proc` where that needs to be
/// looked at.
pub(crate) fn find(container: &str, number: Option<u32>, mode: &NamespaceMode, has_init: bool, proc: &Path) -> Found {
    let on_host = number.map(|pid| HostProcess { proc, pid }).filter(|process| process.is_of(container));
    let pid = match mode {
        NamespaceMode::Host => number,
        NamespaceMode::Container(_) => on_host.as_ref().and_then(HostProcess::pid_inside),
        _ => Some(1),
    };
    let child = on_host.as_ref().filter(|_| has_init).and_then(HostProcess::only_child);
    match pid {
        Some(pid) => Found::Here(Process { pid, program: child.and_then(|child| child.pid_inside()) }),
        None => Found::Inside,
    }
}

/// Prints the process ids of a container, looked for by one that shares its namespace: those whose control group is the
/// container's and whose parent is outside of the namespace.
pub(crate) fn search(container: &str) -> String {
    format!(
        "for p in /proc/[0-9]*; do grep -qs {container} $p/cgroup && grep -qs '^PPid:[[:space:]]*0$' $p/status \
         && echo ${{p#/proc/}}; done; :"
    )
}

/// The process id in what [`search`] has printed.
pub(crate) fn search_result(printed: &str) -> Option<u32> {
    printed.lines().filter_map(|line| line.trim().parse().ok()).min()
}

/// A process, by its number on the daemon's machine.
struct HostProcess<'p> {
    proc: &'p Path,
    pid: u32,
}

impl HostProcess<'_> {
    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.proc.join(self.pid.to_string()).join(name)).ok()
    }

    /// Whether it is a process of this container. Another machine's daemon numbers other processes.
    fn is_of(&self, container: &str) -> bool {
        self.read("cgroup").is_some_and(|cgroup| cgroup.contains(container))
    }

    fn pid_inside(&self) -> Option<u32> {
        innermost(&self.read("status")?)
    }

    fn only_child(&self) -> Option<HostProcess<'_>> {
        let children = self.read(&format!("task/{}/children", self.pid))?;
        let mut children = children.split_whitespace();
        let pid = children.next()?.parse().ok()?;
        children.next().is_none().then_some(HostProcess { proc: self.proc, pid })
    }
}

/// A process's number in the innermost of its namespaces: the last one in the line `NSpid` of proc(5)'s `/proc/pid/status`.
fn innermost(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_whitespace().last()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A `/proc` with a container `web` whose first process is 40, and 41 its child.
    fn proc() -> tempfile::TempDir {
        let proc = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = proc.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder"))
                .and_then(|()| fs::write(path, text))
                .expect("writable");
        };
        for (pid, inside) in [(40, 9), (41, 12)] {
            write(&format!("{pid}/cgroup"), "12:pids:/docker/web\n0::/\n");
            write(&format!("{pid}/status"), &format!("NSpid:\t{pid}\t{inside}\n"));
        }
        write("40/task/40/children", "41 ");
        write("50/cgroup", "0::/docker/another\n");
        write("50/status", "NSpid:\t50\t3\n");
        proc
    }

    #[test]
    fn a_namespace_that_is_shared_has_its_own_numbers() {
        let proc = proc();
        let shared = NamespaceMode::Container("x".to_owned());
        let here = |pid, program| Found::Here(Process { pid, program });
        for (number, mode, has_init, expected) in [
            (Some(40), &NamespaceMode::Private, false, here(1, None)),
            (Some(40), &NamespaceMode::Private, true, here(1, Some(12))),
            (Some(41), &NamespaceMode::Private, true, here(1, None)),
            (Some(40), &NamespaceMode::Host, false, here(40, None)),
            (Some(40), &shared, false, here(9, None)),
            (Some(40), &shared, true, here(9, Some(12))),
            // Another machine's, or hidden.
            (Some(50), &shared, false, Found::Inside),
            (Some(60), &shared, false, Found::Inside),
            (None, &shared, false, Found::Inside),
            (Some(50), &NamespaceMode::Private, true, here(1, None)),
        ] {
            assert_eq!(find("web", number, mode, has_init, proc.path()), expected, "{number:?} {mode:?} {has_init}");
        }
    }

    #[test]
    fn the_innermost_number_counts() {
        for (status, expected) in [
            ("Name:\tweb\nNSpid:\t4711\t23\t7\nNSpgid:\t1\n", Some(7)),
            ("NSpid:\t4711\n", Some(4711)),
            ("NSpid:\n", None),
            ("NSpid:\t-1\n", None),
            ("Pid:\t4711\n", None),
            ("", None),
        ] {
            assert_eq!(innermost(status), expected, "{status:?}");
        }
    }

    #[test]
    fn of_what_a_search_prints_the_oldest_process_counts() {
        for (printed, expected) in [("7\n", Some(7)), ("31\n7\n", Some(7)), ("", None), ("sh: no grep\n", None)] {
            assert_eq!(search_result(printed), expected, "{printed:?}");
        }
    }
}
