//! A daemon of the test's own that dies or hangs in the middle of a conversation.

#![allow(clippy::print_stderr, reason = "a test that is left out has to say so")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tierce_docker::{
    Command as Program, ContainerSpec, Docker, Endpoint, Environment, Error, ImageChanges, Input, input,
};

use super::support::{fixture, labels, tool_layer};

/// The limit of a daemon's start.
const START: Duration = Duration::from_secs(60);

/// A daemon in its own namespaces: its end also ends every process that it started.
struct OwnDaemon {
    process: Child,
    folder: tempfile::TempDir,
}

impl OwnDaemon {
    /// Returns none, with the cause on standard error, if no second daemon can start.
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
        self.connect_with(&Arc::default())
    }

    fn connect_with(&self, interrupted: &Arc<AtomicBool>) -> Result<Docker, Error> {
        let host = Endpoint::Unix(self.folder.path().join("socket")).to_string();
        let environment = Environment { docker_host: Some(host), ..Default::default() };
        Docker::connect(&environment, Arc::clone(interrupted))
    }

    /// Sends a signal to the daemon itself: `unshare` is its parent.
    fn signal(&self, signal: &str) {
        let unshare = self.process.id();
        let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap();
        let daemon = children.split_whitespace().next().expect("it runs");
        assert!(Command::new("kill").args([&format!("-{signal}"), daemon]).status().unwrap().success());
    }

    fn wait(&self) {
        let start = Instant::now();
        while self.connect().is_err() {
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(start.elapsed() < START, "the daemon does not start: {}", log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Kills it and every process that it started.
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
fn killed_daemon_ends_every_request() {
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
    // Each thread reports its begin, and its result after the daemon's end.
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

    // The same connection works after the daemon's restart.
    daemon.start_again();
    assert!(docker.state(asleep.id()).unwrap().is_some());
    let count = docker.create(&spec(&["count"])).unwrap();
    let ended = docker.converse(count.id(), true, Input::bytes(*b"four"), &mut |_, bytes| assert_eq!(bytes, b"4"));
    assert!(ended.unwrap().exit().unwrap().success());
}

/// The limit for a request to a daemon that hangs: a pause of ten seconds, thirty for a ping, and a busy machine.
const SILENCE: Duration = Duration::from_secs(60);

#[test]
fn hung_daemon_ends_every_request() {
    let Some(daemon) = OwnDaemon::start() else { return };
    let docker = daemon.connect().unwrap();
    let image = "tierce-hung:1";
    docker.import(&tool_layer()[..], Some(image), &ImageChanges::default()).unwrap();
    let spec = ContainerSpec {
        image: image.to_owned(),
        entrypoint: Some(vec!["/tool".to_owned(), "sleep".to_owned(), "600".to_owned()]),
        labels: labels(),
        ..Default::default()
    };
    let asleep = docker.create(&spec).unwrap().keep();
    docker.start(&asleep).unwrap();
    daemon.signal("STOP");
    let start = Instant::now();
    let results = thread::scope(|scope| {
        let requests: [Box<dyn Fn() -> Result<(), Error> + Send>; 5] = [
            Box::new(|| docker.containers(&[]).map(drop)),
            Box::new(|| docker.wait(&asleep).map(drop)),
            Box::new(|| docker.create(&spec).map(drop)),
            Box::new(|| docker.import(&tool_layer()[..], None, &ImageChanges::default()).map(drop)),
            Box::new(|| daemon.connect().map(drop)),
        ];
        let requests = requests.map(|request| scope.spawn(request));
        requests.map(|request| request.join().unwrap())
    });
    assert!(results.iter().all(|result| matches!(result, Err(Error::Silent { .. }))), "{results:?}");
    assert!(start.elapsed() < SILENCE, "{:?}", start.elapsed());
    // The same connection works once the daemon goes on.
    daemon.signal("CONT");
    assert!(docker.state(&asleep).unwrap().is_some());
}

#[test]
fn busy_daemon_keeps_long_requests() {
    let Some(daemon) = OwnDaemon::start() else { return };
    let docker = daemon.connect().unwrap();
    let image = "tierce-busy:1";
    docker.import(&tool_layer()[..], Some(image), &ImageChanges::default()).unwrap();
    let spec = ContainerSpec {
        image: image.to_owned(),
        entrypoint: Some(vec!["/tool".to_owned(), "sleep".to_owned(), "25".to_owned()]),
        labels: labels(),
        ..Default::default()
    };
    // Two pings fall into the silence, and a short stop of the daemon is no end.
    thread::scope(|scope| {
        let ran = scope.spawn(|| docker.run(&spec, Input::none(), &mut |_, _| {}));
        thread::sleep(Duration::from_secs(8));
        daemon.signal("STOP");
        thread::sleep(Duration::from_secs(5));
        daemon.signal("CONT");
        assert!(ran.join().unwrap().unwrap().success());
    });
}

#[test]
fn interruption_ends_requests_to_a_hung_daemon() {
    /// The limit after Ctrl-C: two seconds for a ping, and a busy machine.
    const SOON: Duration = Duration::from_secs(8);
    let Some(daemon) = OwnDaemon::start() else { return };
    let interrupted = Arc::new(AtomicBool::new(false));
    let docker = daemon.connect_with(&interrupted).unwrap();
    let image = "tierce-interrupted:1";
    docker.import(&tool_layer()[..], Some(image), &ImageChanges::default()).unwrap();
    let spec = ContainerSpec {
        image: image.to_owned(),
        entrypoint: Some(vec!["/tool".to_owned(), "sleep".to_owned(), "600".to_owned()]),
        labels: labels(),
        ..Default::default()
    };
    let held: Vec<_> = (0..3).map(|_| docker.create(&spec).unwrap()).collect();
    daemon.signal("STOP");
    let elapsed = thread::scope(|scope| {
        let creation = scope.spawn(|| docker.create(&spec).map(drop));
        let connection = scope.spawn(|| daemon.connect_with(&interrupted).map(drop));
        thread::sleep(Duration::from_secs(1));
        let start = Instant::now();
        interrupted.store(true, Ordering::Relaxed);
        // Each drop asks the daemon to remove a container.
        drop(held);
        assert!(matches!(creation.join().unwrap(), Err(Error::Silent { .. })));
        assert!(matches!(connection.join().unwrap(), Err(Error::Interrupted)));
        start.elapsed()
    });
    assert!(elapsed < SOON, "{elapsed:?}");
    // A later run removes what the daemon has not, by the labels.
    daemon.signal("CONT");
    let later = daemon.connect().unwrap();
    for container in later.containers(&[super::support::LABEL]).unwrap() {
        later.remove(&container.id).unwrap();
    }
}
