//! The options of a session, and the life of its container.

use std::process::Command;

use crate::debug_targets::{debug, sessions_end, sessions_of, target, toolbox};
use crate::running::Running;
use crate::support::{Ran, repository, run, tool, unique_name, xtask};

fn sessions(arguments: &[&str]) -> Ran {
    run(xtask(repository()).arg("debug").args(arguments))
}

#[test]
fn options_reach_the_session() {
    let target = target(&["-e", "MODE=fast", "-e", "LD_LIBRARY_PATH=/nowhere"]);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("file"), "mounted\n").expect("writable");
    let volume = format!("{}:/mnt:ro", folder.path().display());
    let script =
        "id -u; pwd; cat file; echo $MODE$LD_LIBRARY_PATH $ADDED; grep CapBnd /proc/self/status; touch x || echo no";
    let name = unique_name();
    let ran = run(&mut debug(&[
        target.name(),
        "-u",
        "1234",
        "-w",
        "/mnt",
        "--volume",
        &volume,
        "--env",
        "--env=ADDED=a b",
        "--cap-add",
        "SYS_TIME",
        "--name",
        &name,
        "--",
        "sh",
        "-c",
        script,
    ]))
    .ok();
    // Docker's own, and CAP_NET_ADMIN (12), CAP_SYS_PTRACE (19) and CAP_SYS_TIME (25).
    let capabilities = 0xa804_25fb_u64 | 1 << 12 | 1 << 19 | 1 << 25;
    let expected = format!("1234\n/mnt\nmounted\nfast a b\nCapBnd:\t{capabilities:016x}\nno\n");
    assert_eq!(ran.stdout, expected);
    let wrong = run(&mut debug(&[target.name(), "--volume", "/a:b", "--", "true"])).fails_with(125);
    assert_eq!(
        wrong.stderr,
        "error: failed to understand the volume `/a:b`: the folder in the session is not an absolute path\n"
    );
    let wrong = run(&mut debug(&[target.name(), "--env=NAME", "--", "true"])).fails_with(125);
    assert_eq!(wrong.stderr, "error: failed to understand the variable `NAME`: it is not of the form NAME=VALUE\n");
}

#[test]
fn dry_run_commands_start_a_session() {
    let target = target(&[]);
    let name = unique_name();
    let options = [target.name(), "--name", &name, "--env=A=it's", "--dry-run"];
    let command = ["--", "sh", "-c", "readlink /target; echo \"$A\"; exit 7"];
    let ran = run(&mut debug(&[&options[..], &command].concat())).ok();
    assert_eq!(sessions_of(target.name()), Vec::<String>::new(), "nothing was made");
    let done = tool("sh", ["-c", &ran.stdout]).fails_with(7);
    assert!(done.stdout.ends_with("\n/proc/1/root\nit's\n"), "{}", done.stdout);
    let id = tool("docker", ["inspect", "-f", "{{.Id}}", target.name()]).ok().line().to_owned();
    let shown = ran.stdout.replace(&id, "[ID]").replace(toolbox(), "[TOOLBOX]").replace(target.name(), "[TARGET]");
    let shown = shown.replace(&name, "[NAME]").replace(&crate::support::namespace(), "[NAMESPACE]");
    insta::assert_snapshot!(shown, @r#"
    docker create --name=[NAME] --pid=container:[ID] --network=container:[ID] --cap-add=NET_RAW --cap-add=NET_ADMIN --cap-add=SYS_PTRACE --user=0:0 '--env=A=it'\''s' --label=dev.tierce.debug-target=[ID] --label=dev.tierce.debug-target-name=[TARGET] --label=dev.tierce.debug-toolbox=[TOOLBOX] --label=dev.tierce.kind=debug --label=dev.tierce.namespace=[NAMESPACE] --label=dev.tierce.owner= --rm --interactive --entrypoint=sh [TOOLBOX] -c 'readlink /target; echo "$A"; exit 7' &&
    links=$(mktemp -d) && ln -s /proc/1/root "$links/target" && docker cp "$links/target" [NAME]:/ && rm -r "$links" &&
    docker start --attach --interactive [NAME]
    "#);
    let ran = run(&mut debug(&[&options[..], &["--format", "json"], &command].concat())).ok();
    let data: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&data["target"], &data["pid"]), (&id.clone().into(), &1.into()));
    assert_eq!(data["link"], "/proc/1/root");
    assert_eq!(data["start"], serde_json::json!(["docker", "start", "--attach", "--interactive", name]));
}

#[test]
fn detached_sessions_can_be_reattached() {
    let target = target(&[]);
    let name = unique_name();
    let script = "while ! test -e /target/dev/shm/go; do sleep 0.05; done; echo done; exit 5";
    let ran = run(&mut debug(&[target.name(), "-d", "-T", "--keep", "--name", &name, "--", "sh", "-c", script])).ok();
    assert_eq!(ran.line(), name);
    let listed = || -> serde_json::Value {
        let ran = sessions(&["ls", "--format", "json"]).ok();
        let all: Vec<serde_json::Value> = serde_json::from_str(&ran.stdout).expect("JSON");
        all.into_iter().find(|session| session["name"] == *name).unwrap_or_default()
    };
    let session = listed();
    assert_eq!((&session["target"], &session["running"]), (&target.name().into(), &true.into()));
    assert!(sessions(&["ls"]).ok().stdout.lines().any(|line| line.starts_with(&format!("{name} "))));

    // By the container that it is beside.
    let attached = Running::start(xtask(repository()).args(["debug", "attach", target.name()]));
    tool("docker", ["exec", target.name(), "touch", "/dev/shm/go"]).ok();
    let ran = attached.end().fails_with(5);
    assert_eq!(ran.stdout, "done\n");
    assert_eq!(listed()["running"], false, "it is kept");

    let ran = sessions(&["rm", &name]).ok();
    assert_eq!(ran.stderr, format!("     Removed {name}\n"));
    sessions_end(target.name());
    let gone = sessions(&["rm", &name]).fails_with(125);
    assert!(gone.stderr.starts_with(&format!("error: there is no debugging session `{name}`\n")), "{}", gone.stderr);
}

#[test]
fn detached_session_is_removed_at_exit() {
    let target = target(&[]);
    run(&mut debug(&[target.name(), "-d", "--", "sh", "-c", "sleep 0.2"])).ok();
    sessions_end(target.name());
}

/// A session that does this, says `begun` and waits.
fn waits(target: &str, options: &[&str], script: &str) -> Command {
    let script = format!("{script} echo begun >&2; while :; do sleep 0.05; done");
    debug(&[&[target], options, &["--", "bash", "-c", &script]].concat())
}

#[track_caller]
fn begin(session: &mut Command) -> Running {
    let mut running = Running::start(session);
    running.wait_for("begun");
    running
}

#[test]
fn ctrl_c_ends_session_without_leftovers() {
    let target = target(&[]);
    let polite = begin(&mut waits(target.name(), &[], "trap 'echo last words; exit 0' INT;"));
    polite.signal("INT");
    let ran = polite.end().fails_with(130);
    assert_eq!(ran.stdout, "last words\n");
    // Tierce kills a command that ignores signals, and still keeps its files.
    let stubborn = [&[][..], &["--keep"]].map(|options| begin(&mut waits(target.name(), options, "trap '' INT TERM;")));
    for session in stubborn {
        session.signal("TERM");
        session.end().fails_with(130);
    }
    let [kept] = &sessions_of(target.name())[..] else { panic!("one is kept") };
    assert_eq!(tool("docker", ["inspect", "-f", "{{.State.ExitCode}}", kept]).ok().line(), "137");
    sessions(&["rm", target.name()]).ok();
}

#[test]
fn killed_session_leftovers_are_removed_later() {
    let target = target(&[]);
    // Sessions of other tests would remove what is left here.
    let namespace = unique_name();
    let killed = |options: &[&str]| {
        let session = begin(waits(target.name(), options, "").env("TIERCE_NAMESPACE", &namespace));
        session.signal("KILL");
        session.end();
    };
    killed(&["--keep"]);
    let next_one = || run(debug(&[target.name(), "--", "true"]).env("TIERCE_NAMESPACE", &namespace));
    let clean = || run(xtask(repository()).arg("clean").env("TIERCE_NAMESPACE", &namespace));
    for remover in [&next_one as &dyn Fn() -> Ran, &clean] {
        killed(&[]);
        assert_eq!(sessions_of(target.name()).len(), 2);
        remover().ok();
        assert_eq!(sessions_of(target.name()).len(), 1, "the one that is to be kept is");
    }
    run(xtask(repository()).args(["debug", "rm", target.name()]).env("TIERCE_NAMESPACE", &namespace)).ok();
}

#[test]
fn died_target_is_named() {
    let target = target(&[]);
    let running = begin(&mut waits(target.name(), &[], ""));
    tool("docker", ["kill", target.name()]).ok();
    let ran = running.end().fails_with(137);
    let said = "error: the session was killed because its container has died with exit code 137\n";
    assert!(ran.stderr.ends_with(said), "{}", ran.stderr);
    sessions_end(target.name());
}
