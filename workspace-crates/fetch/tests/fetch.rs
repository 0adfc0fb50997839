//! Downloads from an HTTP server with the faults of mirrors.

mod server;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use server::{Answer, Server};
use sha2::{Digest, Sha256};
use tierce_fetch::{Checksum, Download, Error, ErrorKind, Event, Integrity, Options, Summary, fetch};

/// Bytes that do not repeat within a buffer.
fn content(size: usize) -> Vec<u8> {
    (0..size as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn sha256(content: &[u8]) -> Checksum {
    Checksum::Sha256(hex::encode(Sha256::digest(content)))
}

fn item(folder: &Path, name: &str, urls: &[String], content: &[u8]) -> Download {
    Download {
        name: name.to_owned(),
        urls: urls.to_vec(),
        destination: folder.join("cache").join(name),
        size: Some(content.len() as u64),
        integrity: Integrity::Checksums(vec![sha256(content)]),
    }
}

fn options() -> Options {
    Options {
        retries: 2,
        backoff: Duration::from_millis(10),
        read_timeout: Duration::from_millis(500),
        ..Options::default()
    }
}

fn run(items: &[Download], options: &Options) -> Result<Summary, Error> {
    fetch(items, options, &AtomicBool::new(false), &|_| {})
}

fn part(item: &Download) -> PathBuf {
    PathBuf::from(format!("{}.part", item.destination.display()))
}

/// The error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

/// The error's text with the server's port and the test's folder replaced.
fn shown(error: &Error, server: &Server, folder: &Path) -> String {
    let address = server.url("");
    chain(error).replace(&address, "http://mirror.example").replace(folder.to_str().unwrap(), "FOLDER")
}

#[test]
fn second_run_sends_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let data = content(300_000);
    let server = Server::start(&[("/a", &[Answer::File(data.clone())])]);
    let items = [item(folder.path(), "a", &[server.url("/a")], &data)];
    assert_eq!(run(&items, &options()).unwrap(), Summary { present: 0, downloaded: 1, received: 300_000 });
    assert_eq!(fs::read(&items[0].destination).unwrap(), data);
    assert!(!part(&items[0]).exists());
    assert_eq!(run(&items, &options()).unwrap(), Summary { present: 1, downloaded: 0, received: 0 });
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn damaged_file_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let data = content(1000);
    let server = Server::start(&[("/a", &[Answer::File(data.clone())])]);
    let items = [item(folder.path(), "a", &[server.url("/a")], &data)];
    fs::create_dir_all(items[0].destination.parent().unwrap()).unwrap();
    fs::write(&items[0].destination, &data[..10]).unwrap();
    assert_eq!(run(&items, &options()).unwrap().downloaded, 1, "another size");
    let mut damaged = data.clone();
    damaged[5] ^= 1;
    fs::write(&items[0].destination, &damaged).unwrap();
    assert_eq!(run(&items, &options()).unwrap().present, 1, "the same size is trusted");
    assert_eq!(run(&items, &Options { verify_present: true, ..options() }).unwrap().downloaded, 1, "unless asked for");
    assert_eq!(fs::read(&items[0].destination).unwrap(), data);
}

#[test]
fn faulty_mirrors_do_not_fail_a_download() {
    let data = content(200_000);
    let status = |status| Answer::Status(status, String::new());
    let cut = |bytes| Answer::Cut(data.clone(), bytes);
    let good = Answer::File(data.clone());
    let mut other = data.clone();
    other[199_999] ^= 1;
    // Name, answers of the first mirror, answers of the second, requests.
    let cases: Vec<(&str, Vec<Answer>, Vec<Answer>, usize)> = vec![
        ("a cut connection is continued", vec![cut(70_000), good.clone()], vec![], 2),
        ("cut twice", vec![cut(70_000), cut(50_000), good.clone()], vec![], 3),
        ("the range is ignored", vec![cut(70_000), Answer::WholeFile(data.clone())], vec![], 2),
        ("404, then the other mirror", vec![status(404)], vec![good.clone()], 2),
        ("503, then better", vec![status(503), good.clone()], vec![], 2),
        ("503, then the other mirror", vec![status(503)], vec![good.clone()], 2),
        ("429 with a wait", vec![Answer::Status(429, "Retry-After: 0\r\n".to_owned()), good.clone()], vec![], 2),
        ("a wrong digest, then the other mirror", vec![Answer::File(other.clone())], vec![good.clone()], 2),
        ("a wrong size, then the other mirror", vec![Answer::File(content(5))], vec![good.clone()], 2),
        ("a stalled server, continued", vec![Answer::Stall(data.clone(), 70_000), good.clone()], vec![], 2),
        (
            "another file's beginning, then the whole file",
            vec![Answer::Cut(other.iter().rev().copied().collect(), 70_000), good.clone()],
            vec![],
            3,
        ),
        (
            "a new version meanwhile",
            vec![Answer::Cut(other.clone(), 70_000), Answer::Tagged("\"new\"", data.clone())],
            vec![],
            2,
        ),
        ("a redirect", vec![Answer::Status(302, "Location: /target\r\n".to_owned())], vec![], 2),
    ];
    for (name, first, second, requests) in cases {
        let folder = tempfile::tempdir().unwrap();
        let mut answers = vec![("/first", first.as_slice()), ("/target", std::slice::from_ref(&good))];
        if !second.is_empty() {
            answers.push(("/second", second.as_slice()));
        }
        let server = Server::start(&answers);
        let mut urls = vec![server.url("/first")];
        urls.extend((!second.is_empty()).then(|| server.url("/second")));
        let items = [item(folder.path(), "a", &urls, &data)];
        let summary = run(&items, &options()).unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        assert_eq!(summary.downloaded, 1, "{name}");
        assert_eq!(fs::read(&items[0].destination).unwrap(), data, "{name}");
        assert_eq!(server.requests().len(), requests, "{name}: {:?}", server.requests());
        assert!(!part(&items[0]).exists(), "{name}");
    }
}

#[test]
fn resumed_download_requests_the_same_version() {
    let folder = tempfile::tempdir().unwrap();
    let data = content(200_000);
    let server =
        Server::start(&[("/a", &[Answer::Cut(data.clone(), 70_000), Answer::Tagged("\"cut\"", data.clone())])]);
    let items = [item(folder.path(), "a", &[server.url("/a")], &data)];
    let summary = run(&items, &options()).unwrap();
    let headers = &server.requests()[1].headers;
    assert_eq!(headers["range"], "bytes=70000-");
    assert_eq!(headers["if-range"], "\"cut\"");
    assert_eq!(summary.received, 200_000, "nothing came twice");
}

#[test]
fn later_run_continues_a_part() {
    let data = content(200_000);
    let cases: &[(&str, &[u8], u64)] = &[
        ("a good beginning", &data[..150_000], 50_000),
        ("a whole file that was not renamed", &data, 0),
        ("a wrong beginning", &[0; 150_000], 250_000),
        ("more than the file has", &[0; 200_001], 200_000),
        ("a wrong file of the right size", &[0; 200_000], 200_000),
    ];
    for (name, left, received) in cases {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&[("/a", &[Answer::File(data.clone())])]);
        let items = [item(folder.path(), "a", &[server.url("/a")], &data)];
        fs::create_dir_all(items[0].destination.parent().unwrap()).unwrap();
        fs::write(part(&items[0]), left).unwrap();
        let summary = run(&items, &options()).unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
        assert_eq!(summary.received, *received, "{name}");
        assert_eq!(fs::read(&items[0].destination).unwrap(), data, "{name}");
    }
}

#[test]
fn errors_name_file_url_and_cause() {
    let data = content(100);
    let status = |status| vec![Answer::Status(status, String::new())];
    let mut other = data.clone();
    other[0] = 0xFF;
    let cases = [
        status(404),
        status(403),
        status(503),
        vec![Answer::File(other)],
        vec![Answer::File(content(99))],
        vec![Answer::File(content(101))],
        vec![Answer::Cut(data.clone(), 10), Answer::Status(404, String::new())],
        vec![Answer::Status(302, "Location: ftp://x.example/\r\n".to_owned())],
        vec![Answer::Status(302, "Location: /a\r\n".to_owned())],
    ];
    let mut texts = Vec::new();
    for answers in cases {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&[("/a", &answers)]);
        let url = server.url("/a").replace("http://", "http://user:secret@");
        let items = [item(folder.path(), "a", &[url], &data)];
        let error = run(&items, &options()).unwrap_err();
        texts.push(
            shown(&error, &server, folder.path())
                .replace(server.url("").trim_start_matches("http://"), "mirror.example"),
        );
        assert!(!items[0].destination.exists(), "{error}");
        let left = fs::metadata(part(&items[0])).map(|part| part.len()).ok();
        assert_eq!(left, (texts.len() == 7).then_some(10), "only a part that can continue stays: {error}");
    }
    insta::assert_snapshot!(texts.join("\n"), @r"
    failed to fetch `a`: `http://***@mirror.example/a` does not exist (status 404)
    failed to fetch `a`: `http://***@mirror.example/a` answered with status 403; check the credentials and the URL
    failed to fetch `a`: `http://***@mirror.example/a` answered with status 503
    failed to fetch `a`: `http://***@mirror.example/a` has the SHA-256 digest 7f985e7bab458d835bb31c8a67b970d60251e7b931a10d5cc912363abf03a01b, not 76f01f23bbe35316f9a543ca06c1ab3029823195d04bbd30f80e3abfbd8428e1; the mirror serves another file
    failed to fetch `a`: `http://***@mirror.example/a` has 99 bytes, not 100; the mirror serves another file
    failed to fetch `a`: `http://***@mirror.example/a` has 101 bytes, not 100; the mirror serves another file
    failed to fetch `a`: `http://***@mirror.example/a` cannot be reached: Peer disconnected; check the network, and the proxy settings in the environment
    failed to fetch `a`: `http://***@mirror.example/a` redirects to a URL that is not http or https
    failed to fetch `a`: `http://***@mirror.example/a` redirects too many times
    ");
}

#[test]
fn unverified_file_is_downloaded_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let data = content(100);
    let server = Server::start(&[("/a", &[Answer::File(data.clone()), Answer::File(b"new".to_vec())])]);
    let offline = Options { offline: true, ..options() };
    let checked = item(folder.path(), "checked", &[server.url("/a")], &data);
    let error = run(std::slice::from_ref(&checked), &offline).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Offline { .. }));
    insta::assert_snapshot!(shown(&error, &server, folder.path()),
        @"failed to fetch `checked`: `FOLDER/cache/checked` does not exist and --offline forbids the download; run once without --offline");
    assert!(!folder.path().join("cache").exists(), "nothing is left");

    let unverified = Download {
        size: None,
        integrity: Integrity::Unverified,
        ..item(folder.path(), "InRelease", &[server.url("/a")], &data)
    };
    assert!(run(std::slice::from_ref(&unverified), &offline).is_err());
    assert_eq!(run(std::slice::from_ref(&unverified), &options()).unwrap().downloaded, 1);
    assert_eq!(run(std::slice::from_ref(&unverified), &offline).unwrap().present, 1);
    assert_eq!(
        run(std::slice::from_ref(&unverified), &options()).unwrap().downloaded,
        1,
        "online it is downloaded again"
    );
    assert_eq!(fs::read(&unverified.destination).unwrap(), b"new");
}

#[test]
fn invalid_requests_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let good = item(folder.path(), "a", &[], b"x");
    let with = |integrity| Download { integrity, ..good.clone() };
    let cases = [
        good.clone(),
        with(Integrity::Checksums(vec![])),
        with(Integrity::Checksums(vec![Checksum::Sha512("00".to_owned())])),
        Download { urls: vec!["file:///etc/passwd".to_owned()], ..good.clone() },
        Download { urls: vec!["http://user:secret@".to_owned()], ..good.clone() },
    ];
    let texts: Vec<String> = cases
        .iter()
        .map(|item| run(std::slice::from_ref(item), &options()).unwrap_err())
        .map(|error| chain(&error))
        .collect();
    insta::assert_snapshot!(texts.join("\n"), @r#"
    failed to fetch `a`: it has no URL
    failed to fetch `a`: it has no checksum
    failed to fetch `a`: `Sha512("00")` is not a SHA-512 digest
    failed to fetch `a`: `file:///etc/passwd` is not an http or https URL
    failed to fetch `a`: `http://***@` is not an http or https URL
    "#);
}

#[test]
fn downloads_respect_the_connection_limit() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<(String, Vec<u8>)> = (0..40).map(|at| (format!("/{at}"), content(10_000 + at))).collect();
    let answers: Vec<(String, Vec<Answer>)> =
        files.iter().map(|(path, data)| (path.clone(), vec![Answer::File(data.clone())])).collect();
    let borrowed: Vec<(&str, &[Answer])> =
        answers.iter().map(|(path, list)| (path.as_str(), list.as_slice())).collect();
    let server = Server::start(&borrowed);
    let items: Vec<Download> =
        files.iter().map(|(path, data)| item(folder.path(), &path[1..], &[server.url(path)], data)).collect();
    let finished = Mutex::new(0);
    let count = |event: Event<'_>| {
        if matches!(event, Event::Finished { .. }) {
            *finished.lock().unwrap() += 1;
        }
    };
    let summary = fetch(&items, &Options { connections: 3, ..options() }, &AtomicBool::new(false), &count).unwrap();
    assert_eq!((summary.downloaded, *finished.lock().unwrap()), (40, 40));
    assert!(server.connections() <= 3, "{} connections", server.connections());
}

#[test]
fn interruption_ends_a_stalled_download() {
    let folder = tempfile::tempdir().unwrap();
    let data = content(100_000);
    let server = Server::start(&[("/a", &[Answer::Stall(data.clone(), 70_000)])]);
    let items = [item(folder.path(), "a", &[server.url("/a")], &data)];
    let interrupted = AtomicBool::new(false);
    let patient = Options { read_timeout: Duration::from_secs(60), ..options() };
    let start = Instant::now();
    let interrupt = |event: Event<'_>| {
        if matches!(event, Event::Received { .. }) {
            interrupted.store(true, Ordering::SeqCst);
        }
    };
    let error = fetch(&items, &patient, &interrupted, &interrupt).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Interrupted), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(!items[0].destination.exists());
    assert!(part(&items[0]).metadata().unwrap().len() > 0, "the next run continues the part");
}

#[test]
fn fetch_waits_for_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = content(1000);
    let server = Server::start(&[("/a", &[Answer::File(data.clone())])]);
    let items = [item(folder.path(), "a", &[server.url("/a")], &data)];
    fs::create_dir_all(items[0].destination.parent().unwrap()).unwrap();
    // The other process: an open file of its own holds the lock as another process would.
    let other = File::create(part(&items[0])).unwrap();
    other.lock().unwrap();
    let is_waiting = AtomicBool::new(false);
    let progress = |event: Event<'_>| {
        if matches!(event, Event::Waiting { .. }) {
            is_waiting.store(true, Ordering::SeqCst);
        }
    };
    thread::scope(|scope| {
        let ours = scope.spawn(|| fetch(&items, &options(), &AtomicBool::new(false), &progress));
        while !is_waiting.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        fs::write(part(&items[0]), &data).unwrap();
        fs::rename(part(&items[0]), &items[0].destination).unwrap();
        drop(other);
        assert_eq!(ours.join().unwrap().unwrap(), Summary { present: 1, downloaded: 0, received: 0 });
    });
    assert!(server.requests().is_empty());
    assert!(!part(&items[0]).exists());
}

#[test]
fn redirect_target_gets_no_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let data = content(100);
    let target = Server::start(&[("/a", &[Answer::File(data.clone())])]);
    let location = format!("Location: {}\r\n", target.url("/a").replace("127.0.0.1", "localhost"));
    let server = Server::start(&[("/a", &[Answer::Status(302, location)])]);
    let url = server.url("/a").replace("http://", "http://user:secret@");
    run(&[item(folder.path(), "a", &[url], &data)], &options()).unwrap();
    assert_eq!(server.requests()[0].headers["authorization"], "Basic dXNlcjpzZWNyZXQ=");
    assert!(!target.requests()[0].headers.contains_key("authorization"));
}

#[test]
fn slow_server_is_left_for_another() {
    let folder = tempfile::tempdir().unwrap();
    let data = content(20_000);
    let drip = Answer::Drip(data.clone(), Duration::from_millis(20));
    let server = Server::start(&[("/slow", &[drip]), ("/fast", &[Answer::File(data.clone())])]);
    let impatient = Options { least_bytes: 1000, rate_window: Duration::from_millis(300), ..options() };
    let start = Instant::now();
    let items = [item(folder.path(), "a", &[server.url("/slow"), server.url("/fast")], &data)];
    let summary = run(&items, &impatient).unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(summary.downloaded, 1);
    let alone = [item(folder.path(), "b", &[server.url("/slow")], &data)];
    let error = run(&alone, &impatient).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Slow { received: 1..1000, least: 1000, .. }), "{}", chain(&error));
    assert!(chain(&error).contains("Tierce expects at least 1000; check the network"), "{}", chain(&error));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}
