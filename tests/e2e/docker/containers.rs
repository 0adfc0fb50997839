//! Runs containers: exits, output, input, interruption, failures, parallel use.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use tierce_docker::{Command, ContainerSpec, ContainerStatus, Error, ImageChanges, Input, Removal};

use super::support::{LABEL, capture, fixture, interruptible, labels, unique};

#[test]
fn run_returns_exit_code_and_outputs() {
    let fixture = fixture();
    for code in [0, 1, 42, 255] {
        let outcome = fixture.run(&fixture.spec(&["exit", &code.to_string()]));
        assert_eq!((outcome.exit.code, outcome.exit.success(), outcome.exit.oom_killed), (code, code == 0, false));
    }
    let outcome = fixture.run(&fixture.spec(&["both"]));
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("to stdout\n", "to stderr\n"));
}

#[test]
fn large_outputs_are_complete_and_separate() {
    let fixture = fixture();
    let outcome = fixture.run(&fixture.spec(&["flood", "1024"]));
    assert!(outcome.stdout == "o".repeat(1 << 20), "{} bytes", outcome.stdout.len());
    assert!(outcome.stderr == "e".repeat(1 << 20), "{} bytes", outcome.stderr.len());
}

#[test]
fn input_reaches_the_program_and_ends() {
    let fixture = fixture();
    let input = "input\n".repeat(100_000);
    let spec = fixture.spec(&["cat"]);
    let outcome = capture(|output| fixture.docker.run(&spec, Input::bytes(input.as_bytes()), output).unwrap());
    assert!(outcome.exit.success() && outcome.stdout == input, "{} bytes", outcome.stdout.len());
    // A program may ignore its input.
    let spec = fixture.spec(&["exit", "3"]);
    let outcome = capture(|output| fixture.docker.run(&spec, Input::bytes(input.as_bytes()), output).unwrap());
    assert_eq!(outcome.exit.code, 3);
    // No input is an empty one, not an open one.
    assert!(fixture.run(&fixture.spec(&["cat"])).exit.success());
}

#[test]
fn specification_reaches_the_program() {
    let fixture = fixture();
    let spec = ContainerSpec {
        user: Some("1234:567".to_owned()),
        working_dir: Some("/folder".to_owned()),
        ..fixture.spec(&["folder"])
    };
    assert_eq!(fixture.run(&spec).stdout, "/folder 1234:567");
    let mut spec = fixture.spec(&["variable", "GREETING"]);
    assert_eq!(fixture.run(&spec).stdout, "(unset)");
    spec.environment.insert("GREETING".to_owned(), "a = \"ä\"\n$b".to_owned());
    assert_eq!(fixture.run(&spec).stdout, "a = \"ä\"\n$b");
    let strict = ContainerSpec {
        read_only_root: true,
        cap_drop: vec!["ALL".to_owned()],
        no_new_privileges: true,
        ..fixture.spec(&["write", "/file", "text"])
    };
    assert!(!fixture.run(&strict).exit.success());
}

#[test]
fn exit_reports_signals_and_memory() {
    let fixture = fixture();
    let spec = ContainerSpec { memory: Some(16 << 20), ..fixture.spec(&["devour"]) };
    let killed = || {
        let exit = fixture.run(&spec).exit;
        assert_eq!(exit.signal(), Some(9));
        exit.oom_killed
    };
    if fixture.is_podman() {
        assert!(!killed());
    } else {
        // A daemon that learns of the end first never learns of its cause, which happens under load.
        assert!((0..10).any(|_| killed()));
        // An init stands between, as signals that pid 1 does not handle do not reach it.
        let exit = fixture.run(&ContainerSpec { init: true, ..fixture.spec(&["abort"]) }).exit;
        assert_eq!((exit.signal(), exit.oom_killed), (Some(6), false));
    }
}

#[test]
fn interruption_kills_and_removes() {
    let fixture = fixture();
    let (docker, flag) = interruptible();
    let name = unique("tierce-interrupted");
    let spec = ContainerSpec { name: Some(name.clone()), ..fixture.spec(&["sleep", "60"]) };
    let mut raised = None;
    let result = docker.run(&spec, Input::none(), &mut |_, _| {
        flag.store(true, Ordering::Relaxed);
        raised = Some(Instant::now());
    });
    assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
    assert!(raised.expect("the container has started").elapsed() < Duration::from_secs(5));
    assert_eq!(fixture.docker.state(&name).unwrap(), None);
    // Later requests fail, except for removals.
    assert!(matches!(docker.create(&spec), Err(Error::Interrupted)));
    assert_eq!(docker.remove(&name).unwrap(), Removal::Absent);
}

#[test]
fn panic_removes_the_container() {
    let fixture = fixture();
    let name = unique("tierce-panicked");
    let spec = ContainerSpec { name: Some(name.clone()), ..fixture.spec(&["sleep", "60"]) };
    let run = || fixture.docker.run(&spec, Input::none(), &mut |_, _| panic!("on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
    assert_eq!(fixture.docker.state(&name).unwrap(), None);
}

#[test]
fn failures_are_classified() {
    let fixture = fixture();
    let silent = &mut |_, _: &[u8]| {};
    let absent = ContainerSpec { image: "tierce-test-absent:1".to_owned(), ..fixture.spec(&[]) };
    let error = fixture.docker.run(&absent, Input::none(), silent).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    let missing = ContainerSpec { entrypoint: Some(vec!["/missing".to_owned()]), ..fixture.spec(&[]) };
    let error = fixture.docker.run(&missing, Input::none(), silent).unwrap_err();
    assert!(matches!(error, Error::ProgramNotFound { .. }), "{error:?}");
    let folder = ContainerSpec { entrypoint: Some(vec!["/folder".to_owned()]), ..fixture.spec(&[]) };
    let error = fixture.docker.run(&folder, Input::none(), silent).unwrap_err();
    assert!(matches!(error, Error::NotExecutable { .. }), "{error:?}");
    let hostile = ContainerSpec { image: "../containers/json?all=1".to_owned(), ..fixture.spec(&[]) };
    assert!(matches!(fixture.docker.run(&hostile, Input::none(), silent), Err(Error::Name { .. })));

    let name = unique("tierce-taken");
    let named = ContainerSpec { name: Some(name), ..fixture.spec(&["exit", "0"]) };
    let first = fixture.docker.create(&named).unwrap();
    let error = fixture.docker.create(&named).unwrap_err();
    assert!(matches!(error, Error::NameInUse { .. }), "{error:?}");
    first.remove().unwrap();
    assert!(fixture.docker.run(&named, Input::none(), silent).unwrap().success());
}

#[test]
fn containers_run_in_parallel() {
    let fixture = fixture();
    thread::scope(|scope| {
        let runs: Vec<_> = (0..6)
            .map(|code| {
                let fixture = &fixture;
                scope.spawn(move || fixture.run(&fixture.spec(&["exit", &code.to_string()])).exit.code)
            })
            .collect();
        let codes: Vec<i32> = runs.into_iter().map(|run| run.join().unwrap()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn exec_runs_in_a_running_container() {
    let fixture = fixture();
    let docker = &fixture.docker;
    let container = docker.create(&fixture.spec(&["sleep", "60"])).unwrap();
    assert_eq!(docker.state(container.id()).unwrap().unwrap().status, ContainerStatus::Created);
    docker.start(container.id()).unwrap();
    assert_eq!(docker.state(container.id()).unwrap().unwrap().status, ContainerStatus::Running);

    let command =
        |words: &[&str]| Command { command: words.iter().map(|&word| word.to_owned()).collect(), ..Default::default() };
    let mut folder = command(&["/tool", "folder"]);
    folder.working_dir = Some("/folder".to_owned());
    folder.user = Some("7:8".to_owned());
    let exec = |command: &Command, input: Input| {
        capture(|output| docker.exec(container.id(), command, input, output).unwrap().exit().unwrap())
    };
    assert_eq!(exec(&folder, Input::none()).stdout, "/folder 7:8");
    let outcome = exec(&command(&["/tool", "both"]), Input::none());
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("to stdout\n", "to stderr\n"));
    assert_eq!(exec(&command(&["/tool", "cat"]), Input::bytes(*b"input")).stdout, "input");
    assert_eq!(exec(&command(&["/tool", "exit", "9"]), Input::none()).exit.code, 9);
    assert_eq!(exec(&command(&["/tool", "abort"]), Input::none()).exit.signal(), Some(6));
    assert_eq!(exec(&command(&["/tool", "flood", "512"]), Input::none()).stdout.len(), 512 << 10);

    let missing = docker.exec(container.id(), &command(&["/missing"]), Input::none(), &mut |_, _| {});
    assert!(matches!(missing, Err(Error::ProgramNotFound { .. })), "{missing:?}");
    let folder = docker.exec(container.id(), &command(&["/folder"]), Input::none(), &mut |_, _| {});
    assert!(matches!(folder, Err(Error::NotExecutable { .. })), "{folder:?}");

    docker.kill(container.id(), "KILL").unwrap();
    let (id, mut log) = (container.id().to_owned(), Vec::new());
    docker.stop(&id, 1).unwrap();
    docker.log(&id, None, false, &mut |_, bytes| log.extend_from_slice(bytes)).unwrap();
    assert_eq!(log, b"asleep\n");
    let state = docker.state(&id).unwrap().unwrap();
    assert_eq!((state.status, state.exit_code), (ContainerStatus::Exited, 137));
    let listed = docker.containers(&[&format!("{LABEL}={}", std::process::id())]).unwrap();
    assert!(listed.iter().any(|summary| summary.id == id && summary.labels == labels()));
    drop(container);
    assert_eq!(docker.state(&id).unwrap(), None);
}

#[test]
fn committed_image_has_the_changes() {
    let fixture = fixture();
    let docker = &fixture.docker;
    let container = docker.create(&fixture.spec(&["write", "/folder/file", "text"])).unwrap();
    assert!(docker.run_created(&container, Input::none(), &mut |_, _| {}).unwrap().success());
    let reference = format!("{}:2", unique("tierce-committed"));
    let mut changes = ImageChanges { labels: labels(), ..Default::default() };
    changes.labels.insert("dev.tierce.key".to_owned(), r#"a "b" $c \d ä"#.to_owned());
    changes.environment.insert("PATH".to_owned(), "/a:/b".to_owned());
    let id = docker.commit(container.id(), Some(&reference), &changes).unwrap();
    let image = docker.image(&reference).unwrap().unwrap();
    assert_eq!((&image.id, image.diff_ids.len(), &image.tags), (&id, 2, &vec![reference.clone()]));
    assert_eq!(image.labels, changes.labels);
    assert!(image.environment.contains(&"PATH=/a:/b".to_owned()), "{:?}", image.environment);
    let spec = ContainerSpec { image: reference.clone(), ..fixture.spec(&["cat", "/folder/file"]) };
    assert_eq!(fixture.run(&spec).stdout, "text");
    assert_eq!(docker.remove_image(&reference).unwrap(), Removal::Removed);
}
