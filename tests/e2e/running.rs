//! Runs that go on while a test watches them, and caches of their own that need no download.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::support::{Ran, Workspace, cache, namespace, repository, run, tool, unique_name, xtask};

/// The longest wait for an expected event, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(5);

/// A program that was started and is not waited for yet.
pub(crate) struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: Arc<Mutex<Vec<u8>>>,
    stderr_reader: JoinHandle<()>,
}

impl Running {
    #[track_caller]
    pub(crate) fn start(command: &mut Command) -> Running {
        let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut stdout = child.stdout.take().expect("it is piped");
        let mut from = child.stderr.take().expect("it is piped");
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let to = Arc::clone(&stderr);
        let stderr_reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                to.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..length]);
            }
        });
        let stdout = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = stdout.read_to_string(&mut text);
            text
        });
        Running { child, stdout, stderr, stderr_reader }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its output so far.
    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Waits until it says this.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("it says `{text}`"), |running| running.stderr().contains(text));
    }

    /// Waits for something that happens while it runs.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, what: &str, mut happened: impl FnMut(&Running) -> bool) {
        let start = Instant::now();
        while !happened(self) {
            let ended = self.child.try_wait().expect("it is ours");
            // Its last output may have arrived since.
            assert!(ended.is_none() || happened(self), "it ended before {what}: {ended:?}\n{}", self.stderr());
            assert!(start.elapsed() < PATIENCE, "waited too long until {what}\n{}", self.stderr());
            sleep(PAUSE);
        }
    }

    /// Sends `INT`, `KILL`, …
    #[track_caller]
    pub(crate) fn signal(&self, signal: &str) {
        tool("sh", ["-c", &format!("kill -{signal} {}", self.pid())]).ok();
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ran {
        let pid = self.pid();
        let status = self.child.wait().expect("it is ours");
        let _ = self.stderr_reader.join();
        let stderr = String::from_utf8_lossy(&self.stderr.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
        Ran { pid, code: status.code(), stdout: self.stdout.join().unwrap_or_default(), stderr }
    }
}

/// Makes sure that the cache of all tests has the parts of a builder and of a program without packages.
pub(crate) fn warm_up() {
    static WARM: OnceLock<()> = OnceLock::new();
    WARM.get_or_init(|| {
        run(xtask(repository()).args(["image", "hello"])).ok();
    });
}

/// A cache of one test, with the downloads of the cache of all tests in it. Its objects in the daemon are removed with it.
pub(crate) struct OwnCache {
    folder: tempfile::TempDir,
    namespace: String,
    /// Whether only this cache uses the namespace.
    own_namespace: bool,
}

impl OwnCache {
    /// Returns a cache that shares the builder of all tests.
    pub(crate) fn new(folders: &[&str]) -> OwnCache {
        warm_up();
        // Links reach no further than a file system.
        let folder = tempfile::tempdir_in(cache().parent().expect("a folder")).expect("writable");
        for name in folders {
            let copy = folder.path().join(name);
            fs::create_dir(&copy).expect("writable");
            for entry in fs::read_dir(cache().join(name)).expect("the cache is warm") {
                let entry = entry.expect("readable");
                let name = entry.file_name();
                if entry.path().is_file() && !name.to_string_lossy().ends_with(".part") {
                    fs::hard_link(entry.path(), copy.join(name)).expect("one file system");
                }
            }
        }
        OwnCache { folder, namespace: namespace(), own_namespace: false }
    }

    /// Returns a cache with a namespace of its own, which has no builder.
    pub(crate) fn with_own_builder(folders: &[&str]) -> OwnCache {
        let mut cache = OwnCache::new(folders);
        (cache.namespace, cache.own_namespace) = (unique_name(), true);
        cache
    }

    /// Returns another cache in the same namespace.
    pub(crate) fn beside(&self, folders: &[&str]) -> OwnCache {
        let mut cache = OwnCache::new(folders);
        cache.namespace.clone_from(&self.namespace);
        cache
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// `cargo xtask image` in this folder with this cache.
    pub(crate) fn image(&self, folder: &Path) -> Command {
        let mut command = xtask(folder);
        command.arg("image").env("TIERCE_CACHE", self.path()).env("TIERCE_NAMESPACE", &self.namespace);
        command
    }

    /// Everything of one kind (`container`, `volume`) that the daemon has with this namespace and that this pid owns.
    pub(crate) fn owned(&self, kind: &str, pid: u32) -> Vec<String> {
        let label = format!("label=dev.tierce.namespace={}", self.namespace);
        let ids = match kind {
            "container" => tool("docker", ["ps", "-aq", "--filter", &label]),
            other => tool("docker", [other, "ls", "-q", "--filter", &label]),
        };
        let owned = |id: &str| {
            let format = match kind {
                "container" => "{{index .Config.Labels \"dev.tierce.owner\"}}",
                _ => "{{index .Labels \"dev.tierce.owner\"}}",
            };
            let owner = tool("docker", [kind, "inspect", "-f", format, id]).stdout;
            owner.contains(&format!(":{pid}:"))
        };
        ids.ok().stdout.lines().filter(|id| owned(id)).map(str::to_owned).collect()
    }

    /// Unfinished files anywhere in the cache or in this folder.
    pub(crate) fn unfinished(&self, workspace: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.path().to_owned(), workspace.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                if name.to_string_lossy().starts_with(".tierce-") {
                    found.push(entry.path());
                } else if entry.path().is_dir() && !entry.path().is_symlink() {
                    folders.push(entry.path());
                }
            }
        }
        found
    }
}

impl Drop for OwnCache {
    fn drop(&mut self) {
        let remove = |list: &[&str], remove: &[&str]| {
            let ids = tool("docker", list).stdout;
            let mut ids: Vec<&str> = ids.lines().collect();
            ids.dedup();
            if !ids.is_empty() {
                tool("docker", remove.iter().chain(&ids));
            }
        };
        let namespace = format!("label=dev.tierce.namespace={}", self.namespace);
        if self.own_namespace {
            remove(&["ps", "-aq", "--filter", &namespace], &["rm", "-fv"]);
            remove(&["images", "-aq", "--filter", &namespace], &["rmi", "-f"]);
        }
        let id = fs::read_to_string(self.path().join("id")).unwrap_or_default();
        if !id.is_empty() {
            let cache = format!("label=dev.tierce.cache={id}");
            remove(&["volume", "ls", "-q", "--filter", &cache], &["volume", "rm", "-f"]);
        }
    }
}

/// A workspace with one program of this name, whose lock knows which Debian packages a builder has.
pub(crate) fn program(name: &str, table: &str) -> Workspace {
    warm_up();
    let workspace = Workspace::with_package(name, table, "");
    let lock = fs::read_to_string(repository().join("Tierce.lock")).expect("this repository has a lock");
    workspace.file("Tierce.lock", &lock)
}

/// The id of an image in the daemon.
#[track_caller]
pub(crate) fn image_id(reference: &str) -> String {
    tool("docker", ["image", "inspect", "-f", "{{.Id}}", reference]).ok().line().to_owned()
}

/// The same command, started by another program: `setpriv`, `unshare`, with its arguments in place already.
pub(crate) fn started_by(mut other: Command, command: &Command) -> Command {
    other.arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        other.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => other.env(name, value),
            None => other.env_remove(name),
        };
    }
    other
}
