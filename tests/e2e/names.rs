//! Images whose names have a path and a registry: in the daemon, in a layout, on disk, and at the registry.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

use crate::running::program;
use crate::support::{LoadedImage, tool, unique_name};

/// A registry that takes every push, and keeps only the paths of what it got (OCI Distribution Specification, "Push").
struct Registry {
    address: SocketAddr,
    got: Arc<Mutex<BTreeSet<String>>>,
}

impl Registry {
    fn start() -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let got = Arc::new(Mutex::new(BTreeSet::new()));
        let keeps = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let keeps = Arc::clone(&keeps);
                std::thread::spawn(move || drop(answer(stream, &keeps)));
            }
        });
        Registry { address, got }
    }
}

/// One answer on one connection.
fn answer(mut stream: TcpStream, got: &Mutex<BTreeSet<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => head.push(line.to_ascii_lowercase()),
        }
    }
    let header = |name: &str| head.iter().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
    let mut body = Vec::new();
    if header("transfer-encoding:").is_some_and(|value| value == "chunked") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            // A client that gives up sends no more chunks.
            let Ok(size) = u64::from_str_radix(size.trim(), 16) else { return Ok(()) };
            // Each chunk ends with a line, the last and empty one too.
            std::io::copy(&mut (&mut reader).take(size + 2), &mut std::io::sink())?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = header("content-length:") {
        (&mut reader).take(length.parse().expect("a number")).read_to_end(&mut body)?;
    }
    let request = head.first().cloned().unwrap_or_default();
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
    let status = match method {
        "post" | "patch" => "202 Accepted",
        "put" => {
            got.lock().expect("no panic").insert(path.split('?').next().unwrap_or_default().to_owned());
            "201 Created"
        }
        // A client asks for a blob after it has sent it.
        _ if path == "/v2/" || path.contains("/blobs/") => "200 OK",
        _ => "404 Not Found",
    };
    // A client reads the digest of the manifest that it has sent.
    let digest = format!("Docker-Content-Digest: sha256:{}", hex::encode(Sha256::digest(&body)));
    let upload = "Location: /v2/team/x/blobs/uploads/1\r\nDocker-Upload-UUID: 1\r\nRange: 0-0";
    let headers = format!("{upload}\r\n{digest}\r\n");
    write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n")?;
    stream.flush()
}

#[test]
fn image_with_registry_is_pushed_as_printed() {
    let registry = Registry::start();
    let (path, other) = (format!("team/{}", unique_name()), unique_name());
    let name = format!("{}/{path}", registry.address);
    let _image = LoadedImage::new(&format!("{name}:1.2")).and(&format!("other/{other}:1"));
    let workspace = program("app", &format!("name = \"{name}\"\ntags = [\"1.2\", \"other/{other}:1\"]"));
    let printed = workspace.xtask(&["image"]).ok().line().to_owned();
    assert_eq!(printed, format!("{name}:1.2"));
    for reference in [printed.clone(), format!("other/{other}:1")] {
        assert_eq!(tool("docker", ["run", "--rm", "--network", "none", &reference]).ok().stdout, "this is app\n");
    }

    tool("docker", ["push", &printed]).ok();
    let manifest = format!("/v2/{path}/manifests/1.2");
    let got = registry.got.lock().expect("no panic").clone();
    assert!(got.contains(&manifest), "{got:?}");

    // Every command takes the name, and one folder has the image's files.
    assert_eq!(workspace.xtask(&["image", &name]).ok().line(), printed);
    for arguments in [&["why", &name, "/usr/bin/app"][..], &["size", &name], &["graph", &name], &["test", &name]] {
        workspace.xtask(arguments).ok();
    }
    assert!(workspace.xtask(&["list"]).ok().stdout.contains(&name));
    let file_name = name.replace('/', "+").replace(':', "=");
    for file in ["images/@/report.json", "reports/@/packages.json"] {
        let file = file.replace('@', &file_name);
        assert!(workspace.root().join("target/tierce").join(&file).is_file(), "{file}");
    }

    let stored = workspace.xtask(&["image", "--layout", "layout"]).ok().line().to_owned();
    workspace.xtask(&["size", &stored]).ok();
    workspace.xtask(&["clean", "--images"]).ok();
    let left = tool("docker", ["images", "--format", "{{.Repository}}"]).ok().stdout;
    assert!(!left.contains(&path) && !left.contains(&other), "{left}");
}
