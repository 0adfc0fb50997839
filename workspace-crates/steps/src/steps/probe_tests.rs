//! Tests of the probe itself, compiled by this machine's compiler and run against real servers.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{BUILD_SH, SOURCE};

/// Compiles the probe and returns its path.
fn probe() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("probe");
    // Users must not see warnings either, so a warning fails the test.
    let mut compiler = Command::new("cc");
    compiler.args(compiler_arguments(&path.display().to_string())).arg("-Werror");
    let mut compiler = compiler.stdin(Stdio::piped()).spawn().expect("the compiler that Rust links with");
    compiler.stdin.take().expect("piped").write_all(SOURCE.as_bytes()).expect("it reads");
    assert!(compiler.wait().expect("it ends").success());
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("it was made");
    (folder, path)
}

/// Returns the arguments of the compiler in the script, with another path of the program. Tests need no shell then.
fn compiler_arguments(path: &str) -> Vec<String> {
    let (_, call) = BUILD_SH.split_once("\ngcc ").expect("a call of the compiler");
    let (call, _) = call.split_once("\"$@\"").expect("the end of the call");
    let words = call.split_whitespace().filter(|word| *word != "\\");
    words.map(|word| if word == "/tmp/tierce-probe" { path } else { word }.to_owned()).collect()
}

/// Starts a server for one connection that sends this answer, if there is one. Its thread returns the request.
fn server(address: &str, answer: Option<&'static str>) -> (u16, thread::JoinHandle<String>) {
    let listener = TcpListener::bind((address, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("a connection");
        let mut request = [0; 4096];
        let length = connection.read(&mut request).unwrap_or(0);
        match answer {
            Some(answer) => connection.write_all(answer.as_bytes()).expect("it reads"),
            None => thread::sleep(Duration::from_secs(2)),
        }
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    (port, served)
}

#[test]
fn probe_is_small_and_static() {
    let (_folder, path) = probe();
    let bytes = fs::read(&path).expect("readable");
    assert!(bytes.len() < 8192, "{} bytes", bytes.len());
    let range = 0..bytes.len() as u64;
    let elf = tierce_elf::Elf::read(&mut std::io::Cursor::new(&bytes), range).expect("readable").expect("an ELF file");
    assert_eq!((elf.interpreter, elf.needed.len()), (None, 0));
}

#[test]
fn http_status_decides() {
    let (_folder, path) = probe();
    let ask = |families: &str, port: u16| {
        let asked = Command::new(&path).args(["http", families, &port.to_string(), "/healthz", "1000"]).output();
        let asked = asked.expect("it runs");
        (asked.status.code(), String::from_utf8_lossy(&asked.stdout).into_owned())
    };
    for (answer, code, output) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0, ""),
        ("HTTP/1.0 302 Found\r\n\r\n", 0, ""),
        ("HTTP/1.1 503 No\r\n\r\n", 1, "/healthz: the status is 503\n"),
        ("HTTP/1.1 404 \r\n\r\n", 1, "/healthz: the status is 404\n"),
        ("HTTP/1.1 2", 1, "no answer from port PORT\n"),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", 1, "no answer in HTTP from port PORT\n"),
        ("", 1, "no answer from port PORT\n"),
    ] {
        let (port, served) = server("127.0.0.1", Some(answer));
        assert_eq!(ask("46", port), (Some(code), output.replace("PORT", &port.to_string())), "{answer}");
        let request = served.join().expect("no panic");
        assert!(request.starts_with("GET /healthz HTTP/1.1\r\n") && request.ends_with("\r\n\r\n"), "{request}");
        assert!(request.contains(&format!("\r\nHost: localhost:{port}\r\n")), "{request}");
    }
    let start = Instant::now();
    let (port, _served) = server("127.0.0.1", None);
    assert_eq!(ask("4", port), (Some(1), format!("no answer in time from port {port}\n")));
    assert!(start.elapsed() < Duration::from_secs(2), "it waits no longer than its argument says");
}

/// Starts a server that sends these pieces, each after a pause, and keeps the connection open until the client leaves.
fn slow_server(pieces: &'static [&'static str], pause: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        let (mut connection, _) = listener.accept().expect("a connection");
        for piece in pieces {
            thread::sleep(pause);
            if connection.write_all(piece.as_bytes()).is_err() {
                return;
            }
        }
        while connection.read(&mut [0; 4096]).is_ok_and(|length| length > 0) {}
    });
    port
}

#[test]
fn open_connection_and_slow_answer_keep_the_time_limit() {
    let (_folder, path) = probe();
    let ask = |port: u16| {
        let start = Instant::now();
        let asked = Command::new(&path).args(["http", "4", &port.to_string(), "/", "1000"]).output().expect("it runs");
        (asked.status.code(), start.elapsed())
    };
    let keep_alive = &["HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"];
    let (code, took) = ask(slow_server(keep_alive, Duration::ZERO));
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_millis(900), "the first line decides: {took:?}");
    let one_by_one = &["H", "T", "T", "P", "/", "1", ".", "1", " ", "2", "0", "0", " ", "O", "K", "\r", "\n"];
    let (code, took) = ask(slow_server(one_by_one, Duration::from_millis(300)));
    assert_eq!(code, Some(1), "the limit is for the whole check");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn tcp_and_file_checks_report_state() {
    let (folder, path) = probe();
    let ready = folder.path().join("ready").display().to_string();
    let ask = |arguments: &[&str]| {
        let asked = Command::new(&path).args(arguments).output().expect("it runs");
        (asked.status.code(), String::from_utf8_lossy(&asked.stdout).trim_end().to_owned())
    };
    assert_eq!(ask(&["file", &ready]), (Some(1), format!("{ready} is not there")));
    fs::write(&ready, "").expect("writable");
    assert_eq!(ask(&["file", &ready]), (Some(0), String::new()));

    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    assert_eq!(ask(&["tcp", "46", &port, "1000"]).0, Some(0));
    assert_eq!(ask(&["tcp", "6", &port, "1000"]).0, Some(1));
    // No server gets port 1 by chance, unlike a port that a listener has released.
    assert_eq!(ask(&["tcp", "4", "1", "1000"]), (Some(1), "nobody listens on port 1".to_owned()));
    // A machine without IPv6 cannot run this check.
    if let Ok(listener) = TcpListener::bind("[::1]:0") {
        let port = listener.local_addr().expect("an address").port().to_string();
        assert_eq!(ask(&["tcp", "46", &port, "1000"]).0, Some(0));
    }
    let long = format!("/{}", "x".repeat(9000));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    assert!(ask(&["http", "4", &port, &long, "1000"]).1.ends_with(" is too long"));
    for nonsense in
        [&[][..], &["file"], &["tcp", "4", "65536", "1"], &["tcp", "4", "80", "0"], &["http", "4", "80", "/"]]
    {
        assert_eq!(ask(nonsense).0, Some(1), "{nonsense:?}");
    }
}
