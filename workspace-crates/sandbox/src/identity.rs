//! The users of a sandbox: which numbers inside stand for which numbers of the host. user_namespaces(7), subuid(5).

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{getgid, getuid};

use crate::Error;
use crate::stop::Stop;

/// The number of users that a sandbox maps besides root; files of common packages belong to users below it.
const MOST: u32 = 65_535;
/// The time between two looks at a program that maps users.
const PAUSE: Duration = Duration::from_millis(2);

/// The users of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The caller is root. The numbers are the host's.
    Root,
    /// The sandbox's root is the caller. Other users are the caller's subordinate ones.
    Range {
        /// The subordinate users.
        users: SubordinateIds,
        /// The subordinate groups.
        groups: SubordinateIds,
    },
    /// The sandbox's root is the caller, and it has no other users.
    Single,
}

/// A range of subordinate users or groups of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubordinateIds {
    /// The first number on the host.
    pub first: u32,
    /// How many there are.
    pub count: u32,
}

impl Identity {
    /// Finds the best identity that this machine offers: subordinate users need an entry in `/etc/subuid` and `/etc/subgid`, and
    /// the programs `newuidmap` and `newgidmap`.
    pub fn of_caller() -> Identity {
        if getuid().is_root() {
            return Identity::Root;
        }
        let range = |path: &str| SubordinateIds::of_caller(&read(path), &read("/etc/passwd"), getuid().as_raw());
        let has_tools = ["newuidmap", "newgidmap"].iter().all(|name| is_in_path(name));
        match (range("/etc/subuid"), range("/etc/subgid")) {
            (Some(users), Some(groups)) if has_tools => Identity::Range { users, groups },
            _ => Identity::Single,
        }
    }

    /// Whether the sandbox has a user namespace.
    pub(crate) fn has_user_namespace(&self) -> bool {
        *self != Identity::Root
    }

    /// Whether the sandbox has users besides root.
    pub fn has_range(&self) -> bool {
        *self != Identity::Single
    }

    /// Maps the users of a process, which waits in a new user namespace.
    pub(crate) fn map(&self, pid: u32, stop: &mut Stop) -> Result<(), Error> {
        let (user, group) = (getuid().as_raw(), getgid().as_raw());
        match self {
            Identity::Root => Ok(()),
            Identity::Range { users, groups } => {
                run_map("newuidmap", pid, user, *users, stop)?;
                run_map("newgidmap", pid, group, *groups, stop)
            }
            Identity::Single => {
                let write = |file: &str, text: String| {
                    let path = format!("/proc/{pid}/{file}");
                    let failed = |source| Error::File { what: "write".into(), path: path.clone().into(), source };
                    std::fs::write(&path, text).map_err(failed)
                };
                write("setgroups", "deny".to_owned())?;
                write("uid_map", format!("0 {user} 1"))?;
                write("gid_map", format!("0 {group} 1"))
            }
        }
    }
}

impl SubordinateIds {
    /// Finds the largest range of a user in the text of `/etc/subuid` or `/etc/subgid`, which name users as `/etc/passwd` does, or
    /// by their numbers.
    fn of_caller(ranges: &str, accounts: &str, uid: u32) -> Option<SubordinateIds> {
        let number = uid.to_string();
        let account = accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)? == number).then_some(name)
        });
        let parse = |line: &str| {
            let mut fields = line.trim().split(':');
            let owner = fields.next()?;
            let is_own = owner == number || Some(owner) == account;
            let (first, count): (u32, u32) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            (is_own && count > 0 && first.checked_add(count).is_some()).then_some(SubordinateIds { first, count })
        };
        ranges.lines().filter_map(parse).max_by_key(|range| range.count)
    }
}

fn run_map(program: &'static str, pid: u32, caller: u32, range: SubordinateIds, stop: &mut Stop) -> Result<(), Error> {
    let numbers = [0, caller, 1, 1, range.first, range.count.min(MOST)];
    let mut command = Command::new(program);
    command.arg(pid.to_string()).args(numbers.map(|number| number.to_string()));
    run_command(program, command, stop)
}

fn run_command(program: &'static str, mut command: Command, stop: &mut Stop) -> Result<(), Error> {
    let failed = |reason: String| Error::Mapping { program, reason };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let status = wait(&mut child, stop).map_err(|reason| match reason {
        Error::TimedOut { seconds } => Error::MappingTimedOut { program, seconds },
        other => other,
    })?;
    if status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    // One read: a child of it may keep the pipe open.
    let mut buffer = [0; 4096];
    let count = child.stderr.take().and_then(|mut stderr| stderr.read(&mut buffer).ok()).unwrap_or(0);
    let said = String::from_utf8_lossy(&buffer[..count]).trim().to_owned();
    Err(failed(if said.is_empty() { "it gave no reason".to_owned() } else { said }))
}

/// Waits for the end of a program, or kills it when there is a reason to stop.
fn wait(child: &mut Child, stop: &mut Stop) -> Result<Option<ExitStatus>, Error> {
    loop {
        match child.try_wait() {
            Ok(None) => {}
            ended => return Ok(ended.ok().flatten()),
        }
        if let Some(reason) = stop.reason() {
            // newuidmap is a program of root, which this user may be unable to kill.
            let _ = child.kill();
            return Err(reason);
        }
        thread::sleep(PAUSE);
    }
}

fn read(path: &str) -> String {
    tierce_bounded::text(path, &tierce_bounded::TEXT).unwrap_or_default()
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| Path::new(&folder).join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_program_has_not_failed() {
        let run = |script: &str, limit| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]);
            run_command("newuidmap", command, &mut Stop::never().within(Some(limit)))
        };
        let late = run("exec sleep 60", Duration::ZERO).expect_err("late");
        assert!(matches!(late, Error::MappingTimedOut { program: "newuidmap", seconds: 0 }), "{late:?}");
        let failed = run("echo no >&2; exit 1", Duration::from_secs(60)).expect_err("failed");
        assert!(matches!(&failed, Error::Mapping { reason, .. } if reason == "no"), "{failed:?}");
    }

    #[test]
    fn range_is_found_by_name_or_number() {
        let accounts = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001:::\n";
        for (ranges, uid, expected) in [
            ("ann:100000:65536\nbob:165536:65536\n", 1000, Some((100_000, 65_536))),
            ("ann:100000:65536\nbob:165536:65536\n", 1001, Some((165_536, 65_536))),
            ("1000:200000:65536\n", 1000, Some((200_000, 65_536))),
            ("ann:100000:10\nann:300000:65536\n", 1000, Some((300_000, 65_536))),
            ("ann:100000:0\n", 1000, None),
            ("ann:4294967295:2\n", 1000, None),
            ("ann:many:65536\nann\n\n", 1000, None),
            ("annabel:100000:65536\n", 1000, None),
            ("", 1000, None),
        ] {
            let found = SubordinateIds::of_caller(ranges, accounts, uid);
            assert_eq!(found.map(|range| (range.first, range.count)), expected, "{ranges:?} {uid}");
        }
    }
}
