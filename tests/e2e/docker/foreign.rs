//! Containers of other programs: details, namespaces, files.

use std::io::Read;

use tierce_docker::{
    ChangeKind, Container, ContainerSpec, Error, Input, IpcNamespace, Mount, NamespaceMode, Network, OutputStream,
    PidNamespace,
};

use super::support::{Fixture, Outcome, fixture, labels, unique};

/// A running container that writes one line.
fn target(fixture: &Fixture, spec: ContainerSpec) -> Container {
    let container = fixture.docker.create(&spec).unwrap();
    fixture.docker.start(container.id()).unwrap();
    container
}

/// Runs the tool beside a target, as root with the capability to trace.
fn beside(fixture: &Fixture, target: &Container, change: impl FnOnce(&mut ContainerSpec), command: &[&str]) -> Outcome {
    let mut spec = ContainerSpec {
        pid: PidNamespace::Container(target.id().to_owned()),
        network: Network::Container(target.id().to_owned()),
        cap_add: vec!["SYS_PTRACE".to_owned()],
        ..fixture.spec(command)
    };
    change(&mut spec);
    fixture.run(&spec)
}

#[test]
fn details_match_the_specification() {
    let fixture = fixture();
    let docker = &fixture.docker;
    let name = unique("tierce-target");
    let spec = ContainerSpec {
        name: Some(name.clone()),
        environment: [("GREETING".to_owned(), "a=b".to_owned())].into(),
        user: Some("1234:567".to_owned()),
        working_dir: Some("/folder".to_owned()),
        mounts: vec![Mount::Tmpfs { target: "/fast".to_owned(), size: None }],
        cap_add: vec!["SYS_PTRACE".to_owned()],
        cap_drop: vec!["ALL".to_owned()],
        no_new_privileges: true,
        read_only_root: true,
        tty: true,
        ..fixture.spec(&["sleep", "60"])
    };
    let container = docker.create(&spec).unwrap();
    let before = docker.container_details(&name).unwrap().unwrap().state;
    assert_eq!((before.pid, before.started_at, before.finished_at), (None, None, None));
    docker.start(container.id()).unwrap();
    let details = docker.container_details(&name).unwrap().unwrap();
    assert_eq!((details.id.as_str(), &details.name), (container.id(), &name));
    assert_eq!(details.image_id, docker.image(&fixture.image).unwrap().unwrap().id);
    assert_eq!(details.command, ["/tool", "sleep", "60"]);
    assert!(details.environment.contains(&"GREETING=a=b".to_owned()), "{:?}", details.environment);
    assert_eq!((details.user.as_str(), details.working_dir.as_str()), ("1234:567", "/folder"));
    assert!(labels().iter().all(|(key, value)| details.labels.get(key) == Some(value)));
    assert!(details.tty && details.read_only_root && !details.privileged && !details.init);
    assert_eq!((&details.network_mode, &details.pid_mode), (&NamespaceMode::None, &NamespaceMode::Private));
    assert_eq!((details.restart_policy, details.userns_mode), (None, None));
    assert!(details.security_options.iter().any(|option| option.starts_with("no-new-privileges")));
    assert!(details.state.pid.is_some_and(|pid| pid > 1) && details.state.started_at.is_some());
    assert!(fixture.is_podman() || (details.cap_add, details.cap_drop) == (spec.cap_add, spec.cap_drop));

    let json: serde_json::Value = serde_json::from_str(&docker.container_json(&name).unwrap()).unwrap();
    assert_eq!(json["Id"], container.id());
    assert_eq!(docker.container_details(&unique("tierce-absent")).unwrap(), None);
    let error = docker.container_json(&unique("tierce-absent")).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

#[test]
fn shared_id_prefix_is_ambiguous() {
    let fixture = fixture();
    // Of seventeen ids two begin alike.
    let containers: Vec<_> = (0..17).map(|_| fixture.docker.create(&fixture.spec(&[])).unwrap()).collect();
    let first = |container: &Container| container.id()[..1].to_owned();
    let twice = containers.iter().map(first).find(|start| containers.iter().filter(|c| first(c) == *start).count() > 1);
    let error = fixture.docker.container_details(&twice.unwrap()).unwrap_err();
    assert!(matches!(error, Error::Ambiguous { .. }), "{error:?}");
}

#[test]
fn details_list_volumes() {
    let fixture = fixture();
    let docker = &fixture.docker;
    let volume = unique("tierce-details");
    docker.create_volume(&volume, &labels()).unwrap();
    let mounts = vec![Mount::Volume { name: volume.clone(), target: "/data".to_owned(), read_only: true }];
    let container = docker.create(&ContainerSpec { mounts, ..fixture.spec(&["exit", "0"]) }).unwrap();
    let details = docker.container_details(container.id()).unwrap().unwrap();
    let mount = details.mounts.iter().find(|mount| mount.destination == "/data").unwrap();
    assert_eq!((mount.kind.as_str(), &mount.name, mount.read_only), ("volume", &Some(volume.clone()), true));
    assert!(!mount.source.is_empty());
    container.remove().unwrap();
    docker.remove_volume(&volume).unwrap();
}

#[test]
fn joined_namespaces_stay_unchanged() {
    let fixture = fixture();
    let spec = ContainerSpec {
        user: Some("1234:567".to_owned()),
        read_only_root: true,
        cap_drop: vec!["ALL".to_owned()],
        no_new_privileges: true,
        ..fixture.spec(&["sleep", "60"])
    };
    let target = target(&fixture, spec);
    // None with Docker; Podman creates some files itself.
    let before = fixture.docker.changes(target.id()).unwrap();
    let outcome = beside(&fixture, &target, |_| {}, &["cat", "/proc/1/cmdline"]);
    assert_eq!(outcome.stdout, "/tool\0sleep\x0060\0", "{}", outcome.stderr);
    let own = beside(&fixture, &target, |_| {}, &["link", "/proc/self/ns/net"]).stdout;
    assert_eq!(beside(&fixture, &target, |_| {}, &["link", "/proc/1/ns/net"]).stdout, own);
    // The tool reads its files through the process, which needs the capability to trace.
    let program = beside(&fixture, &target, |_| {}, &["link", "/proc/1/exe"]);
    assert_eq!(program.stdout, "/tool", "{}", program.stderr);
    let without = beside(&fixture, &target, |spec| spec.cap_add.clear(), &["link", "/proc/1/exe"]);
    assert!(!without.exit.success());
    assert_eq!(fixture.docker.changes(target.id()).unwrap(), before);

    let details = {
        let spec =
            ContainerSpec { pid: PidNamespace::Container(target.id().to_owned()), ..fixture.spec(&["sleep", "60"]) };
        let beside = fixture.docker.create(&spec).unwrap();
        fixture.docker.container_details(beside.id()).unwrap().unwrap()
    };
    assert_eq!(details.pid_mode, NamespaceMode::Container(target.id().to_owned()));
}

#[test]
fn host_and_ipc_namespaces_are_joined() {
    let fixture = fixture();
    let own = |name: &str| std::fs::read_link(format!("/proc/self/ns/{name}")).unwrap().display().to_string();
    let spec = ContainerSpec {
        pid: PidNamespace::Host,
        ipc: IpcNamespace::Host,
        network: Network::Host,
        userns: Some("host".to_owned()),
        security_options: vec!["seccomp=unconfined".to_owned()],
        ..fixture.spec(&[])
    };
    for name in ["pid", "ipc", "net"] {
        let link = format!("/proc/self/ns/{name}");
        let command = vec!["link".to_owned(), link];
        assert_eq!(fixture.run(&ContainerSpec { command, ..spec.clone() }).stdout, own(name));
    }
    let target = target(&fixture, fixture.spec(&["sleep", "60"]));
    let ipc = IpcNamespace::Container(target.id().to_owned());
    let joined =
        fixture.docker.run(&ContainerSpec { ipc, ..fixture.spec(&["exit", "0"]) }, Input::none(), &mut |_, _| {});
    let mode = fixture.docker.container_details(target.id()).unwrap().unwrap().ipc_mode;
    match mode {
        NamespaceMode::Shareable => assert!(joined.unwrap().success()),
        mode => assert!(joined.is_err(), "{mode:?}"),
    }
}

#[test]
fn stopped_container_is_readable() {
    let fixture = fixture();
    let docker = &fixture.docker;
    let container = docker.create(&fixture.spec(&["write", "/folder/new", "text"])).unwrap();
    assert!(docker.run_created(&container, Input::none(), &mut |_, _| {}).unwrap().success());
    assert!(docker.wait(container.id()).unwrap().success());
    let expected = [(ChangeKind::Modified, "/folder"), (ChangeKind::Added, "/folder/new")];
    let expected = expected.map(|(kind, path)| (kind, path.to_owned()));
    let changes = docker.changes(container.id()).unwrap();
    let in_folder: Vec<_> = changes.into_iter().filter(|(_, path)| path.starts_with("/folder")).collect();
    assert_eq!(in_folder, expected);
    for (path, expected) in [("/folder/new", true), ("/folder", true), ("/folder/old", false), ("/new/file", false)] {
        assert_eq!(docker.path_exists(container.id(), path).unwrap(), expected, "{path}");
    }
    let absent = unique("tierce-absent");
    assert!(matches!(docker.path_exists(&absent, "/folder"), Err(Error::NotFound { .. })));
    assert!(matches!(docker.changes(&absent), Err(Error::NotFound { .. })));
    assert!(matches!(docker.wait(&absent), Err(Error::NotFound { .. })));

    let mut archive = tar::Archive::new(docker.export(container.id()).unwrap());
    let mut files = archive.entries().unwrap().map(Result::unwrap);
    let mut file = files.find(|file| file.path().unwrap().ends_with("folder/new")).expect("it is there");
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "text");
    assert!(matches!(docker.export(&absent), Err(Error::NotFound { .. })));
}

#[test]
fn log_tail_works_for_terminals() {
    let fixture = fixture();
    let docker = &fixture.docker;
    for tty in [false, true] {
        let container = docker.create(&ContainerSpec { tty, ..fixture.spec(&["both"]) }).unwrap();
        docker.run_created(&container, Input::none(), &mut |_, _| {}).unwrap();
        let log = |tail, timestamps| {
            let (mut stdout, mut stderr) = (String::new(), String::new());
            let mut take = |stream, bytes: &[u8]| match stream {
                OutputStream::Stdout => stdout.push_str(std::str::from_utf8(bytes).unwrap()),
                OutputStream::Stderr => stderr.push_str(std::str::from_utf8(bytes).unwrap()),
            };
            docker.log(container.id(), tail, timestamps, &mut take).unwrap();
            (stdout, stderr)
        };
        let all = if tty { ("to stdout\r\nto stderr\r\n", "") } else { ("to stdout\n", "to stderr\n") };
        assert_eq!(log(None, false), (all.0.to_owned(), all.1.to_owned()));
        let (stdout, stderr) = log(Some(1), false);
        // The daemon does not know the order of the two outputs.
        let last = if tty {
            "to stderr\r\n"
        } else if stdout.is_empty() {
            "to stderr\n"
        } else {
            "to stdout\n"
        };
        assert_eq!(stdout + &stderr, last);
        let (stdout, _) = log(None, true);
        let year = stdout.split('-').next().unwrap();
        assert!(year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()), "{stdout}");
    }
}
