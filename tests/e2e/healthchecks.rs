//! Health checks of images without a shell: the probe in them, which the daemon runs and tests wait for.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Container, LoadedImage, Workspace, tool, unique_name};

/// Answers on the port of its first argument, and well if it has written the file of its second one before.
const PROGRAM: &str = r#"
use std::io::{Read, Write};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments[1] == "well" {
        return;
    }
    if let Some(path) = arguments.get(2) {
        std::fs::write(path, "").unwrap();
    }
    for connection in std::net::TcpListener::bind(("0.0.0.0", arguments[1].parse().unwrap())).unwrap().incoming() {
        let (mut connection, mut request) = (connection.unwrap(), [0; 1024]);
        let length = connection.read(&mut request).unwrap_or(0);
        let is_well = arguments.len() == 3 && request[..length].starts_with(b"GET /healthz ");
        let status = if is_well { "200 OK" } else { "503 Not Well" };
        let _ = write!(connection, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
}
"#;

/// The table of an image with this health check and these tests.
fn table(name: &str, healthcheck: &str, tests: &str) -> String {
    format!(
        r#"[package]
name = "service"
version = "1.2.3"
edition = "2024"

[package.metadata.image]
name = "{name}"
expose = [8080]
user = "1000:1000"
directories = [{{ path = "/srv", owner = "1000:1000" }}]
healthcheck = {{ {healthcheck} }}
{tests}"#
    )
}

/// Waits until the daemon knows a container's health. Returns it with the output of the last check.
fn health(container: &Container) -> (String, String) {
    let format = "{{.State.Health.Status}} {{with .State.Health.Log}}{{(index . 0).Output}}{{end}}";
    let start = Instant::now();
    loop {
        let said = tool("docker", ["inspect", "-f", format, container.name()]).ok().stdout;
        let (status, output) = said.split_once(' ').expect("two words");
        if status != "starting" || start.elapsed() > Duration::from_secs(60) {
            return (status.to_owned(), output.trim().to_owned());
        }
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn probe_reports_health() {
    let name = unique_name();
    let reference = format!("{name}:latest");
    let workspace = Workspace::new("workspace")
        .file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"service\"]\n")
        .file("service/Cargo.toml", &table(&name, "http = 8080", ""))
        .file("service/src/main.rs", PROGRAM);
    let _image = LoadedImage::new(&reference);
    for (form, port, said) in [
        ("http = \"http://127.0.0.1:8080/healthz\"", 8080, "/healthz: the status is 503"),
        ("tcp = 8080", 8081, "nobody listens on port 8080"),
        ("file = \"/srv/ready\"", 8080, "/srv/ready is not there"),
    ] {
        let tests = format!(
            r#"[package.metadata.image.test.well]
command = ["8080", "/srv/ready"]
healthy-within = "30s"

[package.metadata.image.test.ill]
command = ["{port}"]
healthy-within = "4s"
"#
        );
        workspace.write("service/Cargo.toml", &table(&name, form, &tests));
        let failed = workspace.xtask(&["image"]).fails_with(12).error(workspace.root());
        assert!(failed.starts_with(&format!("error: the image `{name}` fails its test `ill`\n")), "{form}: {failed}");
        let problem = format!("it was not healthy within 4s; the last check ended with 1: \"{said}\"");
        assert!(failed.contains(&problem), "{form}: {failed}");
    }

    // As the daemon does it by itself.
    let healthcheck = "http = \"http://localhost:8080/healthz\", interval = \"1s\", retries = 1";
    workspace.write("service/Cargo.toml", &table(&name, healthcheck, ""));
    let made = workspace.xtask(&["image"]).ok();
    assert!(!made.stderr.contains("compile the probe"), "there is one for all of these: {}", made.stderr);
    let well = Container::start(&[
        "--read-only",
        "--cap-drop",
        "ALL",
        "--tmpfs",
        "/srv:uid=1000",
        &reference,
        "8080",
        "/srv/ready",
    ]);
    let ill = Container::start(&[&reference, "8081"]);
    assert_eq!(health(&well), ("healthy".into(), String::new()));
    assert_eq!(health(&ill), ("unhealthy".into(), "nobody listens on port 8080".into()));

    let probe = "/usr/libexec/tierce-probe";
    let why = workspace.xtask(&["why", &name, probe]).ok();
    assert!(why.stdout.ends_with(&format!("  {probe}: the probe of the health check\n")), "{}", why.stdout);
    let listing = Container::create(&reference).listing();
    let line = listing.lines().find(|line| line.ends_with(" usr/libexec/tierce-probe")).expect("it is there");
    assert!(line.starts_with("-rwxr-xr-x 0/0 "), "{line}");

    // Whose check is its own has no probe.
    workspace.write(
        "service/Cargo.toml",
        &table(
            &name,
            "cmd = [\"/usr/bin/service\", \"well\"], interval = \"1s\"",
            "[package.metadata.image.test.well]\ncommand = [\"8080\"]\nhealthy-within = \"30s\"\n",
        ),
    );
    let made = workspace.xtask(&["image"]).ok();
    assert!(made.stderr.contains("Passed well in "), "{}", made.stderr);
    assert!(!Container::create(&reference).listing().contains("tierce-probe"));
}
