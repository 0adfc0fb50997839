//! Machines and their checks.

use super::*;
use crate::facts::{
    Cache, Cgroups, Confinement, Daemon, Folder, Mirror, Problem, Rust, SubordinateIds, UserNamespaces, Workspace,
};

fn problem(why: &str, fix: &str) -> Problem {
    Problem { why: why.to_owned(), fix: Some(fix.to_owned()) }
}

fn folder(path: &str, free: u64) -> Folder {
    Folder { path: path.to_owned(), file_system: Some("ext4".to_owned()), free }
}

/// A machine on which everything works, for a user.
fn good() -> Facts {
    Facts {
        choice: Choice::Any,
        is_root: false,
        kernel: "6.12.9-amd64".to_owned(),
        user_namespaces: UserNamespaces {
            exist: true,
            most: Some(96_365),
            unprivileged: Some(1),
            apparmor_restricts: Some(0),
        },
        confinement: Confinement::default(),
        subordinate_ids: SubordinateIds {
            count: Some(65_536),
            missing_programs: Vec::new(),
            refusal: None,
            free: (165_536, 231_071),
        },
        has_overlayfs: true,
        cgroups: Cgroups::Limits { memory: Some(14_400_000_000), processes: Some(32_768) },
        probe: Probe::Started,
        daemon: Ok(Daemon {
            engine: "Docker".to_owned(),
            version: "28.0".to_owned(),
            address: "unix:///var/run/docker.sock".to_owned(),
            is_local: true,
            platform: "linux/amd64".to_owned(),
            needed_platform: "linux/amd64".to_owned(),
            storage_driver: "overlay2".to_owned(),
            is_rootless: false,
            folder: Some(folder("/var/lib/docker", 50_000_000_000)),
        }),
        cache: Cache { folder: Some(folder("/cache", 50_000_000_000)), is_writable: true, is_named: false },
        gpgv: Ok("gpgv 2.4.7".to_owned()),
        pip: Ok("pip 25.1".to_owned()),
        rust: Ok(Rust { rustc: "1.95.0".to_owned(), cargo: Ok("cargo 1.95.0".to_owned()) }),
        mirrors: Some(vec![Mirror { host: "mirror.example".to_owned(), failure: None }]),
        workspace: Some(Ok(Workspace { root: "/work".to_owned(), images: 2, makes_builder: true })),
    }
}

/// The same machine without a daemon.
fn no_daemon(facts: &mut Facts) {
    facts.daemon = Err(problem("no socket", "start it"));
}

/// The same machine whose kernel refuses sandboxes.
fn no_sandbox(facts: &mut Facts) {
    facts.probe = Probe::Refused("the sandbox failed to start: Operation not permitted".to_owned());
}

fn neither(facts: &mut Facts) {
    no_daemon(facts);
    no_sandbox(facts);
}

#[test]
fn good_machine_has_nothing_to_mend() {
    let diagnosis = diagnose(&good());
    assert!(diagnosis.can_build);
    assert_eq!(diagnosis.engines, [Engine::Sandbox, Engine::Daemon]);
    let wrong: Vec<&Check> = diagnosis.checks.iter().filter(|check| check.state != State::Ok).collect();
    assert_eq!(wrong, Vec::<&Check>::new());
    assert_eq!(diagnosis.checks.len(), 16);
}

#[test]
fn unknown_parts_have_no_check() {
    let facts = Facts { mirrors: None, workspace: None, ..good() };
    let subjects: Vec<Subject> = diagnose(&facts).checks.into_iter().map(|check| check.check).collect();
    assert!(!subjects.contains(&Subject::Mirrors) && !subjects.contains(&Subject::Workspace), "{subjects:?}");
}

#[test]
fn one_engine_is_enough() {
    type Change = fn(&mut Facts);
    let cases: [(Change, bool, &[Engine]); 5] = [
        (no_daemon, true, &[Engine::Sandbox]),
        (no_sandbox, true, &[Engine::Daemon]),
        (neither, false, &[]),
        (|facts| facts.gpgv = Err(Problem::default()), false, &[Engine::Sandbox, Engine::Daemon]),
        (|facts| facts.mirrors = Some(Vec::new()), true, &[Engine::Sandbox, Engine::Daemon]),
    ];
    for (index, (change, can_build, engines)) in cases.into_iter().enumerate() {
        let mut facts = good();
        change(&mut facts);
        let diagnosis = diagnose(&facts);
        assert_eq!((diagnosis.can_build, diagnosis.engines.as_slice()), (can_build, engines), "case {index}");
    }
}

#[test]
fn chosen_engine_has_to_work() {
    type Broken = (fn(&mut Facts), [State; 3]);
    let broken: [Broken; 3] = [
        (no_daemon, [State::Ok, State::Ok, State::Missing]),
        (no_sandbox, [State::Ok, State::Missing, State::Ok]),
        (neither, [State::Missing, State::Missing, State::Missing]),
    ];
    for (change, engines) in broken {
        for (choice, state) in [Choice::Any, Choice::Sandbox, Choice::Daemon].into_iter().zip(engines) {
            let mut facts = Facts { choice, ..good() };
            change(&mut facts);
            let diagnosis = diagnose(&facts);
            let state_of =
                |subject| diagnosis.checks.iter().find(|check| check.check == subject).map(|check| check.state);
            assert_eq!(state_of(Subject::Engine), Some(state), "{choice:?}");
            assert_eq!(diagnosis.can_build, state == State::Ok, "{choice:?}");
            // The other engine prevents nothing.
            match choice {
                Choice::Sandbox => assert_ne!(state_of(Subject::Daemon), Some(State::Missing)),
                Choice::Daemon => assert_ne!(state_of(Subject::Sandbox), Some(State::Missing)),
                Choice::Any => {}
            }
        }
    }
}

/// A change of the good machine; the subject of a check, its state, a part of its meaning, and a part of its fix.
type Case = (fn(&mut Facts), Subject, State, &'static str, &'static str);

#[track_caller]
fn judged(cases: &[Case]) {
    for (index, (change, subject, state, meaning, fix)) in cases.iter().enumerate() {
        let mut facts = good();
        change(&mut facts);
        let checks = diagnose(&facts).checks;
        let check = checks.into_iter().find(|check| check.check == *subject).expect("a check");
        assert_eq!(check.state, *state, "case {index}: {check:?}");
        assert!(check.meaning.contains(meaning), "case {index}: {check:?}");
        assert_eq!(check.fix.is_some(), !fix.is_empty(), "case {index}: {check:?}");
        assert!(check.fix.as_deref().unwrap_or_default().contains(fix), "case {index}: {check:?}");
    }
}

#[test]
fn kernel_settings_are_judged() {
    use State::{Degraded, Missing, Ok};
    use Subject::{Cgroups as Groups, Kernel, Overlayfs, UserNamespaces as Namespaces};
    let old = |facts: &mut Facts| {
        facts.kernel = "5.10.0".to_owned();
        neither(facts);
    };
    let cases: [Case; 21] = [
        (old, Kernel, Missing, "Linux 5.10.0 is too old", "upgrade"),
        (|facts| facts.kernel = "5.10.0-backports".to_owned(), Kernel, Ok, "5.10.0-backports", ""),
        (|facts| facts.kernel = "unknown".to_owned(), Kernel, Ok, "unknown", ""),
        (
            |facts| {
                facts.user_namespaces.most = Some(0);
                no_sandbox(facts);
            },
            Namespaces,
            Degraded,
            "user.max_user_namespaces is 0",
            "sudo sysctl -w user.max_user_namespaces=15000",
        ),
        (
            |facts| {
                facts.user_namespaces.most = Some(0);
                neither(facts);
            },
            Namespaces,
            Missing,
            "nobody",
            "sysctl",
        ),
        (
            |facts| {
                facts.user_namespaces.unprivileged = Some(0);
                neither(facts);
            },
            Namespaces,
            Missing,
            "only root",
            "sudo sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        (
            |facts| {
                facts.user_namespaces.apparmor_restricts = Some(1);
                neither(facts);
            },
            Namespaces,
            Missing,
            "no capabilities",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        // This program has a profile.
        (|facts| facts.user_namespaces.apparmor_restricts = Some(1), Namespaces, Ok, "a sandbox gets one", ""),
        (
            |facts| {
                facts.user_namespaces = UserNamespaces::default();
                neither(facts);
            },
            Namespaces,
            Missing,
            "the kernel has none",
            "CONFIG_USER_NS",
        ),
        (neither, Namespaces, Ok, "no setting", ""),
        (
            |facts| {
                facts.user_namespaces.most = Some(0);
                facts.is_root = true;
                neither(facts);
            },
            Namespaces,
            Ok,
            "root need none",
            "",
        ),
        (
            |facts| {
                facts.has_overlayfs = false;
                neither(facts);
            },
            Overlayfs,
            Missing,
            "not loaded",
            "sudo modprobe overlay",
        ),
        // The first mount loads the module.
        (|facts| facts.has_overlayfs = false, Overlayfs, Ok, "works", ""),
        (
            |facts| {
                facts.cache.folder.as_mut().expect("a folder").file_system = Some("NFS".to_owned());
                no_sandbox(facts);
            },
            Overlayfs,
            Degraded,
            "the cache is on NFS",
            "TIERCE_CACHE",
        ),
        (no_sandbox, Overlayfs, Ok, "the kernel has it", ""),
        (|facts| facts.cache.is_writable = false, Overlayfs, Ok, "outside of the cache", ""),
        (
            |facts| facts.cgroups = Cgroups::Absent,
            Groups,
            Degraded,
            "no cgroups v2",
            "systemd.unified_cgroup_hierarchy=1",
        ),
        (|_| {}, Groups, Ok, "has 14.4 GB and 32768 processes", ""),
        (
            |facts| facts.cgroups = Cgroups::Limits { memory: None, processes: Some(1) },
            Groups,
            Degraded,
            "limits the memory",
            "Delegate=",
        ),
        (
            |facts| facts.cgroups = Cgroups::Limits { memory: Some(1), processes: None },
            Groups,
            Degraded,
            "limits the processes",
            "Delegate=",
        ),
        (|facts| facts.cgroups = Cgroups::Closed("denied".to_owned()), Groups, Degraded, "sandbox: denied", "--scope"),
    ];
    judged(&cases);
}

#[test]
fn users_and_containers_are_judged() {
    use State::{Degraded, Missing, Ok};
    use Subject::{Confinement as Around, Sandbox, SubordinateIds as Ids};
    let cases: [Case; 20] = [
        (
            |facts| facts.confinement.sign = Some("/.dockerenv".to_owned()),
            Around,
            Ok,
            "(/.dockerenv) without obstacles",
            "",
        ),
        (|facts| facts.confinement.has_filter = true, Around, Ok, "no container", ""),
        (|facts| facts.confinement.hides_proc = true, Around, Ok, "no container", ""),
        (
            |facts| {
                facts.confinement =
                    Confinement { sign: Some("kubepods".to_owned()), has_filter: true, ..Confinement::default() };
                neither(facts);
            },
            Around,
            Missing,
            "in a container (kubepods), but a seccomp filter",
            "systempaths=unconfined`",
        ),
        (
            |facts| {
                facts.confinement.has_filter = true;
                no_sandbox(facts);
            },
            Around,
            Degraded,
            "no container is around this process, but a seccomp filter",
            "outside",
        ),
        (
            |facts| {
                facts.is_root = true;
                neither(facts);
            },
            Around,
            Missing,
            "no container is around this process, but root lacks CAP_SYS_ADMIN",
            "outside",
        ),
        (
            |facts| {
                facts.is_root = true;
                facts.confinement.sign = Some("/.dockerenv".to_owned());
                facts.confinement.hides_proc = true;
                neither(facts);
            },
            Around,
            Missing,
            "(/.dockerenv), but root lacks CAP_SYS_ADMIN",
            "--cap-add SYS_ADMIN --cap-add NET_ADMIN`",
        ),
        (
            |facts| {
                facts.confinement.sign = Some("/.dockerenv".to_owned());
                facts.confinement.hides_proc = true;
                facts.probe = Probe::Refused("`newuidmap` failed to map the users of the sandbox".to_owned());
            },
            Around,
            Degraded,
            "but mounts hide parts of /proc, so a sandbox cannot have its own, and newuidmap lacks CAP_SYS_ADMIN",
            "systempaths=unconfined --cap-add SYS_ADMIN`",
        ),
        (
            |facts| {
                facts.is_root = true;
                facts.confinement.is_privileged = true;
                neither(facts);
            },
            Around,
            Ok,
            "no container",
            "",
        ),
        (
            |facts| facts.subordinate_ids.count = None,
            Ids,
            Degraded,
            "/etc/subuid",
            "--add-subuids 165536-231071 --add-subgids",
        ),
        (
            |facts| {
                facts.subordinate_ids.count = None;
                facts.subordinate_ids.missing_programs = vec!["newuidmap".to_owned(), "newgidmap".to_owned()];
            },
            Ids,
            Degraded,
            "newuidmap and newgidmap are not in PATH",
            "sudo apt install uidmap",
        ),
        (|facts| facts.subordinate_ids.count = Some(1000), Ids, Degraded, "1000 users besides you", "usermod"),
        (
            |facts| {
                facts.confinement.no_new_privileges = true;
                no_sandbox(facts);
            },
            Ids,
            Degraded,
            "no_new_privs",
            "no-new-privileges",
        ),
        (|facts| facts.is_root = true, Ids, Ok, "root have all", ""),
        (no_sandbox, Sandbox, Degraded, "Operation not permitted", ""),
        (
            |facts| {
                facts.user_namespaces.unprivileged = Some(0);
                neither(facts);
            },
            Sandbox,
            Missing,
            "Operation not permitted",
            "mend `user-namespaces`",
        ),
        // A sandbox needs no subordinate users to start.
        (
            |facts| {
                facts.subordinate_ids.count = None;
                neither(facts);
            },
            Sandbox,
            Missing,
            "Operation not permitted",
            "",
        ),
        (
            |facts| {
                facts.confinement.no_new_privileges = true;
                facts.probe = Probe::Refused("`newuidmap` failed to map the users of the sandbox".to_owned());
            },
            Sandbox,
            Degraded,
            "newuidmap",
            "mend `subordinate-ids`",
        ),
        (|facts| facts.probe = Probe::NoFolder, Sandbox, Degraded, "no folder", "mend `cache`"),
        (|_| {}, Sandbox, Ok, "a sandbox starts", ""),
    ];
    judged(&cases);
}

#[test]
fn daemons_and_disks_are_judged() {
    use State::{Degraded, Missing, Ok};
    use Subject::{Cache as Own, Daemon as Service, DaemonDisk, Engine as Either};
    fn of_daemon(facts: &mut Facts) -> &mut Daemon {
        facts.daemon.as_mut().expect("a daemon")
    }
    let cases: [Case; 19] = [
        (no_daemon, Service, Degraded, "no socket", "start it"),
        (neither, Service, Missing, "no socket", "start it"),
        (neither, Either, Missing, "neither", "mend"),
        (no_daemon, Either, Ok, "--layout", ""),
        (no_sandbox, Either, Ok, "the daemon runs", ""),
        (|facts| of_daemon(facts).is_local = false, Service, Degraded, "does not see the files", "local"),
        (|facts| of_daemon(facts).is_local = false, Either, Ok, "sandboxes run", ""),
        (|facts| of_daemon(facts).platform = "linux/arm64".to_owned(), Service, Degraded, "linux/arm64", "platform"),
        (
            |facts| of_daemon(facts).storage_driver = "vfs".to_owned(),
            Service,
            Degraded,
            "copies every file",
            "overlay2",
        ),
        (|facts| of_daemon(facts).is_rootless = true, Service, Ok, "rootless", ""),
        (|facts| of_daemon(facts).folder = Some(folder("/d", 999_999_999)), DaemonDisk, Degraded, "0.9 GB", "prune"),
        (
            |facts| {
                of_daemon(facts).folder = Some(folder("/d", 0));
                no_sandbox(facts);
            },
            DaemonDisk,
            Missing,
            "0.0 GB",
            "prune",
        ),
        (|facts| facts.cache.folder = Some(folder("/c", 0)), Own, Missing, "too little", "clean --cache"),
        (|facts| facts.cache.folder = Some(folder("/c", 9_950_000_000)), Own, Degraded, "9.9 GB", "clean --cache"),
        (|facts| facts.cache.folder = Some(folder("/c", 10_000_000_000)), Own, Ok, "/c on ext4 has 10.0 GB", ""),
        (|facts| facts.cache.is_writable = false, Own, Degraded, "the target folder of the workspace", "TIERCE_CACHE"),
        (
            |facts| {
                facts.cache.is_writable = false;
                facts.workspace = None;
            },
            Own,
            Degraded,
            "each workspace",
            "TIERCE_CACHE",
        ),
        (
            |facts| {
                facts.cache.is_writable = false;
                facts.cache.is_named = true;
            },
            Own,
            Missing,
            "cannot be written",
            "TIERCE_CACHE",
        ),
        (
            |facts| facts.cache = Cache { folder: None, is_writable: false, is_named: false },
            Own,
            Degraded,
            "no home",
            "TIERCE_CACHE",
        ),
    ];
    judged(&cases);
}

#[test]
fn programs_and_workspaces_are_judged() {
    use State::{Degraded, Missing, Ok};
    use Subject::{Gpgv, Mirrors, Pip, Rust as Toolchain, Workspace as Tables};
    let own_builder = |facts: &mut Facts| {
        facts.pip = Err(problem("pip is not in PATH", "install it"));
        facts.workspace = Some(Result::Ok(Workspace { root: "/w".to_owned(), images: 1, makes_builder: false }));
    };
    let cases: [Case; 13] = [
        (|_| {}, Gpgv, Ok, "gpgv 2.4.7 checks", ""),
        (
            |facts| facts.gpgv = Err(problem("gpgv is gone", "install it")),
            Gpgv,
            Missing,
            "gpgv is gone; it checks",
            "install",
        ),
        (
            |facts| facts.pip = Err(problem("pip is gone", "install it")),
            Pip,
            Missing,
            "it downloads Portage",
            "install",
        ),
        (own_builder, Pip, Degraded, "this workspace does not need it", "install"),
        (own_builder, Tables, Ok, "/w has 1 image", ""),
        (|facts| facts.rust = Err(problem("no rustc", "rustup")), Toolchain, Missing, "no rustc", "rustup"),
        (
            |facts| facts.rust.as_mut().expect("Rust").cargo = Err(problem("no cargo", "rustup")),
            Toolchain,
            Missing,
            "no cargo",
            "rustup",
        ),
        (|_| {}, Mirrors, Ok, "mirror.example answers", ""),
        (|facts| facts.mirrors = Some(Vec::new()), Mirrors, Degraded, "no mirror", "debian-mirror"),
        (
            |facts| {
                let failure = Some("timeout".to_owned());
                facts.mirrors.as_mut().expect("some").push(Mirror { host: "other.example".to_owned(), failure });
            },
            Mirrors,
            Degraded,
            "other.example does not answer (timeout)",
            "proxy",
        ),
        (|facts| facts.workspace = Some(Err(problem("bad key", "fix it"))), Tables, Missing, "bad key", "fix it"),
        (|_| {}, Tables, Ok, "/work has 2 images", ""),
        (
            |facts| facts.workspace.as_mut().expect("one").as_mut().expect("read").images = 0,
            Tables,
            Degraded,
            "no images",
            "new image",
        ),
    ];
    judged(&cases);
}
