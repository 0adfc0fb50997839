//! A daemon that goes away while something is talked to: one of the test's own.

#![allow(clippy::print_stderr, reason = "a test that is left out has to say so")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tierce_docker::{
    Command as Program, ContainerSpec, Docker, Endpoint, Environment, Error, ImageChanges, Input, input,
};

use crate::support::{fixture, labels, tool_layer};

/// How long a daemon may take to start.
const START: Duration = Duration::from_secs(60);

/// A daemon in namespaces of its own: with the last process of its kind everything that it started ends, too.
struct OwnDaemon {
    process: Child,
    folder: tempfile::TempDir,
}

impl OwnDaemon {
    /// None, with the reason on standard error, where no second daemon can be started.
    fn start() -> Option<Self> {
        let fixture = fixture();
        let reason = match (rustix::process::geteuid().is_root(), Command::new("dockerd").arg("--version").output()) {
            _ if fixture.is_podman() => "Podman has no daemon that its containers need",
            (false, _) => "only root may start a daemon",
            (_, Err(_)) => "there is no dockerd",
            (true, Ok(_)) => {
                let folder = tempfile::tempdir().unwrap();
                let process = Self::launch(folder.path());
                let daemon = Self { process, folder };
                daemon.wait();
                return Some(daemon);
            }
        };
        eprintln!("not tested: {reason}");
        None
    }

    fn launch(folder: &Path) -> Child {
        let at = |name: &str| folder.join(name).display().to_string();
        let log = fs::File::create(folder.join("log")).unwrap();
        fs::write(folder.join("daemon.json"), "{}").unwrap();
        let _ = fs::remove_file(folder.join("pid"));
        let _ = fs::remove_dir_all(folder.join("exec"));
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "dockerd"]);
        command.args(["--config-file", &at("daemon.json"), "--data-root", &at("data"), "--exec-root", &at("exec")]);
        command.args(["--pidfile", &at("pid"), "--host", &format!("unix://{}", at("socket")), "--bridge", "none"]);
        command.args(["--iptables=false", "--ip-forward=false", "--storage-driver", "vfs"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("unshare is there")
    }

    fn connect(&self) -> Result<Docker, Error> {
        let host = Endpoint::Unix(self.folder.path().join("socket")).to_string();
        Docker::connect(&Environment { docker_host: Some(host), ..Default::default() }, Arc::default())
    }

    fn wait(&self) {
        let start = Instant::now();
        while self.connect().is_err() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(start.elapsed() < START, "the daemon does not start: {}", log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Kills it and all that it started, without a warning.
    fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn start_again(&mut self) {
        self.process = Self::launch(self.folder.path());
        self.wait();
    }
}

impl Drop for OwnDaemon {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
fn a_daemon_that_is_killed_in_the_middle_is_missed_at_once() {
    let Some(mut daemon) = OwnDaemon::start() else { return };
    let docker = daemon.connect().unwrap();
    let image = "tierce-lost:1";
    docker.import(&tool_layer()[..], Some(image), &ImageChanges::default()).unwrap();
    let spec = |command: &[&str]| ContainerSpec {
        image: image.to_owned(),
        entrypoint: Some(vec!["/tool".to_owned()]),
        command: command.iter().map(|&word| word.to_owned()).collect(),
        labels: labels(),
        stdin: true,
        ..Default::default()
    };
    let asleep = docker.create(&spec(&["sleep", "600"])).unwrap();
    docker.start(asleep.id()).unwrap();
    let terminal = docker.create(&ContainerSpec { tty: true, ..spec(&["raw"]) }).unwrap();
    // Each tells that it has begun, and what it came to when the daemon had gone.
    let (begun, is_begun) = std::sync::mpsc::channel();
    let conversation = {
        let (docker, id, begun) = (docker.clone(), terminal.id().to_owned(), begun.clone());
        thread::spawn(move || {
            let (_sender, input) = input();
            let result = docker.converse(&id, true, input, &mut |_, _| begun.send(()).unwrap());
            (result.map(drop), Instant::now())
        })
    };
    let execution = {
        let (docker, id) = (docker.clone(), asleep.id().to_owned());
        thread::spawn(move || {
            let command = Program { command: vec!["/tool".into(), "sleep".into(), "600".into()], ..Default::default() };
            let result = docker.exec(&id, &command, Input::none(), &mut |_, _| begun.send(()).unwrap());
            (result.map(drop), Instant::now())
        })
    };
    let waiting = {
        let (docker, id) = (docker.clone(), asleep.id().to_owned());
        thread::spawn(move || (docker.wait(&id).map(drop), Instant::now()))
    };
    is_begun.recv_timeout(START).unwrap();
    is_begun.recv_timeout(START).unwrap();

    let killed = Instant::now();
    daemon.kill();
    for thread in [conversation, execution, waiting] {
        let (result, noticed) = thread.join().unwrap();
        assert!(matches!(result, Err(Error::LostMidway { .. })), "{result:?}");
        assert!(noticed - killed < Duration::from_secs(1), "{:?}", noticed - killed);
    }
    assert!(matches!(docker.state(asleep.id()), Err(Error::Lost { .. })));

    // The same connection is good again when the daemon is back.
    daemon.start_again();
    assert!(docker.state(asleep.id()).unwrap().is_some());
    let count = docker.create(&spec(&["count"])).unwrap();
    let ended = docker.converse(count.id(), true, Input::bytes(*b"four"), &mut |_, bytes| assert_eq!(bytes, b"4"));
    assert!(ended.unwrap().exit().unwrap().success());
}
