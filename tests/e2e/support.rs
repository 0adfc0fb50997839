//! Containers and images of the daemon that the end-to-end tests share.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

#[path = "../it/support.rs"]
mod without_daemon;

pub(crate) use without_daemon::*;

use crate::{daemon, times};

/// Runs a tool of the host that judges a result.
#[track_caller]
pub(crate) fn tool<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Ran {
    times::start();
    daemon::require();
    run(Command::new(program).args(arguments))
}

/// A name in the daemon that no other test has.
pub(crate) fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}-{}", namespace(), std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A container that goes away with the test.
pub(crate) struct Container {
    name: String,
}

impl Container {
    /// `docker run -d` with these further arguments.
    #[track_caller]
    pub(crate) fn start(arguments: &[&str]) -> Container {
        let name = unique_name();
        tool("docker", ["run", "-d", "--name", &name].iter().chain(arguments)).ok();
        Container { name }
    }

    /// A container of an image that is not started: to look at its files.
    #[track_caller]
    pub(crate) fn create(reference: &str) -> Container {
        let name = unique_name();
        // An image need not have a command.
        tool("docker", ["create", "--name", &name, reference, "-"]).ok();
        Container { name }
    }

    /// Its files as `tar -tv` lists them: mode, owner, size and path.
    #[track_caller]
    pub(crate) fn listing(&self) -> String {
        let script = "set -o pipefail; docker export \"$0\" | tar -tv --numeric-owner --full-time --utc";
        tool("bash", ["-c", script, &self.name]).ok().stdout
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its address in Docker's default network.
    #[track_caller]
    pub(crate) fn address(&self) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        tool("docker", ["inspect", "-f", format, &self.name]).ok().stdout.trim().to_owned()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        tool("docker", ["rm", "-fv", &self.name]);
    }
}

/// An image that leaves the daemon with the test.
pub(crate) struct LoadedImage {
    references: Vec<String>,
}

impl LoadedImage {
    /// The image of this name.
    pub(crate) fn new(reference: &str) -> LoadedImage {
        LoadedImage { references: vec![reference.to_owned()] }
    }

    /// It has this name too.
    pub(crate) fn and(mut self, reference: &str) -> LoadedImage {
        self.references.push(reference.to_owned());
        self
    }
}

impl Drop for LoadedImage {
    fn drop(&mut self) {
        tool("docker", ["rmi", "-f"].into_iter().chain(self.references.iter().map(String::as_str)));
    }
}

/// The socket that the docker program uses.
pub(crate) fn daemon_socket() -> PathBuf {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    host.strip_prefix("unix://").map_or_else(|| Path::new("/var/run/docker.sock").to_owned(), PathBuf::from)
}
