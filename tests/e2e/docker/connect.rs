//! Finds the daemon, and explains failed connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tierce_docker::{ContainerSpec, Docker, Endpoint, Engine, Environment, Error, Input};

use super::support::fixture;
use crate::daemon::environment;

fn connect_to(host: &str) -> Result<Docker, Error> {
    let environment = Environment { docker_host: Some(host.to_owned()), ..Default::default() };
    Docker::connect(&environment, Arc::default())
}

fn connect_to_socket(path: &Path) -> Result<Docker, Error> {
    connect_to(&format!("unix://{}", path.display()))
}

#[test]
fn daemon_facts_are_complete() {
    let docker = Docker::connect(&environment(), Arc::default()).expect("these tests need a daemon");
    let facts = docker.facts().unwrap();
    assert_eq!(facts, docker.facts().unwrap());
    assert_eq!(facts.engine, docker.engine());
    assert_eq!(facts.os, "linux");
    assert!(["amd64", "arm64"].contains(&facts.architecture.as_str()), "{facts:?}");
    assert!(facts.cpus > 0 && facts.memory > 1 << 28, "{facts:?}");
    assert!(!facts.id.is_empty() && !facts.storage_driver.is_empty() && !facts.server_version.is_empty(), "{facts:?}");
}

#[test]
fn failed_connections_are_classified() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let error = connect_to_socket(&socket).unwrap_err();
    assert!(matches!(error, Error::NoSocket { .. }), "{error:?}");

    // A socket outlives its daemon.
    drop(UnixListener::bind(&socket).unwrap());
    let error = connect_to_socket(&socket).unwrap_err();
    assert!(matches!(error, Error::NotRunning { .. }), "{error:?}");

    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = connect_to(&format!("tcp://127.0.0.1:{port}")).unwrap_err();
    assert!(matches!(error, Error::NotRunning { .. }), "{error:?}");

    let error = connect_to(&format!("unix:///{}", "long".repeat(100))).unwrap_err();
    assert!(matches!(error, Error::Endpoint { .. }), "{error:?}");

    let file = folder.path().join("file");
    std::fs::write(&file, "no socket").unwrap();
    let error = connect_to_socket(&file).unwrap_err();
    assert!(matches!(error, Error::NotRunning { .. }), "{error:?}");
}

#[test]
fn other_servers_are_recognised() {
    let version = |api: &str| format!("HTTP/1.1 200 OK\r\nApi-Version: {api}\r\nContent-Length: 2\r\n\r\nOK");
    for (case, answer) in [
        ("ssh", "SSH-2.0-OpenSSH_9.2\r\n".to_owned()),
        ("a web server", "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello".to_owned()),
        ("a page", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>".to_owned()),
        ("other JSON", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}".to_owned()),
        ("no version", version("latest")),
        ("nothing", String::new()),
    ] {
        let error = connect_to_answer(&answer).unwrap_err();
        assert!(matches!(error, Error::NotDocker { .. }), "{case}: {error:?}");
    }
    let error = connect_to_answer(&version("1.40")).unwrap_err();
    assert!(matches!(&error, Error::TooOld { version, .. } if version == "1.40"), "{error:?}");
    assert!(connect_to_answer(&version("1.100")).is_ok());
}

/// Connects to a server that sends this answer to every request.
fn connect_to_answer(answer: &str) -> Result<Docker, Error> {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).unwrap();
    let answer = answer.to_owned();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    connect_to_socket(&socket)
}

#[test]
fn foreign_socket_is_forbidden() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let socket = folder.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o600)).unwrap();
    let result = thread::spawn(move || {
        if rustix::process::geteuid().is_root() {
            // Of this thread only.
            let nobody = rustix::process::Uid::from_raw(65534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
        } else {
            std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o000)).unwrap();
        }
        connect_to_socket(&socket)
    });
    let error = result.join().unwrap().unwrap_err();
    assert!(matches!(error, Error::PermissionDenied { .. }), "{error:?}");
    assert!(error.help().unwrap().contains("docker"));
}

/// Passes connections on to the daemon until a cut.
struct Proxy {
    address: String,
    cut: Arc<AtomicBool>,
}

impl Proxy {
    fn start(daemon: &Endpoint) -> Self {
        let Endpoint::Unix(daemon) = daemon.clone() else { panic!("the tests need a daemon on a socket") };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self { address: listener.local_addr().unwrap().to_string(), cut: Arc::default() };
        let cut = proxy.cut.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let daemon = UnixStream::connect(&daemon).unwrap();
                let (mut from_client, mut to_client) = (client.try_clone().unwrap(), client.try_clone().unwrap());
                let (mut from_daemon, mut to_daemon) = (daemon.try_clone().unwrap(), daemon.try_clone().unwrap());
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from_client, &mut to_daemon);
                    let _ = to_daemon.shutdown(Shutdown::Write);
                });
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from_daemon, &mut to_client);
                    let _ = to_client.shutdown(Shutdown::Write);
                });
                let cut = cut.clone();
                thread::spawn(move || {
                    while !cut.load(Ordering::Relaxed) {
                        thread::sleep(Duration::from_millis(10));
                    }
                    let _ = client.shutdown(Shutdown::Both);
                    let _ = daemon.shutdown(Shutdown::Both);
                });
            }
        });
        proxy
    }
}

#[test]
fn lost_tcp_daemon_is_an_error() {
    let fixture = fixture();
    let proxy = Proxy::start(fixture.docker.endpoint());
    let docker = connect_to(&format!("tcp://{}", proxy.address)).unwrap();
    assert!(docker.endpoint().is_local());
    assert!(docker.run(&fixture.spec(&["exit", "0"]), Input::none(), &mut |_, _| {}).unwrap().success());

    let spec = ContainerSpec { name: Some(super::support::unique("tierce-lost")), ..fixture.spec(&["sleep", "60"]) };
    let error = docker.run(&spec, Input::none(), &mut |_, _| proxy.cut.store(true, Ordering::Relaxed)).unwrap_err();
    assert!(matches!(error, Error::LostMidway { .. }), "{error:?}");
    fixture.docker.remove(spec.name.as_deref().unwrap()).unwrap();
    let error = docker.facts().unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error:?}");
}

#[test]
fn context_names_the_daemon() {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let id = super::support::sha256("work".as_bytes());
    let context = folder.path().join("contexts/meta").join(id);
    std::fs::create_dir_all(&context).unwrap();
    let host = fixture.docker.endpoint().to_string();
    let metadata = serde_json::json!({ "Name": "work", "Metadata": {}, "Endpoints": { "docker": { "Host": host } } });
    std::fs::write(context.join("meta.json"), metadata.to_string()).unwrap();
    std::fs::write(folder.path().join("config.json"), r#"{ "currentContext": "work" }"#).unwrap();
    let environment = Environment { docker_config: Some(folder.path().to_owned()), ..Default::default() };
    let docker = Docker::connect(&environment, Arc::default()).unwrap();
    assert_eq!(docker.endpoint(), fixture.docker.endpoint());
    assert!(matches!(docker.engine(), Engine::Docker | Engine::Podman));
}
