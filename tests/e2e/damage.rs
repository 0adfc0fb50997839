//! Damaged files of the cache: a run rebuilds them, and never ships their bytes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::running::{OwnCache, program};
use crate::support::{LoadedImage, Ran, Workspace, run, tool, unique_name};

/// A built image with a cache of its own.
struct Built {
    name: String,
    workspace: Workspace,
    cache: OwnCache,
    _image: LoadedImage,
}

impl Built {
    fn new() -> Built {
        let name = unique_name();
        let built = Built {
            workspace: program(&name, ""),
            cache: OwnCache::new(&["debs", "wheels", "distfiles", "binpkgs"]),
            _image: LoadedImage::new(&name),
            name,
        };
        built.image();
        built
    }

    #[track_caller]
    fn image(&self) -> Ran {
        run(&mut self.cache.image(self.workspace.root())).ok()
    }

    /// Keeps one more file, so that the layer of the C library is written again.
    fn change_layer(&self, path: &str) {
        let manifest = format!("{}/Cargo.toml", self.name);
        let section = "[package.metadata.image]\n";
        self.workspace.file_again(&manifest, section, &format!("{section}keep = [\"{path}\"]\n"));
    }

    /// The files of one folder of the cache that end so.
    fn files(&self, folder: &str, end: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.cache.path().join(folder)).expect("of the run").flatten();
        entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with(end)).collect()
    }

    /// The digest of the image's C library.
    #[track_caller]
    fn libc(&self) -> String {
        let script = "set -o pipefail; id=$(docker create \"$0\" -); docker cp -L $id:/usr/lib64/libc.so.6 - | tar -xO | sha256sum; docker rm $id >/dev/null";
        tool("bash", ["-c", script, &self.name]).ok().stdout
    }
}

/// Flips some bytes in the middle of the C library's code.
fn flip(archive: &Path) {
    let mut bytes = fs::read(archive).expect("an archive");
    let end = bytes
        .windows(22)
        .rposition(|window| window == b"GNU C Library (Debian ")
        .or_else(|| bytes.windows(14).rposition(|window| window == b"GNU C Library "));
    let start = end.expect("glibc says its name") - 0x10_000;
    bytes[start..start + 4096].iter_mut().for_each(|byte| *byte = !*byte);
    fs::remove_file(archive).expect("ours");
    fs::write(archive, bytes).expect("writable");
}

#[test]
fn damaged_root_is_merged_again() {
    let built = Built::new();
    let libc = built.libc();
    for archive in built.files("roots", ".tar") {
        flip(&archive);
    }
    assert!(!built.image().stderr.contains("damaged"), "nothing reads it");
    built.change_layer("/usr/lib64/libm.so.6");
    let ran = built.image();
    assert_eq!(ran.stderr.matches("is damaged; Tierce rebuilds it").count(), 1, "{}", ran.stderr);
    assert_eq!(built.libc(), libc);
    tool("docker", ["run", "--rm", &built.name]).ok();
    assert!(!built.image().stderr.contains("damaged"));
}

#[test]
fn damaged_blobs_are_made_again() {
    let built = Built::new();
    let expected = tool("docker", ["run", "--rm", &built.name]).ok().stdout;
    // Another size and another content: the program, and every layer.
    let cut = |path: &PathBuf| fs::write(path, &fs::read(path).expect("a blob")[..1000]).expect("writable");
    let flipped = |path: &PathBuf| {
        let mut bytes = fs::read(path).expect("a blob");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).expect("writable");
    };
    for damage in [&cut as &dyn Fn(&PathBuf), &flipped] {
        built.files("blobs", "").iter().filter(|path| path.extension().is_none()).for_each(damage);
        assert!(!built.image().stderr.contains("damaged"), "nothing reads them");
        tool("docker", ["rmi", "-f", &built.name]).ok();
        built.image();
        assert_eq!(tool("docker", ["run", "--rm", &built.name]).ok().stdout, expected);
    }
    // The daemon may have a layer of another image's. A layout needs every one.
    run(built.cache.image(built.workspace.root()).args(["--layout", "layout"])).ok();
    // Each has the digest that is its name.
    for path in built.files("blobs", "").iter().filter(|path| path.extension().is_none()) {
        let sum = tool("sha256sum", [path]).ok().stdout;
        assert!(sum.starts_with(&*path.file_name().expect("a name").to_string_lossy()), "{sum}");
    }
}

#[test]
fn damaged_records_count_as_missing() {
    let built = Built::new();
    let libc = built.libc();
    let own = built.workspace.root().join("target/tierce");
    for folder in [
        built.cache.path().join("receipts"),
        built.cache.path().join("layers"),
        own.join("receipts"),
        own.join("images"),
        built.cache.path().join("roots"),
    ] {
        let script = "find \"$0\" -name '*.json' ! -name report.json -exec sed -i 's/[0-9]/7/3' {} +";
        tool("bash", ["-c", script, folder.to_str().expect("UTF-8")]).ok();
        built.image();
        assert_eq!(built.libc(), libc, "{}", folder.display());
    }
}

#[test]
fn changed_scripts_and_repositories_are_written_again() {
    let built = Built::new();
    let scripts = "find \"$0\"/scripts \"$0\"/repositories -type f -exec sed -i '1s/^/exit 1\\n/' {} +";
    tool("bash", ["-c", scripts, built.cache.path().to_str().expect("UTF-8")]).ok();
    built.workspace.write(&format!("{}/src/main.rs", built.name), "fn main() { println!(\"again\"); }\n");
    fs::remove_dir_all(built.cache.path().join("roots")).expect("it was there");
    built.image();
    assert_eq!(tool("docker", ["run", "--rm", &built.name]).ok().stdout, "again\n");
}
