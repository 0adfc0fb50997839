//! A daemon that is not there, is not allowed, is something else or is full; and a network that is not there.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::running::{OwnCache, Running, image_id, program, started_by};
use crate::support::{LoadedImage, Ran, Workspace, run, tool, unique_name};

/// A run against the daemon at this address, with all that comes before the daemon at hand.
fn against(docker_host: &str, workspace: &Workspace, cache: &OwnCache) -> Ran {
    run(cache.image(workspace.root()).env("DOCKER_HOST", docker_host))
}

/// The error without paths of this machine.
fn shown(ran: &Ran, folder: &Path) -> String {
    let start = ran.stderr.find("error:").unwrap_or(0);
    ran.stderr[start..].replace(&folder.display().to_string(), "[FOLDER]").trim_end().to_owned()
}

#[test]
fn unreachable_daemon_error_has_advice() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path();
    let at = |name: &str| format!("unix://{}", folder.join(name).display());
    // A socket whose daemon has gone.
    drop(UnixListener::bind(folder.join("stale.sock")).expect("a socket"));
    fs::write(folder.join("file"), "").expect("writable");
    // Something that answers, and is no daemon.
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let other_address = format!("tcp://{}", other.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        for connection in other.incoming().flatten() {
            use std::io::{Read, Write};
            let mut connection = connection;
            // Before the request is there, hyper would say something else of the same answer.
            let _ = connection.read(&mut [0; 4096]);
            let _ = connection.write_all(b"220 mail.example.org ESMTP\r\n");
        }
    });
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it is bound");
    let free_address = format!("tcp://{free}");

    let workspace = program(&unique_name(), "");
    let cache = OwnCache::new(&["debs", "wheels"]);
    let error = |host: &str| {
        let ran = against(host, &workspace, &cache).fails_with(8);
        assert_eq!(ran.stdout, "");
        shown(&ran, folder).replace(&other_address, "tcp://[OTHER]").replace(&free_address, "tcp://[FREE]")
    };
    insta::assert_snapshot!(error(&at("missing.sock")), @r"
    error: failed to find a Docker or Podman socket at `[FOLDER]/missing.sock`
     |
     = help: start the daemon that listens there, or unset DOCKER_HOST to use the usual socket; `cargo xtask doctor` says what this machine can do
    ");
    insta::assert_snapshot!(error(&at("stale.sock")), @r"
    error: failed to connect to `unix://[FOLDER]/stale.sock` (from DOCKER_HOST): Connection refused (os error 111)
     |
     = help: start it: `systemctl start docker`, or `systemctl --user start podman.socket`; `cargo xtask doctor` says what this machine can do
    ");
    insta::assert_snapshot!(error(&at("file")), @r"
    error: failed to connect to `unix://[FOLDER]/file` (from DOCKER_HOST): Connection refused (os error 111)
     |
     = help: start it: `systemctl start docker`, or `systemctl --user start podman.socket`; `cargo xtask doctor` says what this machine can do
    ");
    insta::assert_snapshot!(error(&free_address), @r"
    error: failed to connect to `tcp://[FREE]` (from DOCKER_HOST): Connection refused (os error 111)
     |
     = help: start it: `systemctl start docker`, or `systemctl --user start podman.socket`; `cargo xtask doctor` says what this machine can do
    ");
    insta::assert_snapshot!(error(&other_address), @r"
    error: failed to talk to `tcp://[OTHER]` (from DOCKER_HOST): it does not answer as a Docker or Podman daemon does: invalid HTTP version parsed
     |
     = help: set DOCKER_HOST or the Docker context to a daemon: `docker context ls`
    ");
    insta::assert_snapshot!(error("ssh://build@example.org"), @r"
    error: failed to use DOCKER_HOST `ssh://build@example.org`: ssh is not supported; forward the socket with `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST` and set DOCKER_HOST=unix:///tmp/docker.sock
     |
     = help: unset DOCKER_HOST to use the local daemon, or set it to `unix:///path/to/docker.sock` or `tcp://127.0.0.1:2375`
    ");
    insta::assert_snapshot!(error("/var/run/docker.sock"), @r"
    error: failed to use DOCKER_HOST `/var/run/docker.sock`: it has no scheme; a socket is written `unix:///path/to/docker.sock`
     |
     = help: unset DOCKER_HOST to use the local daemon, or set it to `unix:///path/to/docker.sock` or `tcp://127.0.0.1:2375`
    ");
    insta::assert_snapshot!(error("tcp://127.0.0.1:notaport"), @r"
    error: failed to use DOCKER_HOST `tcp://127.0.0.1:notaport`: it is not `tcp://host:port`
     |
     = help: unset DOCKER_HOST to use the local daemon, or set it to `unix:///path/to/docker.sock` or `tcp://127.0.0.1:2375`
    ");
}

/// The same command as a user who is not root, if it is root that runs the tests.
pub(crate) fn unprivileged(command: &Command) -> Command {
    let mut other = Command::new("setpriv");
    if tool("id", ["-u"]).ok().line() == "0" {
        other.args(["--reuid=54321", "--regid=54321", "--clear-groups"]);
        // It stands for a toolchain that is installed where this user may read it.
        other.args(["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]);
    }
    started_by(other, command)
}

#[test]
fn socket_permission_error_differs_from_absence() {
    let scratch = tempfile::tempdir().expect("a folder");
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(scratch.path(), open).expect("ours");
    let socket = scratch.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket).expect("a socket");
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o600)).expect("ours");
    if tool("id", ["-u"]).ok().line() != "0" {
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).expect("ours");
    }
    let workspace = program(&unique_name(), "");
    let cache = OwnCache::new(&["debs", "wheels"]);
    for folder in [workspace.root(), cache.path()] {
        tool("chmod", ["-R", "a+rwX", &folder.to_string_lossy()]).ok();
    }
    let mut command = unprivileged(&cache.image(workspace.root()));
    command.env("DOCKER_HOST", format!("unix://{}", socket.display()));
    command.env("CARGO_HOME", workspace.root().join("cargo-home")).env("RUSTUP_HOME", crate::places::rustup_home());
    let ran = run(&mut command).fails_with(8);
    insta::assert_snapshot!(shown(&ran, scratch.path()), @r#"
    error: failed to open `[FOLDER]/docker.sock`: permission denied
     |
     = help: join the group of the socket (`sudo usermod -aG docker "$USER"`, then log in again), or use rootless Docker or Podman; `cargo xtask doctor` says what this machine can do
    "#);
}

/// A second daemon, in namespaces of its own, so that it sees nothing of the first one's network, and nothing of it outlives it.
pub(crate) struct Daemon {
    process: Child,
    folder: tempfile::TempDir,
}

impl Daemon {
    /// One with this much room, as tmpfs has it: `64m`.
    pub(crate) fn start(room: &str) -> Daemon {
        Daemon::prepared(room, ":")
    }

    /// One that sees an empty folder in the place of this one.
    pub(crate) fn start_without(hidden: &Path) -> Daemon {
        Daemon::prepared("64m", &format!("mount -t tmpfs tmpfs '{}'", hidden.display()))
    }

    /// One with this much room, after this command in its namespaces.
    fn prepared(room: &str, prepare: &str) -> Daemon {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        fs::write(folder.path().join("daemon.json"), "{}").expect("writable");
        fs::create_dir(folder.path().join("data")).expect("writable");
        let script = format!(
            "{prepare} && mount -t tmpfs -o size={room} tmpfs '{data}' && exec dockerd --config-file '{config}' --data-root '{data}' \
             --exec-root '{exec}' --pidfile '{pid}' --host 'unix://{socket}' --bridge none --iptables=false \
             --ip-forward=false --storage-driver vfs",
            data = at("data"),
            config = at("daemon.json"),
            exec = at("exec"),
            pid = at("pid"),
            socket = at("docker.sock"),
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", &script]);
        let log = fs::File::create(folder.path().join("log")).expect("writable");
        let process = command.stdout(Stdio::null()).stderr(log).spawn().expect("unshare is there");
        let daemon = Daemon { process, folder };
        let start = Instant::now();
        while tool("docker", ["--host", &daemon.host(), "version"]).code != Some(0) {
            let log = fs::read_to_string(daemon.folder.path().join("log")).unwrap_or_default();
            assert!(start.elapsed() < Duration::from_secs(60), "the second daemon does not start:\n{log}");
            std::thread::sleep(Duration::from_millis(100));
        }
        daemon
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("docker.sock").display())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // With the first process of a namespace all others are killed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn full_daemon_keeps_no_partial_image() {
    let daemon = Daemon::start("64m");
    let workspace = program(&unique_name(), "");
    let cache = OwnCache::new(&["debs", "wheels"]);
    let ran = against(&daemon.host(), &workspace, &cache).fails_with(8);
    let shown = shown(&ran, workspace.root());
    let start = "error: failed to import an image: the daemon's disk is full: ";
    assert!(shown.starts_with(start) && shown.contains("no space left on device"), "{shown}");
    let help = shown.split_once("= help: `cargo xtask clean --all` would free ").expect("it says what to do").1;
    assert!(help.ends_with(" of the cache and 0 B in the daemon; --dry-run lists it"), "{help}");
    let images = tool("docker", ["--host", &daemon.host(), "images", "-aq"]).ok();
    assert_eq!(images.stdout, "");
}

/// The same command with no network but the machine itself.
fn without_network(command: &Command) -> Command {
    let mut other = Command::new("unshare");
    if tool("id", ["-u"]).ok().line() != "0" {
        other.arg("--map-current-user");
    }
    other.arg("--net");
    started_by(other, command)
}

#[test]
fn offline_run_succeeds_from_cache() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    run(&mut cache.image(workspace.root())).ok();
    let before = image_id(&name);
    // Nothing to do.
    let ran = run(&mut without_network(&cache.image(workspace.root()))).ok();
    assert!(!ran.stderr.contains("Running"), "{}", ran.stderr);
    // The program is another, and everything that it stands on has to be used.
    workspace.write(&format!("{name}/src/main.rs"), "fn main() { println!(\"edited\"); }\n");
    run(&mut without_network(&cache.image(workspace.root()))).ok();
    assert_ne!(image_id(&name), before);
    assert_eq!(tool("docker", ["run", "--rm", &name]).ok().stdout, "edited\n");
}

#[test]
fn offline_run_fails_without_cache() {
    let name = unique_name();
    let workspace = program(&name, "");
    let cache = OwnCache::new(&[]);
    let offline = run(cache.image(workspace.root()).arg("--offline")).fails_with(5);
    insta::assert_snapshot!(shown(&offline, workspace.root()), @r"
    error: Portage is not in the cache, and --offline forbids the network
     |
     = help: run once without --offline
    ");
    // Debian's packages, by the lock.
    let start = Instant::now();
    let mut running = Running::start(&mut without_network(&cache.image(workspace.root())));
    running.wait_for("error:");
    let ran = running.end().fails_with(5);
    assert!(start.elapsed() < Duration::from_secs(60), "it took {:?}", start.elapsed());
    assert!(shown(&ran, workspace.root()).starts_with("error: failed to"), "{}", ran.stderr);
    // Without a lock, Debian's index.
    fs::remove_file(workspace.root().join("Tierce.lock")).expect("it was there");
    let ran = run(&mut without_network(&cache.image(workspace.root()))).fails_with(5);
    assert!(shown(&ran, workspace.root()).contains("cannot be reached"), "{}", ran.stderr);
    assert!(!workspace.root().join("Tierce.lock").exists(), "nothing is locked");
}
