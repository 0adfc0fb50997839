//! Tierce as users start it: `cargo xtask image`, in the same profile, with a warm container that stays for the next run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure::{Taken, take};
use crate::running::OwnCache;
use crate::support::{repository, run, tool};

/// The folders of the cache with downloads.
const DOWNLOADS: [&str; 3] = ["debs", "wheels", "distfiles"];
/// The parts of a cache that a run from binary packages keeps: the packages, the downloads, and the cache's id.
const BINARY: [&str; 5] = ["debs", "wheels", "distfiles", "binpkgs", "id"];

/// A cache and a namespace of the benchmark's own.
pub(crate) struct Tierce {
    cache: OwnCache,
    folder: PathBuf,
    images: Vec<String>,
}

impl Tierce {
    /// Starts with the downloads alone. The output of programs goes into the folder.
    pub(crate) fn new(folder: &Path) -> Tierce {
        let cache = OwnCache::with_own_builder(&DOWNLOADS);
        let tierce = Tierce { cache, folder: folder.to_owned(), images: Vec::new() };
        // Compiles the xtask, which all cases use.
        run(tierce.by_cargo().arg("--version")).ok();
        tierce
    }

    pub(crate) fn namespace(&self) -> &str {
        self.cache.namespace()
    }

    /// Returns `cargo xtask`, in this repository.
    fn by_cargo(&self) -> Command {
        let mut command = Command::new("cargo");
        command.arg("run").arg("--target-dir").arg(target());
        command.args(["--quiet", "--profile", "xtask", "--package", "xtask", "--"]);
        self.as_users_have_it(command)
    }

    /// Sets the folder, the cache and the namespace, and removes the variables of a benchmark.
    fn as_users_have_it(&self, mut command: Command) -> Command {
        command.current_dir(repository());
        // A user's shell lacks the variables that cargo sets for a benchmark.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO") && name != "CARGO_HOME" || name == "LD_LIBRARY_PATH" {
                command.env_remove(&*name);
            }
        }
        command.env("TIERCE_CACHE", self.cache.path()).env("TIERCE_NAMESPACE", self.cache.namespace());
        command.env_remove("TIERCE_KEEP_WARM");
        command
    }

    /// Runs `cargo xtask image` for a workspace. Returns its report too.
    #[track_caller]
    pub(crate) fn image(&mut self, workspace: &Path, image: &str) -> (Taken, serde_json::Value) {
        self.take(self.by_cargo(), workspace, image)
    }

    /// The same without cargo, for comparisons with tools that cargo does not start.
    #[track_caller]
    pub(crate) fn image_without_cargo(&mut self, workspace: &Path, image: &str) -> (Taken, serde_json::Value) {
        self.take(self.as_users_have_it(Command::new(target().join("xtask/xtask"))), workspace, image)
    }

    #[track_caller]
    fn take(&mut self, mut command: Command, workspace: &Path, image: &str) -> (Taken, serde_json::Value) {
        if !self.images.iter().any(|known| known == image) {
            self.images.push(image.to_owned());
        }
        command.args(["image", image, "--format", "json", "--color", "never", "--manifest-path"]);
        let taken = take(command.arg(workspace.join("Cargo.toml")), &self.folder);
        let mut report: serde_json::Value = serde_json::from_str(&taken.stdout).expect("a report");
        (taken, report[0].take())
    }

    /// Returns `cargo xtask debug` for a workspace.
    pub(crate) fn debug(&self, workspace: &Path, arguments: &[&str]) -> Command {
        let mut command = self.by_cargo();
        command.args(["debug", "--manifest-path"]).arg(workspace.join("Cargo.toml")).args(arguments);
        command
    }

    /// Removes all results but downloads and binary packages in the cache, the workspace's sources, and the builder in the daemon.
    pub(crate) fn forget_all_but_binary_packages(&self, workspace: &Path) {
        for entry in fs::read_dir(self.cache.path()).expect("readable") {
            let entry = entry.expect("readable");
            if BINARY.iter().any(|kept| entry.file_name() == *kept) {
                continue;
            }
            if entry.path().is_dir() {
                fs::remove_dir_all(entry.path()).expect("it is ours");
            } else {
                fs::remove_file(entry.path()).expect("it is ours");
            }
        }
        let _ = fs::remove_dir_all(workspace.join("target"));
        let label = format!("label=dev.tierce.namespace={}", self.namespace());
        remove(&["ps", "-aq", "--filter", &label], &["rm", "-fv"]);
        remove(&["volume", "ls", "-q", "--filter", &label], &["volume", "rm"]);
    }
}

/// Returns cargo's target folder, which contains this benchmark too.
fn target() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_xtask")).ancestors().nth(2).expect("in a folder of its profile")
}

/// Removes the objects of the daemon that a command lists.
fn remove(list: &[&str], remove: &[&str]) {
    let ids = tool("docker", list).ok().stdout;
    let ids: Vec<&str> = ids.lines().collect();
    if !ids.is_empty() {
        tool("docker", remove.iter().chain(&ids)).ok();
    }
}

impl Drop for Tierce {
    fn drop(&mut self) {
        // Before the cache: the warm containers use its volumes.
        let label = format!("label=dev.tierce.namespace={}", self.namespace());
        let ids = tool("docker", ["ps", "-aq", "--filter", &label]).stdout;
        tool("docker", ["rm", "-fv"].into_iter().chain(ids.lines()));
        tool("docker", ["rmi", "-f"].into_iter().chain(self.images.iter().map(String::as_str)));
    }
}
