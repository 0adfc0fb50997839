//! The service as a whole: a real process, real sockets, real pictures.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const PHOTO: &[u8] = include_bytes!("fixtures/photo.jpg");
const ALPHA: &[u8] = include_bytes!("fixtures/alpha.png");
const BOMB: &[u8] = include_bytes!("fixtures/bomb.png");

/// A running service, killed when the test is over however it ends.
struct Service {
    process: Child,
    address: SocketAddr,
    // Held open: a service whose stderr is closed is another case.
    _stderr: BufReader<ChildStderr>,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thumbnailer"));
    command.env("THUMBNAILER_LISTEN", "127.0.0.1:0").env("THUMBNAILER_DATA", data).stderr(Stdio::piped());
    command
}

impl Service {
    fn start(data: &Path) -> Self {
        let mut process = command(data).spawn().unwrap();
        let mut stderr = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("thumbnailer: listening on ").unwrap_or_else(|| panic!("{line}"));
        Self { process, address: address.parse().unwrap(), _stderr: stderr }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    fn request(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        )
        .unwrap();
        stream.write_all(body).unwrap();
        Answer::read(stream)
    }

    fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        let status = Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, signal, &process]).status().unwrap();
        assert!(status.success());
    }
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head, body: bytes[end + 4..].to_vec() }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Width and height of a PNG, from its IHDR chunk.
    fn png_size(&self) -> (u32, u32) {
        assert_eq!((self.status, &self.body[..8]), (200, b"\x89PNG\r\n\x1a\n".as_slice()), "{}", self.head);
        assert!(self.head.contains("content-type: image/png"), "{}", self.head);
        let number = |at: usize| u32::from_be_bytes(self.body[at..at + 4].try_into().unwrap());
        (number(16), number(20))
    }
}

fn service() -> (TempDir, Service) {
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(data.path());
    (data, service)
}

#[test]
fn pictures_become_thumbnails_and_are_counted() {
    let (data, mut service) = service();
    assert_eq!(service.request("GET", "/healthz", b"").text(), "ok");
    assert_eq!(service.request("POST", "/thumbnail?width=64", PHOTO).png_size(), (64, 48));
    let png = service.request("POST", "/thumbnail?width=50", ALPHA);
    assert_eq!(png.png_size(), (50, 25));
    assert_eq!(service.request("POST", "/thumbnail?width=64", b"junk").status, 400);

    let stats = service.request("GET", "/stats", b"");
    assert!(stats.head.contains("content-type: application/json"));
    let stats: serde_json::Value = serde_json::from_slice(&stats.body).unwrap();
    let received = PHOTO.len() + ALPHA.len();
    assert_eq!((&stats["jpeg"], &stats["png"], &stats["refused"]), (&1.into(), &1.into(), &1.into()));
    assert_eq!(stats["bytes_received"], received);

    service.signal("TERM");
    assert!(service.process.wait().unwrap().success());
    drop(service);
    let again = Service::start(data.path());
    let kept: serde_json::Value = serde_json::from_slice(&again.request("GET", "/stats", b"").body).unwrap();
    assert_eq!(kept, stats, "counts outlive the process");
}

#[test]
fn bad_requests_get_a_status_and_a_reason() {
    let (_data, service) = service();
    let truncated = &PHOTO[..PHOTO.len() - 100];
    let cases: [(&str, &str, &[u8], u16, &str); 9] = [
        ("POST", "/thumbnail?width=64", b"", 400, "the body is neither a JPEG nor a PNG\n"),
        ("POST", "/thumbnail?width=64", truncated, 400, "failed to decode the JPEG: Premature end of JPEG file\n"),
        ("POST", "/thumbnail?width=64", BOMB, 413, "the image has 60000 x 60000 pixels, more than 64000000 in all\n"),
        ("POST", "/thumbnail", PHOTO, 400, "the query has no width: POST /thumbnail?width=N\n"),
        ("POST", "/thumbnail?width=x", PHOTO, 400, "the width is no number from 1 to 4096\n"),
        ("GET", "/thumbnail?width=64", b"", 405, "the methods here are: POST\n"),
        ("POST", "/healthz", b"", 405, "the methods here are: GET, HEAD\n"),
        ("DELETE", "/stats", b"", 405, "the methods here are: GET, HEAD\n"),
        ("GET", "/", b"", 404, "there is nothing here\n"),
    ];
    for (method, path, body, status, reason) in cases {
        let answer = service.request(method, path, body);
        assert_eq!((answer.status, answer.text()), (status, reason), "{method} {path}");
    }
}

#[test]
fn a_body_too_large_is_refused() {
    let (_data, service) = service();
    // This client waits for an interim response before it sends.
    let mut stream = service.connect();
    stream
        .write_all(b"POST /thumbnail?width=9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n")
        .unwrap();
    assert_eq!(Answer::read(stream).status, 413);
    // This client sends at once.
    let body = vec![0; (32 << 20) + 1];
    assert_eq!(service.request("POST", "/thumbnail?width=9", &body).status, 413);
    // This client does not announce the length.
    let mut stream = service.connect();
    stream
        .write_all(
            b"POST /thumbnail?width=9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
        )
        .unwrap();
    write!(stream, "{:x}\r\n", body.len()).unwrap();
    stream.write_all(&body).unwrap();
    stream.write_all(b"\r\n0\r\n\r\n").unwrap();
    assert_eq!(Answer::read(stream).status, 413);
    // The service reads the largest allowed body.
    assert_eq!(service.request("POST", "/thumbnail?width=9", &body[1..]).status, 400);
}

#[test]
fn connections_serve_many_requests_in_parallel() {
    let (_data, service) = service();
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                for width in 1..=5 {
                    assert_eq!(
                        service.request("POST", &format!("/thumbnail?width={width}"), PHOTO).png_size().0,
                        width
                    );
                }
            });
        }
    });
    let mut stream = service.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = [0; 512];
        let length = stream.read(&mut answer).unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200 OK"));
    }
}

#[test]
fn signals_stop_it_at_once_even_with_open_connections() {
    for signal in ["TERM", "INT"] {
        let (data, mut service) = service();
        // One connection sends nothing; one is kept alive after a response.
        let _silent = service.connect();
        let mut idle = service.connect();
        idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let _ = idle.read(&mut [0; 512]).unwrap();
        service.request("POST", "/thumbnail?width=9", PHOTO);

        let start = Instant::now();
        service.signal(signal);
        let status = service.process.wait().unwrap();
        assert!(status.success(), "{signal}: {status}");
        assert!(start.elapsed() < Duration::from_millis(1500), "{signal}: {:?}", start.elapsed());
        let names: Vec<_> = data.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["stats.sqlite"], "the database is closed");
    }
}

#[test]
fn failed_start_prints_the_cause() {
    let data = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let cases = [
        (data.path().join("missing"), "127.0.0.1:0", "thumbnailer: failed to open the counts in `"),
        (
            data.path().to_owned(),
            "8080",
            "thumbnailer: failed to read THUMBNAILER_LISTEN: `8080` is no address and port",
        ),
        (data.path().to_owned(), &taken, "thumbnailer: failed to listen on `127.0.0.1:"),
    ];
    for (folder, listen, expected) in cases {
        let output = command(&folder).env("THUMBNAILER_LISTEN", listen).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with(expected), "{stderr}");
        assert_eq!(output.status.code(), Some(1));
    }
}
