//! The larger image: an HTTP service on emerged libraries, with a volume, on a read-only root and without any right.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Container, Ran, repository, run, tool, unique_name, xtask};

/// The answer to a request.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// A request over a connection of its own.
#[track_caller]
fn request(address: &str, method: &str, path: &str, body: &[u8]) -> Answer {
    let mut stream = connect(address);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("it reads the request");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("it answers");
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.unwrap_or_else(|| panic!("no status in {head}")), body: bytes[end + 4..].to_vec() }
}

/// A connection, as soon as the service listens.
#[track_caller]
fn connect(address: &str) -> TcpStream {
    let start = Instant::now();
    loop {
        match TcpStream::connect((address, 8080)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
                return stream;
            }
            Err(error) if start.elapsed() > Duration::from_secs(20) => panic!("{address}: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn fixture(name: &str) -> std::path::PathBuf {
    repository().join("images/thumbnailer/tests/fixtures").join(name)
}

fn picture(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).expect("a fixture")
}

/// The description of a picture by ImageMagick.
#[track_caller]
fn identify(path: &Path) -> String {
    let path = path.to_str().expect("UTF-8");
    tool("identify", ["-format", "%m %wx%h", path]).ok().stdout
}

/// How far two pictures are apart on average, of 1.
#[track_caller]
fn distance(thumbnail: &Path, original: &Path) -> f64 {
    let (thumbnail, original) = (thumbnail.to_str().expect("UTF-8"), original.to_str().expect("UTF-8"));
    let scaled = ["(", original, "-auto-orient", "-resize", "64x", ")"];
    let compared = ["-metric", "RMSE", "-compare", "-format", "%[distortion]", "info:"];
    let Ran { stdout, .. } = tool("convert", [thumbnail].iter().chain(&scaled).chain(&compared)).ok();
    stdout.trim().parse().unwrap_or_else(|_| panic!("no number: {stdout}"))
}

/// A volume that goes away with the test.
struct Volume(String);

impl Volume {
    fn new() -> Volume {
        let name = unique_name();
        tool("docker", ["volume", "create", &name]).ok();
        Volume(name)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        tool("docker", ["volume", "rm", "-f", &self.0]);
    }
}

#[test]
fn thumbnailer_serves_without_privileges() {
    let reference = run(xtask(repository()).args(["image", "thumbnailer"])).ok().line().to_owned();
    let volume = Volume::new();
    let mount = format!("{}:/var/lib/thumbnailer", volume.0);
    let service = Container::start(&["--cap-drop", "ALL", "--read-only", "-v", &mount, &reference]);
    let address = service.address();

    let health = request(&address, "GET", "/healthz", b"");
    assert_eq!((health.status, health.text()), (200, "ok"));

    let folder = tempfile::tempdir().expect("a folder");
    for (name, size) in [
        ("photo.jpg", "64x48"),
        ("progressive.jpg", "64x48"),
        ("rotated.jpg", "64x85"),
        ("alpha.png", "64x32"),
        ("interlaced.png", "64x48"),
    ] {
        let answer = request(&address, "POST", "/thumbnail?width=64", &picture(name));
        assert_eq!(answer.status, 200, "{name}: {}", String::from_utf8_lossy(&answer.body));
        let path = folder.path().join(format!("{name}.png"));
        fs::write(&path, &answer.body).expect("writable");
        let said = tool("file", ["--brief", path.to_str().expect("UTF-8")]).ok().stdout;
        assert!(said.starts_with("PNG image data, 64 x "), "{name}: {said}");
        assert_eq!(identify(&path), format!("PNG {size}"), "{name}");
        // A photo that was turned is upright, not just of the right shape.
        let distance = distance(&path, &fixture(name));
        assert!(distance < 0.1, "{name} is another picture: {distance}");
    }

    let refused: [(&str, &str, &[u8], u16, &str); 4] = [
        ("POST", "/thumbnail?width=64", b"junk", 400, "the body is neither a JPEG nor a PNG\n"),
        ("POST", "/thumbnail?width=0", b"", 400, "the width is no number from 1 to 4096\n"),
        (
            "POST",
            "/thumbnail?width=64",
            &picture("bomb.png"),
            413,
            "the image has 60000 x 60000 pixels, more than 64000000 in all\n",
        ),
        ("POST", "/thumbnail?width=64", &vec![0; (32 << 20) + 1], 413, "the body has more than 33554432 bytes\n"),
    ];
    for (method, path, body, status, reason) in refused {
        let answer = request(&address, method, path, body);
        assert_eq!((answer.status, answer.text()), (status, reason), "{method} {path}");
    }

    let stats = request(&address, "GET", "/stats", b"");
    let counts: serde_json::Value = serde_json::from_slice(&stats.body).expect("JSON");
    assert_eq!((&counts["jpeg"], &counts["png"], &counts["refused"]), (&3.into(), &2.into(), &4.into()));

    // After one second Docker would kill it, which gives 137.
    tool("docker", ["stop", "--time", "1", service.name()]).ok();
    let code = tool("docker", ["inspect", "-f", "{{.State.ExitCode}}", service.name()]).ok();
    assert_eq!(code.line(), "0", "SIGTERM stops it within a second");

    tool("docker", ["start", service.name()]).ok();
    let kept = request(&service.address(), "GET", "/stats", b"");
    assert_eq!(kept.text(), stats.text(), "the volume keeps the counts");
}

#[test]
fn volume_folder_belongs_to_service() {
    let reference = run(xtask(repository()).args(["image", "thumbnailer"])).ok().line().to_owned();
    let listing = Container::create(&reference).listing();
    let folder = listing.lines().find(|line| line.ends_with(" var/lib/thumbnailer/"));
    let folder = folder.unwrap_or_else(|| panic!("no such folder:\n{listing}"));
    assert!(folder.starts_with("drwxr-x--- 1000/1000 "), "{folder}");
    // The folder above it is not the service's.
    let above = listing.lines().find(|line| line.ends_with(" var/lib/")).expect("it is there");
    assert!(above.starts_with("drwxr-xr-x 0/0 "), "{above}");
}
