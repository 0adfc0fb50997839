//! The bytes that a load sends to the daemon, measured at the socket, and the daemon's result.

use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::support::{Ran, Workspace, daemon_socket, run, tool};

/// A socket before the daemon's, which counts the bytes to the daemon.
struct Meter {
    folder: tempfile::TempDir,
    sent: Arc<AtomicU64>,
}

impl Meter {
    fn start() -> Meter {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a new socket");
        let sent = Arc::new(AtomicU64::new(0));
        let daemon = daemon_socket();
        let count = Arc::clone(&sent);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let daemon = UnixStream::connect(&daemon).expect("the daemon answers");
                let (client_too, daemon_too) =
                    (client.try_clone().expect("a copy"), daemon.try_clone().expect("a copy"));
                let count = Arc::clone(&count);
                thread::spawn(move || pass_on(client, daemon, &count));
                thread::spawn(move || pass_on(daemon_too, client_too, &AtomicU64::new(0)));
            }
        });
        Meter { folder, sent }
    }

    /// Builds the workspace's image by way of this socket; the bytes that it took.
    fn image(&self, workspace: &Workspace) -> (Ran, u64) {
        let before = self.sent.load(Ordering::Relaxed);
        let host = format!("unix://{}", self.folder.path().join("docker.sock").display());
        let ran = run(workspace.command().env("DOCKER_HOST", host).args(["image", "--format", "json"])).ok();
        (ran, self.sent.load(Ordering::Relaxed) - before)
    }
}

fn pass_on(mut from: UnixStream, mut to: UnixStream, count: &AtomicU64) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        count.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A number of the report of the only image.
fn number(ran: &Ran, pointer: &str) -> u64 {
    let reports: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    reports.pointer(pointer).and_then(serde_json::Value::as_u64).unwrap_or_else(|| panic!("{pointer}: {reports}"))
}

#[test]
fn only_missing_layers_are_sent() {
    /// For requests, documents and the archive's headers.
    const BESIDE: u64 = 64 << 10;
    let workspace = Workspace::with_package("loading", "name = \"loading-part\"", "");
    let meter = Meter::start();
    let (ran, bytes) = meter.image(&workspace);
    let (image, sent) = (number(&ran, "/0/sizes/image"), number(&ran, "/0/sent"));
    // Less where another test has left an image with the same libc.
    assert!(sent < bytes && bytes < image + BESIDE, "{image} in layers, {sent} sent, {bytes} measured");

    let manifest = fs::read_to_string(workspace.root().join("loading/Cargo.toml")).expect("written above");

    // The program alone is another one: so is the last layer.
    workspace.write("loading/src/main.rs", "fn main() { println!(\"another line\"); }\n");
    let (ran, bytes) = meter.image(&workspace);
    let reports: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let layers = reports[0]["layers"].as_array().expect("layers");
    let program = layers.last().and_then(|layer| layer["size"].as_u64()).expect("a size");
    let sent = number(&ran, "/0/sent");
    assert!(program < image / 2, "{program} of {image}");
    assert!(program < sent && sent < bytes && bytes < program + BESIDE, "{program}: {sent} sent, {bytes} measured");
    assert_eq!(tool("docker", ["run", "--rm", "loading-part"]).ok().stdout, "another line\n");

    // An image that never had this name shares all layers with the one that has another.
    workspace.write("loading/Cargo.toml", &manifest.replace("loading-part", "loading-new"));
    let (_, bytes) = meter.image(&workspace);
    assert!(bytes < BESIDE, "{bytes}");
    workspace.write("loading/Cargo.toml", &manifest);
    tool("docker", ["rmi", "loading-new:latest"]).ok();

    // The daemon has the image, under another name: nothing is sent.
    tool("docker", ["tag", "loading-part:latest", "loading-part:kept"]).ok();
    tool("docker", ["rmi", "loading-part:latest"]).ok();
    let (ran, bytes) = meter.image(&workspace);
    assert_eq!(number(&ran, "/0/sent"), 0);
    assert!(bytes < BESIDE, "{bytes}");

    // It has nothing of it: everything is sent, and it runs.
    tool("docker", ["rmi", "loading-part:latest", "loading-part:kept"]).ok();
    let (ran, bytes) = meter.image(&workspace);
    assert!(number(&ran, "/0/sent") <= bytes && bytes < image + BESIDE);
    assert_eq!(tool("docker", ["run", "--rm", "loading-part"]).ok().stdout, "another line\n");
}
