//! Tests of images on a machine without a daemon, and ports of images that run there.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;

use crate::running::Running;
use crate::support::{LoadedImage, Ran, Workspace, run, tool, unique_name};

/// The workspace of the fixture with an image of its own name.
fn tested() -> (Workspace, String) {
    let (workspace, name) = (Workspace::fixture("tested"), unique_name());
    let path = workspace.root().join("service/Cargo.toml");
    let text = fs::read_to_string(&path).expect("the fixture has it");
    let header = "[package.metadata.image]\n";
    fs::write(path, text.replace(header, &format!("{header}name = \"{name}\"\n"))).expect("writable");
    (workspace, name)
}

/// Adds lines to the table of the image's package.
fn add(workspace: &Workspace, lines: &str) {
    let path = workspace.root().join("service/Cargo.toml");
    let text = fs::read_to_string(&path).expect("the fixture has it");
    fs::write(path, format!("{text}\n{lines}")).expect("writable");
}

/// Tierce on a machine without a daemon.
fn without_daemon(workspace: &Workspace) -> Command {
    let mut command = workspace.command();
    command.env("TIERCE_ENGINE", "sandbox").env("DOCKER_HOST", "unix:///no/such/daemon");
    command
}

#[test]
fn archive_is_tested_without_daemon() {
    let (workspace, name) = tested();
    let archive = workspace.root().join("target/image.tar");
    let image = || run(without_daemon(&workspace).args(["image", "--archive"]).arg(&archive));
    let first = image().ok();
    for test in ["prints", "warns", "reads", "writes", "fails", "told", "serves"] {
        assert!(first.stderr.contains(&format!("Passed {test} in ")), "{}", first.stderr);
    }
    assert_eq!(first.line(), format!("docker-archive:{}", archive.display()));
    let log = workspace.root().join(format!("target/tierce/logs/{name}/test.prints.log"));
    assert_eq!(fs::read_to_string(log).expect("a log"), "this is service\n");
    let again = image().ok();
    assert!(!again.stderr.contains("Passed"), "what has passed is remembered: {}", again.stderr);
    let one = run(without_daemon(&workspace).args(["test", &name, "--only", "serves"])).ok();
    assert!(one.line().starts_with(&format!("{name}  serves  passed  ")), "{}", one.stdout);

    let before = fs::read(&archive).expect("written");
    let source = fs::read_to_string(workspace.root().join("service/src/main.rs")).expect("the fixture has it");
    workspace.write("service/src/main.rs", &source.replace("this is service", "this is server"));
    let failed = image().fails_with(12);
    assert_eq!(failed.stdout, "");
    let told = failed.error(workspace.root()).replace(&name, "NAME");
    assert!(told.starts_with("error: the image `NAME` fails its test `prints`\n"), "{told}");
    assert!(told.contains("stdout: line 1 is \"this is server\\n\", expected \"this is service\\n\""), "{told}");
    assert!(fs::read(&archive).expect("there") == before, "an image that fails is not written");
    run(without_daemon(&workspace).args(["image", "--no-test", "--archive"]).arg(&archive)).ok();
    assert!(fs::read(&archive).expect("there") != before);
}

/// Tests that fail, each in its own way. None states a limit of memory: not every machine lets the sandbox set one.
const FAILING: &str = r#"
[package.metadata.image.test.absent]
entrypoint = ["/bin/sh"]
[package.metadata.image.test.bad-answers]
command = ["serve", "8080"]
http = [{ path = "/missing" }, { path = "/a", body = "no" }]
files = [{ path = "/usr/bin/service", mode = "0700" }]
stop-within = "5s"
exit-code = 9
[package.metadata.image.test.bad-texts]
command = ["print"]
stdout = "this is it\n"
exit-code = 1
files = [{ path = "/usr/bin/service", owner = 7 }, { path = "/nothing" }, { path = "/usr", exists = false }]
[package.metadata.image.test.ends]
command = ["print"]
http = [{}]
[package.metadata.image.test.hangs]
command = ["hang"]
timeout = "1s"
[package.metadata.image.test.ill]
command = ["hang"]
healthy-within = "3s"
[package.metadata.image.test.no-server]
command = ["hang"]
ports = [8080]
timeout = "1s"
[package.metadata.image.test.unstoppable]
command = ["stubborn", "8080"]
http = [{}]
stop-within = "1s"

[package.metadata.image.test.local-only]
command = ["local", "8080"]
ports = [8080]
timeout = "1s"
[package.metadata.image.test.healthy]
command = ["serve", "8080"]
healthy-within = "20s"
"#;

#[test]
fn both_engines_tell_the_same_failures() {
    let (workspace, name) = tested();
    let _image = LoadedImage::new(&format!("{name}:latest"));
    let source = fs::read_to_string(workspace.root().join("service/src/main.rs")).expect("the fixture has it");
    let local = r#"["local", port] => drop(TcpListener::bind(("127.0.0.1", port.parse().unwrap())).unwrap().accept()),
        ["stubborn", port]"#;
    workspace.write("service/src/main.rs", &source.replacen("[\"stubborn\", port]", local, 1));
    let table = fs::read_to_string(workspace.root().join("service/Cargo.toml")).expect("the fixture has it");
    workspace.write(
        "service/Cargo.toml",
        &table.replace("expose = [8080]\n", "expose = [8080]\nhealthcheck = { tcp = 8080 }\n"),
    );
    add(&workspace, FAILING);
    let told = |ran: Ran| ran.fails_with(12).error(workspace.root());
    let of_daemon = told(workspace.xtask(&["image"]));
    let mut command = without_daemon(&workspace);
    let of_sandbox = told(run(command.args(["image", "--no-cache=test", "--layout", "target/layout"])));
    assert_eq!(of_sandbox, of_daemon);
    let expected = "fails 9 of 17 tests: `absent`, `bad-answers`, `bad-texts`, `ends`, `hangs`, `ill`, `local-only`, \
                    `no-server`, `unstoppable`";
    assert!(of_sandbox.contains(expected), "{of_sandbox}");
    assert!(!workspace.root().join("target/layout/index.json").exists());
}

/// Sends a request to a port of this machine, and returns the answer.
fn ask(address: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    connection.write_all(request.as_bytes()).expect("sent");
    connection.shutdown(Shutdown::Write).expect("open");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("text");
    answer
}

#[test]
fn published_ports_reach_the_program() {
    let (workspace, name) = tested();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let data = tempfile::tempdir().expect("a folder");
    let mut command = without_daemon(&workspace);
    command.args(["run", &name, "-p", &format!("{}:8080", free.port()), "-p", "127.0.0.1::8080/tcp"]);
    let mut running = Running::start(command.args(["--", "serve", "8080"]));
    let line = |text: &str| text.lines().find_map(|line| Some(line.trim().strip_prefix("Listening ")?.to_owned()));
    running.wait_until("it tells the port", |running| line(&running.stderr()).is_some());
    let told = line(&running.stderr()).expect("a line");
    let chosen = told.strip_suffix(" leads to port 8080").expect("an address").to_owned();
    // The listener of this machine is there before that of the program.
    running.wait_until("it answers", |_| {
        let Ok(mut connection) = TcpStream::connect(free) else { return false };
        let sent = connection.write_all(b"GET /up HTTP/1.1\r\n\r\n").is_ok();
        sent && connection.read(&mut [0; 64]).is_ok_and(|length| length > 0)
    });
    for address in [free.to_string(), chosen] {
        let answer = ask(&address, "/a?b");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("GET /a?b\n"), "{answer}");
    }
    let taken =
        run(without_daemon(&workspace).args(["run", &name, "-p", &format!("{}:80", free.port())])).fails_with(125);
    assert!(taken.stderr.contains(&format!("error: cannot listen on {free}: ")), "{}", taken.stderr);
    running.signal("TERM");
    assert_eq!(running.end().code, Some(0));
    assert!(TcpStream::connect(free).is_err(), "the port ends with the program");

    let refused = run(without_daemon(&workspace).args(["run", &name, "-p", "53:53/udp"])).fails_with(125);
    assert!(refused.stderr.contains("the sandbox passes on TCP alone, not udp"), "{}", refused.stderr);
    let mounted = |option: &str| {
        let volume = format!("{}:/data{option}", data.path().display());
        let mut command = without_daemon(&workspace);
        run(command.args(["run", "-q", &name, "--user", "0", "--volume", &volume, "--", "write", "/data/x"]))
    };
    mounted(":ro").fails_with(101);
    mounted("").ok();
    assert_eq!(fs::read_to_string(data.path().join("x")).expect("written"), "written\n");
    assert_eq!(
        tool("stat", ["-c", "%u", &data.path().join("x").to_string_lossy()]).ok().line(),
        tool("id", ["-u"]).ok().line()
    );
}
