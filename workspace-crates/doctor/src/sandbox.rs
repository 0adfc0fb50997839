//! The checks of sandboxes. If one starts, nothing that it needs is missing, whatever a setting says.

use crate::checks::{Check, State, Subject};
use crate::facts::{Cgroups, Confinement, Facts, Probe};
use crate::host::gigabytes;
use crate::kernel_files::{RANGE, kernel_version};

/// The first version whose overlayfs a user namespace can mount.
const NEEDED_KERNEL: (u32, u32) = (5, 11);

/// File systems that cannot hold the upper layer of an overlayfs.
const UNSUITABLE: [&str; 6] = ["overlay", "NFS", "FUSE", "CIFS", "9p", "eCryptfs"];

/// The checks of everything that a sandbox needs, and of the sandbox itself.
pub(crate) fn checks(facts: &Facts, has_daemon: bool) -> Vec<Check> {
    let needs = [
        kernel(facts, has_daemon),
        user_namespaces(facts, has_daemon),
        confinement(facts, has_daemon),
        subordinate_ids(facts),
        overlayfs(facts, has_daemon),
        cgroups(facts),
    ];
    let sandbox = sandbox(facts, has_daemon, &needs);
    needs.into_iter().chain([sandbox]).collect()
}

fn kernel(facts: &Facts, has_daemon: bool) -> Check {
    let kernel = &facts.kernel;
    match kernel_version(kernel) {
        Some(version) if version < NEEDED_KERNEL && facts.probe != Probe::Started => {
            let (major, minor) = NEEDED_KERNEL;
            let meaning = format!("Linux {kernel} is too old for sandboxes, which need {major}.{minor}");
            Check::problem(Subject::Kernel, has_daemon, meaning).with_fix("upgrade the kernel, or use a daemon")
        }
        Some(_) => Check::ok(Subject::Kernel, format!("Linux {kernel} is new enough for sandboxes")),
        None => Check::ok(Subject::Kernel, format!("Linux {kernel} has an unknown version")),
    }
}

fn user_namespaces(facts: &Facts, has_daemon: bool) -> Check {
    const SUBJECT: Subject = Subject::UserNamespaces;
    let found = &facts.user_namespaces;
    let refused = |meaning: &str, fix: &str| Check::problem(SUBJECT, has_daemon, meaning).with_fix(fix);
    if facts.is_root {
        return Check::ok(SUBJECT, "the sandboxes of root need none");
    }
    if facts.probe == Probe::Started {
        return Check::ok(SUBJECT, "a sandbox gets one");
    }
    if !found.exist {
        return refused("the kernel has none", "use a kernel with CONFIG_USER_NS, or a daemon");
    }
    if found.most == Some(0) {
        let fix = "`sudo sysctl -w user.max_user_namespaces=15000`, and the same setting in /etc/sysctl.d";
        return refused("user.max_user_namespaces is 0, so nobody can create one", fix);
    }
    if found.unprivileged == Some(0) {
        let fix = "`sudo sysctl -w kernel.unprivileged_userns_clone=1`, and the same setting in /etc/sysctl.d";
        return refused("kernel.unprivileged_userns_clone is 0, so only root can create one", fix);
    }
    if found.apparmor_restricts == Some(1) {
        let fix = "`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`, and the same setting in /etc/sysctl.d; or give \
                   this program an AppArmor profile with `userns`";
        let meaning =
            "kernel.apparmor_restrict_unprivileged_userns is 1, so this program has no capabilities in its own";
        return refused(meaning, fix);
    }
    Check::ok(SUBJECT, "no setting of the kernel forbids them")
}

fn confinement(facts: &Facts, has_daemon: bool) -> Check {
    const SUBJECT: Subject = Subject::Confinement;
    let found = &facts.confinement;
    let around = match &found.sign {
        Some(sign) => format!("this process is in a container ({sign})"),
        None => "no container is around this process".to_owned(),
    };
    let obstacles = obstacles(facts);
    match obstacles.is_empty() {
        false => Check::problem(SUBJECT, has_daemon, format!("{around}, but {}", obstacles.join(", and ")))
            .with_fix(release(facts)),
        true if found.sign.is_none() => Check::ok(SUBJECT, around),
        true => Check::ok(SUBJECT, format!("{around} without obstacles to sandboxes")),
    }
}

/// The restrictions of this process that can keep a sandbox from starting.
fn obstacles(facts: &Facts) -> Vec<&'static str> {
    let Confinement { sign, has_filter, is_privileged, hides_proc, .. } = &facts.confinement;
    let obstacles = [
        (*has_filter, "a seccomp filter can forbid sandboxes"),
        (!facts.is_root && *hides_proc, "mounts hide parts of /proc, so a sandbox cannot have its own"),
        (facts.is_root && !is_privileged, "root lacks CAP_SYS_ADMIN or CAP_NET_ADMIN"),
        (sign.is_some() && cannot_map(&facts.probe), "newuidmap lacks CAP_SYS_ADMIN"),
    ];
    // None of them matters to one that started.
    let real = obstacles.into_iter().filter(|(exists, _)| *exists && facts.probe != Probe::Started);
    real.map(|(_, text)| text).collect()
}

/// The remedy for the restrictions.
fn release(facts: &Facts) -> String {
    if facts.confinement.sign.is_none() {
        return "start Tierce outside of the program or service that restricts it".to_owned();
    }
    let capabilities = match (facts.is_root, cannot_map(&facts.probe)) {
        (true, _) => " --cap-add SYS_ADMIN --cap-add NET_ADMIN",
        (false, true) => " --cap-add SYS_ADMIN",
        (false, false) => "",
    };
    format!(
        "run the container with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt \
         systempaths=unconfined{capabilities}`"
    )
}

/// Whether users could not be mapped.
fn cannot_map(probe: &Probe) -> bool {
    matches!(probe, Probe::Refused(why) if why.contains("newuidmap") || why.contains("newgidmap"))
}

fn subordinate_ids(facts: &Facts) -> Check {
    const SUBJECT: Subject = Subject::SubordinateIds;
    let found = &facts.subordinate_ids;
    if facts.is_root {
        return Check::ok(SUBJECT, "the sandboxes of root have all users of the machine");
    }
    let only = "so a sandbox has only one user, and packages that need others fail";
    let (first, last) = found.free;
    let add = format!("`sudo usermod --add-subuids {first}-{last} --add-subgids {first}-{last} \"$USER\"`");
    match found.count {
        Some(count) if count.saturating_add(1) < RANGE => {
            let meaning = format!("a sandbox has {count} users besides you, and packages may need {}", RANGE - 1);
            Check::degraded(SUBJECT, meaning).with_fix(add)
        }
        Some(_) if facts.confinement.no_new_privileges && facts.probe != Probe::Started => {
            Check::degraded(SUBJECT, "no_new_privs keeps newuidmap from mapping users")
                .with_fix("start Tierce outside of the program that sets it, a container without `no-new-privileges`")
        }
        Some(_) if found.refusal.is_some() => {
            let why = found.refusal.as_deref().unwrap_or_default();
            Check::degraded(SUBJECT, format!("{why}, {only}")).with_fix(match &facts.confinement.sign {
                Some(_) => "run the container with `--cap-add SYS_ADMIN`",
                None => "`sudo apt install --reinstall uidmap`, and mend /etc/subuid and /etc/subgid",
            })
        }
        Some(count) => Check::ok(SUBJECT, format!("a sandbox has {} users besides you", count.min(RANGE - 1))),
        None if !found.missing_programs.is_empty() => {
            let names = found.missing_programs.join(" and ");
            let verb = if found.missing_programs.len() == 1 { "is" } else { "are" };
            Check::degraded(SUBJECT, format!("{names} {verb} not in PATH, {only}"))
                .with_fix("`sudo apt install uidmap`")
        }
        None => {
            Check::degraded(SUBJECT, format!("/etc/subuid or /etc/subgid has no range of yours, {only}")).with_fix(add)
        }
    }
}

fn overlayfs(facts: &Facts, has_daemon: bool) -> Check {
    const SUBJECT: Subject = Subject::Overlayfs;
    if facts.probe == Probe::Started {
        return Check::ok(
            SUBJECT,
            match facts.cache.is_writable {
                true => "it works on the file system of the cache",
                false => "it works outside of the cache, which cannot be written",
            },
        );
    }
    if !facts.has_overlayfs {
        return Check::problem(SUBJECT, has_daemon, "the kernel has not loaded it")
            .with_fix("`sudo modprobe overlay`, and `overlay` in /etc/modules-load.d");
    }
    let file_system = facts.cache.folder.as_ref().and_then(|folder| folder.file_system.as_deref());
    match file_system.filter(|name| UNSUITABLE.contains(name)) {
        Some(name) => Check::problem(
            SUBJECT,
            has_daemon,
            format!("the cache is on {name}, which cannot hold the layers of a root"),
        )
        .with_fix("set TIERCE_CACHE to a folder on ext4, XFS or Btrfs"),
        None => Check::ok(SUBJECT, "the kernel has it"),
    }
}

fn cgroups(facts: &Facts) -> Check {
    const SUBJECT: Subject = Subject::Cgroups;
    let degraded = |meaning: String| Check::degraded(SUBJECT, meaning);
    let scope = "run Tierce in a group of its own: `systemd-run --user --scope cargo xtask image`";
    match &facts.cgroups {
        Cgroups::Absent => degraded(
            "the system has no cgroups v2: nothing limits the memory and the processes of a sandbox".to_owned(),
        )
        .with_fix("boot with `systemd.unified_cgroup_hierarchy=1`"),
        Cgroups::Closed(reason) => {
            let meaning = format!(
                "this user can make no cgroup, so nothing limits the memory and the processes of a sandbox: {reason}"
            );
            degraded(meaning).with_fix_if((!facts.is_root).then(|| scope.to_owned()))
        }
        Cgroups::Limits { memory: Some(memory), processes: Some(processes) } => Check::ok(
            SUBJECT,
            format!("a program of a sandbox has {} GB and {processes} processes", gigabytes(*memory)),
        ),
        Cgroups::Limits { memory: None, .. } => degraded("nothing limits the memory of a sandbox".to_owned())
            .with_fix("`sudo systemctl edit user@.service`: `[Service]`, `Delegate=memory pids`"),
        Cgroups::Limits { .. } => degraded("nothing limits the processes of a sandbox".to_owned())
            .with_fix("`sudo systemctl edit user@.service`: `[Service]`, `Delegate=memory pids`"),
    }
}

fn sandbox(facts: &Facts, has_daemon: bool, needs: &[Check]) -> Check {
    const SUBJECT: Subject = Subject::Sandbox;
    match &facts.probe {
        Probe::Started => Check::ok(SUBJECT, "a sandbox starts"),
        Probe::NoFolder => Check::problem(SUBJECT, has_daemon, "no folder can be written in which it could start")
            .with_fix("mend `cache`"),
        Probe::Refused(why) => {
            // A sandbox starts without limits and without subordinate users, unless newuidmap fails.
            let prevents = |subject: Subject| match subject {
                Subject::Cgroups => false,
                Subject::SubordinateIds => cannot_map(&facts.probe),
                _ => true,
            };
            let culprit = needs.iter().find(|check| check.state != State::Ok && prevents(check.check));
            Check::problem(SUBJECT, has_daemon, why)
                .with_fix_if(culprit.map(|culprit| format!("mend `{}`", culprit.check.as_str())))
        }
    }
}
