//! A killed run keeps finished packages, downloads and loaded images; its unfinished files are removed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::ebuilds::with_repository;
use crate::running::{OwnCache, Running, program, warm_up};
use crate::support::{LoadedImage, Workspace, repository, run, tool, unique_name};

/// The workspace with the lock that says which Debian packages the builder of all tests has.
pub(crate) fn with_known_builder(workspace: Workspace) -> Workspace {
    warm_up();
    let lock = std::fs::read_to_string(repository().join("Tierce.lock")).expect("this repository has a lock");
    workspace.file("Tierce.lock", &lock)
}

/// The binary packages of a cache.
fn binpkgs(cache: &OwnCache) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(cache.path().join("binpkgs")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "tar")).collect()
}

#[test]
fn killed_run_keeps_compiled_packages() {
    let slow = "KEYWORDS=\"amd64\"\nDEPEND=\"media-libs/quick\"\n";
    let workspace = with_known_builder(with_repository("packages = [\"media-libs/slow\", \"media-libs/quick\"]"))
        .library("quick", "int quick(void) { return 1; }\n")
        .ebuild("slow", &format!("{slow}src_compile() {{ sleep 600; }}\n"));
    // The downloads of all tests' cache, without this workspace's own.
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    let known = binpkgs(&cache);
    for signal in ["INT", "KILL"] {
        let mut running = Running::start(cache.image(workspace.root()).args(["--layout", "layout"]));
        running.wait_for("Built media-libs/quick-1");
        running.signal(signal);
        running.end();
        let new: Vec<PathBuf> = binpkgs(&cache).into_iter().filter(|path| !known.contains(path)).collect();
        let text = format!("{new:?}");
        assert!(!new.is_empty(), "the library is kept after {signal}");
        if signal == "INT" {
            // Compiled again in the next round.
            new.iter().for_each(|path| std::fs::remove_file(path).unwrap_or_else(|_| panic!("{text}")));
        }
    }
    workspace.write("overlay/media-libs/slow/slow-1.ebuild", &{
        let text = std::fs::read_to_string(workspace.root().join("overlay/media-libs/slow/slow-1.ebuild"));
        text.expect("it is there").replace("sleep 600", "true")
    });
    let ran = run(cache.image(workspace.root()).args(["--layout", "layout"])).ok();
    assert!(ran.stderr.contains("Built media-libs/slow-1"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("Built media-libs/quick-1"), "{}", ran.stderr);
}

/// A workspace with a package that downloads one large file, from a server that halts in the middle.
pub(crate) struct LargeDownload {
    pub(crate) workspace: Workspace,
    pub(crate) cache: OwnCache,
    /// The file's name, which no other test uses: the cache has the sources of all workspaces in one folder.
    pub(crate) file: String,
    length: usize,
    ranges: Arc<Mutex<Vec<String>>>,
}

impl LargeDownload {
    /// The file has `lines` lines of 17 bytes.
    pub(crate) fn new(lines: usize) -> LargeDownload {
        let content: &'static str = Box::leak("one line of many\n".repeat(lines).into_boxed_str());
        let (address, ranges) = halting_server(content);
        let file = format!("{}.txt", unique_name());
        let url = format!("{address}/{file}");
        let workspace = with_known_builder(with_repository("packages = [\"media-libs/large\"]"));
        let workspace = workspace.downloaded("large", &file, &url, content);
        let cache = OwnCache::new(&["debs", "wheels", "binpkgs"]);
        LargeDownload { workspace, cache, file, length: content.len(), ranges }
    }
}

/// A server of one file that gives half of it at first, and then falls silent. Gives its address and the ranges that it was
/// asked for.
pub(crate) fn halting_server(content: &'static str) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let ranges = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&ranges);
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().expect("a socket")).lines();
            let lines: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let range =
                lines.iter().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: ").map(str::to_owned));
            asked.lock().expect("no panic").push(range.clone().unwrap_or_default());
            let from =
                range.and_then(|range| range.strip_prefix("bytes=")?.trim_end_matches('-').parse::<usize>().ok());
            let (whole, rest) = (content.len(), &content[from.unwrap_or(0)..]);
            let (status, range) = match from {
                Some(from) => ("206 Partial Content", format!("Content-Range: bytes {from}-{}/{whole}\r\n", whole - 1)),
                None => ("200 OK", "Accept-Ranges: bytes\r\nETag: \"1\"\r\n".to_owned()),
            };
            let sent = if from.is_some() { rest } else { &rest[..whole / 2] };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nETag: \"1\"\r\n{range}Content-Length: {}\r\n\r\n{sent}",
                rest.len()
            );
            let _ = stream.flush();
            silent.push(stream);
        }
    });
    (address, ranges)
}

#[test]
fn killed_download_resumes() {
    let LargeDownload { workspace, cache, file, length, ranges } = LargeDownload::new(40_000);
    let image = || {
        let mut command = cache.image(workspace.root());
        command.args(["--layout", "layout"]);
        command
    };
    let running = Running::start(&mut image());
    let distfiles = cache.path().join("distfiles");
    let size = |folder: &Path| {
        let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).max().unwrap_or(0)
    };
    let mut running = running;
    running.wait_until("half of it is there", |_| size(&distfiles) >= length as u64 / 2);
    running.signal("KILL");
    running.end();
    run(&mut image()).ok();
    let ranges = ranges.lock().expect("no panic").clone();
    assert_eq!(ranges, ["".to_owned(), format!("bytes={}-", length / 2)]);
    let left: Vec<_> = std::fs::read_dir(&distfiles).expect("there").flatten().map(|file| file.file_name()).collect();
    assert!(left.iter().any(|name| *name == *file), "{left:?}");
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{left:?}");
}

#[test]
fn killed_pip_folder_is_removed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let index = format!("http://{}/simple", listener.local_addr().expect("it is bound"));
    let name = unique_name();
    let workspace = with_known_builder(Workspace::with_package(&name, "", &format!("python-index = {index:?}")));
    let cache = OwnCache::new(&["debs"]);
    let wheels = cache.path().join("wheels");
    let count = || std::fs::read_dir(&wheels).into_iter().flatten().count();
    let mut running = Running::start(&mut cache.image(workspace.root()));
    running.wait_for("Running fetch-builder");
    let (connection, _) = listener.accept().expect("pip asks its index");
    running.signal("KILL");
    running.end();
    assert_eq!(count(), 1, "where pip was at work");
    drop((connection, listener));
    run(cache.image(workspace.root()).arg("--offline")).fails_with(5);
    assert_eq!(count(), 0);
}

/// A proxy of the daemon that never answers a request to tag an image, and reports such a request.
pub(crate) fn nameless_daemon(folder: &Path) -> (String, Arc<AtomicBool>) {
    let socket = folder.join("docker.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let asked = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&asked);
    let real = tool("docker", ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]).ok();
    let real = real.line().trim_start_matches("unix://").to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let daemon = UnixStream::connect(&real).expect("the daemon runs");
            let (mut from, mut to) = (daemon.try_clone().expect("a socket"), client.try_clone().expect("a socket"));
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Write);
            });
            let flag = Arc::clone(&flag);
            std::thread::spawn(move || forward(client, daemon, &flag));
        }
    });
    (format!("unix://{}", socket.display()), asked)
}

fn forward(mut client: UnixStream, mut daemon: UnixStream, asked: &AtomicBool) {
    let mut buffer = [0; 1 << 16];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let bytes = &buffer[..length];
        if bytes.starts_with(b"POST ") && bytes.windows(5).any(|window| window == b"/tag?") {
            asked.store(true, Ordering::Relaxed);
            return;
        }
        if daemon.write_all(bytes).is_err() {
            return;
        }
    }
    let _ = daemon.shutdown(std::net::Shutdown::Write);
}

#[test]
fn untagged_image_is_tagged_or_removed() {
    let name = unique_name();
    let _image = LoadedImage::new(&name);
    let workspace = program(&name, "");
    let cache = OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]);
    let folder = tempfile::tempdir().expect("a folder");
    let label = format!("label=dev.tierce.image={name}");
    let images = || {
        let list = ["images", "-a", "--no-trunc", "--format", "{{.ID}} {{.Repository}}", "--filter", &label];
        tool("docker", list).ok().stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for round in 0..2 {
        let source = format!("fn main() {{ println!(\"round {round}\"); }}\n");
        workspace.write(&format!("{name}/src/main.rs"), &source);
        let at = folder.path().join(round.to_string());
        std::fs::create_dir(&at).expect("writable");
        let (host, asked) = nameless_daemon(&at);
        let mut running = Running::start(cache.image(workspace.root()).env("DOCKER_HOST", host));
        running.wait_until("it wants to name the image", |_| asked.load(Ordering::Relaxed));
        running.signal("KILL");
        running.end();
        assert_eq!(images().len(), round + 1, "{:?}", images());
    }
    let loaded = images();
    let ran = run(&mut cache.image(workspace.root())).ok();
    let [left] = images().try_into().unwrap_or_else(|images| panic!("one image: {images:?}"));
    assert!(left.ends_with(&format!(" {name}")), "{left}");
    let id = left.split(' ').next().expect("an id");
    assert!(loaded.iter().any(|line| line.starts_with(id)), "it was there already: {left} of {loaded:?}");
    assert!(!ran.stderr.contains("MB sent"), "{}", ran.stderr);
    assert_eq!(tool("docker", ["run", "--rm", &name]).ok().stdout, "round 1\n");
}
