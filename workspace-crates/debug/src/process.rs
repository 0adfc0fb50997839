//! Finds the target's process in its namespace.
//!
//! A container's first process is 1 in the container's own namespace. In a shared namespace, of the host or of another
//! container, 1 is another process. A process has a number in each of its namespaces, and `/proc` of the daemon's machine has
//! all of them.

use std::path::Path;

use tierce_docker::NamespaceMode;

/// The processes of a target, by their numbers in its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    /// The first one.
    pub pid: u32,
    /// The program, if the first process is the daemon's init and the program is known.
    pub program: Option<u32>,
}

/// The location of the first process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Process(Process),
    /// Only a process in the namespace can find it.
    Inside,
}

/// Finds the process of a container by its number on the daemon's machine. Reads the given `/proc` only if needed.
pub(crate) fn find(container: &str, number: Option<u32>, mode: &NamespaceMode, has_init: bool, proc: &Path) -> Found {
    let on_host = number.map(|pid| HostProcess { proc, pid }).filter(|process| process.is_of(container));
    let pid = match mode {
        NamespaceMode::Host => number,
        NamespaceMode::Container(_) => on_host.as_ref().and_then(HostProcess::pid_inside),
        _ => Some(1),
    };
    let child = on_host.as_ref().filter(|_| has_init).and_then(HostProcess::only_child);
    match pid {
        Some(pid) => Found::Process(Process { pid, program: child.and_then(|child| child.pid_inside()) }),
        None => Found::Inside,
    }
}

/// A script that runs in a container's namespace, and prints the processes in the container's control group with a parent
/// outside of the namespace.
pub(crate) fn search(container: &str) -> String {
    format!(
        "for p in /proc/[0-9]*; do grep -qs {container} $p/cgroup && grep -qs '^PPid:[[:space:]]*0$' $p/status \
         && echo ${{p#/proc/}}; done; :"
    )
}

/// The lowest process id in the output of [`search`].
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
        tierce_bounded::text(self.proc.join(self.pid.to_string()).join(name), &tierce_bounded::KERNEL).ok()
    }

    /// Whether it belongs to this container. A daemon on another machine numbers other processes.
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

/// A process's number in its innermost namespace: the last one of `NSpid` in `/proc/pid/status` (proc(5)).
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
    fn shared_namespace_has_its_own_numbers() {
        let proc = proc();
        let shared = NamespaceMode::Container("x".to_owned());
        let process = |pid, program| Found::Process(Process { pid, program });
        for (number, mode, has_init, expected) in [
            (Some(40), &NamespaceMode::Private, false, process(1, None)),
            (Some(40), &NamespaceMode::Private, true, process(1, Some(12))),
            (Some(41), &NamespaceMode::Private, true, process(1, None)),
            (Some(40), &NamespaceMode::Host, false, process(40, None)),
            (Some(40), &shared, false, process(9, None)),
            (Some(40), &shared, true, process(9, Some(12))),
            // On another machine, or hidden.
            (Some(50), &shared, false, Found::Inside),
            (Some(60), &shared, false, Found::Inside),
            (None, &shared, false, Found::Inside),
            (Some(50), &NamespaceMode::Private, true, process(1, None)),
        ] {
            assert_eq!(find("web", number, mode, has_init, proc.path()), expected, "{number:?} {mode:?} {has_init}");
        }
    }

    #[test]
    fn innermost_number_counts() {
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
    fn oldest_printed_process_counts() {
        for (printed, expected) in [("7\n", Some(7)), ("31\n7\n", Some(7)), ("", None), ("sh: no grep\n", None)] {
            assert_eq!(search_result(printed), expected, "{printed:?}");
        }
    }
}
