//! A registry with one image, which asks who one is (OCI Distribution Specification, "Pulling manifests" and "Pulling blobs").

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use crate::support::{Workspace, daemon_socket, tool};

/// `me:secret`, as HTTP and the docker program's configuration have it.
const WHO: &str = "bWU6c2VjcmV0";

/// A port of this machine that answers as a registry.
pub(crate) struct Registry {
    listener: TcpListener,
    folder: tempfile::TempDir,
}

impl Registry {
    /// One that has nothing yet.
    pub(crate) fn new() -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        Registry { listener, folder: tempfile::tempdir().expect("a folder") }
    }

    /// The reference of its image. Daemons speak HTTP to such an address.
    pub(crate) fn reference(&self) -> String {
        format!("{}/base:1", self.listener.local_addr().expect("it is bound"))
    }

    /// Takes the image out of the daemon and serves it from now on; the folder of docker's configuration with who one is.
    pub(crate) fn serve(self, workspace: &Workspace) -> PathBuf {
        let reference = self.reference();
        let image = self.folder.path().join("image");
        let to = format!("dir:{}", image.display());
        // skopeo does not read DOCKER_HOST.
        let daemon = format!("--src-daemon-host=unix://{}", daemon_socket().display());
        let from = format!("docker-daemon:{reference}");
        tool("skopeo", ["copy", "--quiet", "--dest-compress", &daemon, &from, &to]).ok();
        tool("docker", ["rmi", &reference]).ok();
        let config = workspace.root().join("docker");
        fs::create_dir(&config).expect("writable");
        let (host, _) = reference.split_once('/').expect("a host");
        let auths = format!("{{ \"auths\": {{ \"{host}\": {{ \"auth\": \"{WHO}\" }} }} }}");
        fs::write(config.join("config.json"), auths).expect("writable");
        std::thread::spawn(move || {
            let Registry { listener, folder: _folder } = self;
            for stream in listener.incoming().flatten() {
                let _ = answer(stream, &image);
            }
        });
        config
    }
}

/// One answer on one connection.
fn answer(mut stream: TcpStream, image: &Path) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines();
    let lines: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let mut request = lines.first().map(String::as_str).unwrap_or_default().split(' ');
    let (method, path) = (request.next().unwrap_or_default(), request.next().unwrap_or_default());
    let manifest = image.join("manifest.json");
    let digest = tool("sha256sum", [&manifest]).ok().stdout;
    let digest = digest.split(' ').next().unwrap_or_default();
    let is_known = lines.iter().any(|line| line.eq_ignore_ascii_case(&format!("authorization: basic {WHO}")));
    let (status, headers, file) = match path.strip_prefix("/v2/base/") {
        _ if !is_known => ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"test\"\r\n".to_owned(), None),
        None => ("200 OK", String::new(), None),
        Some(path) if path.starts_with("manifests/") => {
            let kind = "application/vnd.docker.distribution.manifest.v2+json";
            let headers = format!("Content-Type: {kind}\r\nDocker-Content-Digest: sha256:{digest}\r\n");
            ("200 OK", headers, Some(manifest))
        }
        Some(path) => {
            let blob = path.strip_prefix("blobs/sha256:").unwrap_or("none");
            ("200 OK", "Content-Type: application/octet-stream\r\n".to_owned(), Some(image.join(blob)))
        }
    };
    let body = file.map(fs::read).transpose()?.unwrap_or_default();
    write!(stream, "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    if method != "HEAD" {
        stream.write_all(&body)?;
    }
    stream.flush()
}
