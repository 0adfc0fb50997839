//! Shared by the tests: a connection, an image with one static program, and small helpers.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};

use sha2::{Digest, Sha256};
use tierce_docker::{ContainerSpec, Docker, Engine, Exit, ImageChanges, Input, OutputStream};

use crate::{daemon, times};

/// The label of every object of the tests.
pub(crate) const LABEL: &str = "dev.tierce.test";

/// A name that no other test uses.
pub(crate) fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([(LABEL.to_owned(), std::process::id().to_string())])
}

/// A connection, and an image with `/tool` and the folder `/folder`. The last test that uses the image removes it.
pub(crate) struct Fixture {
    pub(crate) docker: Docker,
    pub(crate) image: String,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // Podman creates an image even from a broken import.
        let ours = format!("{LABEL}={}", std::process::id());
        for image in self.docker.images(&[&ours]).unwrap_or_default() {
            let _ = self.docker.remove_image(&image.id);
        }
    }
}

/// The fixture, created if no other test has it.
pub(crate) fn fixture() -> Arc<Fixture> {
    times::start();
    daemon::require();
    static SHARED: Mutex<Weak<Fixture>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(fixture) = shared.upgrade() {
        return fixture;
    }
    let docker = Docker::connect(&daemon::environment(), Arc::default()).expect("these tests need a daemon");
    let image = format!("{}:1", unique("tierce-test"));
    let changes = ImageChanges { labels: labels(), ..Default::default() };
    docker.import(&tool_layer()[..], Some(&image), &changes).expect("the image is imported");
    let fixture = Arc::new(Fixture { docker, image });
    *shared = Arc::downgrade(&fixture);
    fixture
}

impl Fixture {
    /// A container that runs the tool.
    pub(crate) fn spec(&self, command: &[&str]) -> ContainerSpec {
        ContainerSpec {
            image: self.image.clone(),
            entrypoint: Some(vec!["/tool".to_owned()]),
            command: command.iter().map(|&word| word.to_owned()).collect(),
            labels: labels(),
            ..Default::default()
        }
    }

    /// Runs the tool to its end.
    pub(crate) fn run(&self, spec: &ContainerSpec) -> Outcome {
        capture(|output| self.docker.run(spec, Input::none(), output).expect("the container runs"))
    }

    pub(crate) fn is_podman(&self) -> bool {
        self.docker.engine() == Engine::Podman
    }
}

/// The end of a program, and its output.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) exit: Exit,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn capture(run: impl FnOnce(&mut dyn FnMut(OutputStream, &[u8])) -> Exit) -> Outcome {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let exit = run(&mut |stream, bytes| match stream {
        OutputStream::Stdout => stdout.extend_from_slice(bytes),
        OutputStream::Stderr => stderr.extend_from_slice(bytes),
    });
    Outcome { exit, stdout: String::from_utf8(stdout).unwrap(), stderr: String::from_utf8(stderr).unwrap() }
}

/// A connection of its own, with its flag of interruption.
pub(crate) fn interruptible() -> (Docker, Arc<AtomicBool>) {
    times::start();
    daemon::require();
    let flag = Arc::new(AtomicBool::new(false));
    (Docker::connect(&daemon::environment(), flag.clone()).expect("these tests need a daemon"), flag)
}

/// The tool, compiled from C.
static TOOL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("tool");
    let mut compiler = Command::new("cc")
        .args(["-static", "-O1", "-x", "c", "-", "-o"])
        .arg(&program)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a C compiler is needed");
    compiler.stdin.take().unwrap().write_all(include_bytes!("tool.c")).unwrap();
    assert!(compiler.wait().unwrap().success());
    std::fs::read(program).unwrap()
});

/// The layer of the image.
pub(crate) fn tool_layer() -> Vec<u8> {
    let mut layer = tar::Builder::new(Vec::new());
    for (path, kind, mode, data) in
        [("folder/", tar::EntryType::Directory, 0o755, &[][..]), ("tool", tar::EntryType::Regular, 0o755, &TOOL[..])]
    {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(data.len() as u64);
        layer.append_data(&mut header, path, data).unwrap();
    }
    layer.into_inner().unwrap()
}

/// A tar archive of plain files.
pub(crate) fn files(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, data) in files {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(data.len() as u64);
        archive.append_data(&mut header, path, *data).unwrap();
    }
    archive.into_inner().unwrap()
}

pub(crate) fn sha256(data: &[u8]) -> String {
    hex::encode(Sha256::digest(data))
}

/// An archive in the format of `docker save`: an image of some layers without a name. The archive omits the first `missing`
/// layers.
pub(crate) fn archive(layers: &[&[u8]], missing: usize) -> Vec<u8> {
    let digests: Vec<String> = layers.iter().map(|layer| sha256(layer)).collect();
    let diff_ids: Vec<String> = digests.iter().map(|digest| format!("sha256:{digest}")).collect();
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z",
        "config": { "Labels": labels(), "Entrypoint": ["/tool"] },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    })
    .to_string();
    let paths: Vec<String> = digests.iter().map(|digest| format!("blobs/sha256/{digest}")).collect();
    let config_path = format!("blobs/sha256/{}", sha256(config.as_bytes()));
    let manifest = serde_json::json!([{ "Config": config_path, "RepoTags": [], "Layers": paths }]).to_string();
    let mut entries = vec![(config_path.as_str(), config.as_bytes())];
    entries.extend(paths.iter().map(String::as_str).zip(layers.iter().copied()).skip(missing));
    entries.push(("manifest.json", manifest.as_bytes()));
    files(&entries)
}
