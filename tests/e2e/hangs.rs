//! Daemons and programs that never answer: Ctrl-C ends a run at once, and no process of it stays.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::running::{Running, started_by};
use crate::support::{Workspace, run, unique_name};

/// How soon a run has to end after Ctrl-C on a busy machine.
const SOON: Duration = Duration::from_secs(5);

/// Presses Ctrl-C once.
#[track_caller]
fn interrupt(running: Running) {
    let start = Instant::now();
    running.signal("INT");
    let ran = running.end().fails_with(130);
    assert!(start.elapsed() < SOON, "{:?} after Ctrl-C:\n{}", start.elapsed(), ran.stderr);
}

#[test]
fn ctrl_c_ends_connection_to_a_hung_daemon() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("docker.sock");
    // The kernel accepts connections for it, and nothing ever answers.
    let _listener = UnixListener::bind(&socket).expect("a socket");
    let workspace = Workspace::with_package(&unique_name(), "", "");
    for arguments in [&["image"][..], &["clean"], &["debug", "web", "--", "true"], &["debug", "ls"]] {
        let mut command = workspace.command();
        command.args(arguments).env("DOCKER_HOST", format!("unix://{}", socket.display()));
        let running = Running::start(&mut command);
        sleep(Duration::from_secs(4));
        interrupt(running);
    }
    let mut command = workspace.command();
    command.args(["debug", "ls"]).env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let ran = run(&mut command).fails_with(125);
    let shown = ran.stderr.replace(&folder.path().display().to_string(), "[FOLDER]");
    insta::assert_snapshot!(shown.trim_end(), @"
    error: failed to get an answer from the daemon at `unix://[FOLDER]/docker.sock` within 10 s
     |
     = help: check whether `docker version` answers; if it does not, restart the daemon (`systemctl restart docker`), then run again
    ");
}

#[test]
fn ctrl_c_ends_a_hung_credential_helper() {
    let base = format!("registry.invalid/{}:1", unique_name());
    let workspace = Workspace::with_package(&unique_name(), &format!("base = {{ image = \"{base}\" }}"), "");
    let folder = tempfile::tempdir().expect("a folder");
    let (helper, id) = (folder.path().join("docker-credential-hangs"), folder.path().join("id"));
    fs::write(&helper, format!("#!/bin/sh\nsleep 600 &\necho $! > {}\nwait\n", id.display())).expect("writable");
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).expect("ours");
    fs::write(folder.path().join("config.json"), r#"{ "credsStore": "hangs" }"#).expect("writable");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = workspace.command();
    command.arg("image").env("DOCKER_CONFIG", folder.path()).env("PATH", format!("{}:{path}", folder.path().display()));
    // In a session of its own, where Ctrl-C reaches Tierce alone.
    let mut running = Running::start(&mut started_by(std::process::Command::new("setsid"), &command));
    running.wait_until("the helper runs", |_| fs::read_to_string(&id).is_ok_and(|id| id.ends_with('\n')));
    interrupt(running);
    let id = fs::read_to_string(&id).expect("it was written");
    let stat = fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
    // The first process of the machine may not have reaped it.
    assert!(stat.is_empty() || stat.contains(") Z "), "the helper's child runs: {stat}");
}
