//! Other programs judge the output of the crate `oci`: GNU tar, bsdtar, Docker, Podman, skopeo and umoci.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tierce_oci::{
    ArchiveUse, Digest, Error, Healthcheck, Image, ImageConfig, Layer, LayerInfo, LayerWriter, LayoutContent, Metadata,
    Platform, Runtime, layout_files, write_docker_archive,
};
use tierce_rootfs::{Node, NodeKind};

use crate::{daemon, times};

/// The program of the judged image. It prints facts about its image that are the same in every run.
const PROGRAM: &str = r#"
    use std::os::unix::fs::MetadataExt;
    fn main() {
        println!("{:?}", std::env::args().skip(1).collect::<Vec<_>>());
        println!("GREETING={}", std::env::var("GREETING").unwrap_or_default());
        println!("{}", std::env::current_dir().unwrap().display());
        for path in ["/bin/program", "/data", "/data/link", "/data/hard", "/data/set", "/data/größe"] {
            let found = std::fs::symlink_metadata(path).unwrap();
            let names = if found.is_file() { found.nlink() } else { 1 };
            println!("{path} {:o} {}:{} {} {names}", found.mode(), found.uid(), found.gid(), found.mtime());
        }
    }
"#;

const LOAD: ArchiveUse = ArchiveUse::Load { omitted_layers: 0 };

/// Blobs on disk, by their digest.
struct Store {
    folder: TempDir,
}

impl Store {
    fn new() -> Self {
        times::start();
        daemon::require();
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn layer(&self, created_by: &str, entries: &[(&str, Node, Vec<u8>)]) -> Layer {
        let unnamed = self.path("layer");
        let mut layer = LayerWriter::new(File::create(&unnamed).unwrap(), 1_700_000_000);
        for (path, node, content) in entries {
            layer.append(path, node, Cursor::new(content)).unwrap();
        }
        let info: LayerInfo = layer.finish().unwrap();
        fs::rename(unnamed, self.path(&info.diff_id.hex())).unwrap();
        Layer::uncompressed(info, created_by)
    }

    fn open(&self, layer: &Layer) -> io::Result<File> {
        File::open(self.path(&layer.blob.digest.hex()))
    }

    fn archive(&self, image: &Image, tags: &[&str], archive_use: ArchiveUse) -> PathBuf {
        let path = self.path("archive.tar");
        let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
        write_docker_archive(image, &tags, archive_use, |layer| self.open(layer), File::create(&path).unwrap())
            .unwrap();
        path
    }

    fn layout(&self, image: &Image, name: &str) -> Result<PathBuf, Error> {
        let folder = self.path("layout");
        let existing = fs::read(folder.join("index.json")).ok();
        for file in layout_files(image, Some(name), existing.as_deref())? {
            let path = folder.join(&file.path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match file.content {
                LayoutContent::Bytes(bytes) => fs::write(path, bytes).unwrap(),
                LayoutContent::Layer(layer) => {
                    io::copy(&mut self.open(layer).unwrap(), &mut File::create(path).unwrap()).unwrap();
                }
            }
        }
        Ok(folder)
    }
}

fn node(kind: NodeKind, mode: u32, owner: u32) -> Node {
    Node { kind, mode, uid: owner, gid: owner, xattrs: BTreeMap::new() }
}

fn file(content: &[u8], mode: u32, owner: u32) -> (Node, Vec<u8>) {
    (node(NodeKind::File { size: content.len() as u64 }, mode, owner), content.to_vec())
}

/// A folder with everything that a tar writer can get wrong.
fn data() -> Vec<(String, Node, Vec<u8>)> {
    let directory = || (node(NodeKind::Directory, 0o755, 0), Vec::new());
    let symlink = |target: &str| (node(NodeKind::Symlink { target: target.to_owned() }, 0o777, 0), Vec::new());
    let hard_link = (node(NodeKind::HardLink { target: "/data/file".to_owned() }, 0o640, 1000), Vec::new());
    let (plain, content) = file(b"attributes\n", 0o644, 0);
    let xattrs = BTreeMap::from([("user.judge".to_owned(), b"\n\0=yes\n".to_vec())]);
    let long = format!("/data/{}", "long-name-".repeat(20));
    let entries = BTreeMap::from([
        ("/data".to_owned(), (node(NodeKind::Directory, 0o1777, 1000), Vec::new())),
        ("/data/attributes".to_owned(), (Node { xattrs, ..plain }, content)),
        ("/data/file".to_owned(), file(b"content\n", 0o640, 1000)),
        ("/data/hard".to_owned(), hard_link),
        ("/data/größe".to_owned(), file(b"umlauts\n", 0o644, 0)),
        ("/data/link".to_owned(), symlink("größe")),
        ("/data/owner".to_owned(), file(b"", 0o600, 4_000_000)),
        ("/data/set".to_owned(), file(b"", 0o6755, 0)),
        (long.clone(), directory()),
        (format!("{long}/link"), symlink(&"../".repeat(60))),
        (format!("{long}/{}", "n".repeat(60)), file(b"long\n", 0o644, 0)),
    ]);
    entries.into_iter().map(|(path, (node, content))| (path, node, content)).collect()
}

fn data_layer(store: &Store) -> Layer {
    let data = data();
    let entries: Vec<_> =
        data.iter().map(|(path, node, content)| (path.as_str(), node.clone(), content.clone())).collect();
    store.layer("data", &entries)
}

fn image(layers: Vec<Layer>) -> Image {
    let runtime = Runtime {
        entrypoint: vec!["/bin/program".to_owned(), "first".to_owned()],
        cmd: vec!["second".to_owned()],
        env: BTreeMap::from([("GREETING".to_owned(), "hello = world".to_owned())]),
        exposed_ports: ["8080/tcp".to_owned()].into(),
        user: Some("1000:1000".to_owned()),
        workdir: Some("/data".to_owned()),
        volumes: ["/volume".to_owned()].into(),
        labels: metadata().labels(),
        stop_signal: Some("SIGTERM".to_owned()),
        healthcheck: Some(Healthcheck {
            command: vec!["/bin/program".to_owned()],
            interval: Some(std::time::Duration::from_secs(30)),
            timeout: None,
            start_period: None,
            start_interval: None,
            retries: Some(2),
        }),
    };
    let platform = Platform { architecture: "amd64".to_owned(), os: "linux".to_owned(), variant: None };
    let config = ImageConfig { platform, created: 1_700_000_000, runtime, layers, below: Default::default() };
    Image::assemble(config, &metadata().annotations().unwrap()).unwrap()
}

fn metadata() -> Metadata {
    Metadata { title: Some("judged".to_owned()), revision: Some("2c26b46b".to_owned()), ..Metadata::default() }
}

/// Runs a program, which must succeed, and returns its stdout.
fn run(program: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C.UTF-8").env("TZ", "UTC").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn run_in(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let arguments: Vec<String> =
        arguments.iter().map(|argument| argument.replace("{}", folder.to_str().unwrap())).collect();
    run(program, arguments)
}

/// The layer with a program that needs nothing but a kernel, compiled by the compiler that compiles this test.
fn program_layer(store: &Store) -> Layer {
    let (source, program) = (store.path("program.rs"), store.path("program"));
    fs::write(&source, PROGRAM).unwrap();
    let target = ["-C", "target-feature=+crt-static", "-C", "strip=symbols", "-O", "--edition=2024", "-o"];
    let arguments = target.iter().map(AsRef::as_ref).chain([program.as_os_str(), source.as_os_str()]);
    run("rustc", arguments);
    let (node, content) = file(&fs::read(program).unwrap(), 0o755, 0);
    let directory = self::node(NodeKind::Directory, 0o755, 0);
    store.layer("program", &[("/bin", directory, Vec::new()), ("/bin/program", node, content)])
}

#[test]
fn gnu_tar_lists_and_unpacks_a_layer() {
    let store = Store::new();
    let layer = data_layer(&store).diff_id.hex();
    let list = ["--xattrs", "--numeric-owner", "--quoting-style=literal", "-tvf"];
    let path = store.path(&layer);
    let listing = run("tar", list.iter().map(AsRef::as_ref).chain([path.as_os_str()]));
    insta::assert_snapshot!(abridge(&listing), @r#"
    drwxrwxrwt  1000/1000         0 2023-11-14 22:13 data/
    -rw-r--r--* 0/0              11 2023-11-14 22:13 data/attributes
    -rw-r-----  1000/1000         8 2023-11-14 22:13 data/file
    -rw-r--r--  0/0               8 2023-11-14 22:13 data/größe
    hrw-r-----  1000/1000         0 2023-11-14 22:13 data/hard link to data/file
    lrwxrwxrwx  0/0               0 2023-11-14 22:13 data/link -> größe
    drwxr-xr-x  0/0               0 2023-11-14 22:13 data/LONG/
    lrwxrwxrwx  0/0               0 2023-11-14 22:13 data/LONG/link -> UP
    -rw-r--r--  0/0               5 2023-11-14 22:13 data/LONG/NAME
    -rw-------  4000000/4000000   0 2023-11-14 22:13 data/owner
    -rwsr-sr-x  0/0               0 2023-11-14 22:13 data/set
    "#);

    unpack(&store, "tar", &layer);
}

#[test]
fn bsdtar_lists_and_unpacks_a_layer() {
    let store = Store::new();
    let layer = data_layer(&store).diff_id.hex();
    let listing = run_in(store.folder.path(), "bsdtar", &["--numeric-owner", "-tvf", &format!("{{}}/{layer}")]);
    insta::assert_snapshot!(abridge(&listing), @r#"
    drwxrwxrwt  0 1000   1000        0 Nov 14  2023 data/
    -rw-r--r--  0 0      0          11 Nov 14  2023 data/attributes
    -rw-r-----  0 1000   1000        8 Nov 14  2023 data/file
    -rw-r--r--  0 0      0           8 Nov 14  2023 data/größe
    hrw-r-----  0 1000   1000        0 Nov 14  2023 data/hard link to data/file
    lrwxrwxrwx  0 0      0           0 Nov 14  2023 data/link -> größe
    drwxr-xr-x  0 0      0           0 Nov 14  2023 data/LONG/
    lrwxrwxrwx  0 0      0           0 Nov 14  2023 data/LONG/link -> UP
    -rw-r--r--  0 0      0           5 Nov 14  2023 data/LONG/NAME
    -rw-------  0 4000000  4000000     0 Nov 14  2023 data/owner
    -rwsr-sr-x  0 0        0           0 Nov 14  2023 data/set
    "#);

    unpack(&store, "bsdtar", &layer);
}

fn abridge(listing: &str) -> String {
    listing.replace(&"long-name-".repeat(20), "LONG").replace(&"n".repeat(60), "NAME").replace(&"../".repeat(60), "UP")
}

fn unpack(store: &Store, tar: &str, layer: &str) {
    let folder = store.path("unpacked");
    fs::create_dir(&folder).unwrap();
    let layer = format!("{{}}/{layer}");
    run_in(store.folder.path(), tar, &["--no-same-owner", "-p", "-C", "{}/unpacked", "-xf", &layer]);
    check_unpacked(&folder);
}

/// Compares a folder with [`data`], but for owners: not every test runs as root.
fn check_unpacked(folder: &Path) {
    for (path, node, content) in data() {
        let path = folder.join(&path[1..]);
        let found = fs::symlink_metadata(&path).unwrap();
        match &node.kind {
            NodeKind::File { .. } | NodeKind::HardLink { .. } => {
                // Without the owner's rights the two set-id bits may go.
                assert_eq!(found.permissions().mode() & 0o777, node.mode & 0o777, "{}", path.display());
                assert_eq!(found.mtime(), 1_700_000_000, "{}", path.display());
            }
            NodeKind::Directory => assert_eq!(found.permissions().mode() & 0o7777, node.mode, "{}", path.display()),
            NodeKind::Symlink { target } => assert_eq!(fs::read_link(&path).unwrap().to_str(), Some(target.as_str())),
        }
        if let NodeKind::File { .. } = node.kind {
            assert_eq!(fs::read(&path).unwrap(), content, "{}", path.display());
        }
    }
    let inode = |name: &str| fs::metadata(folder.join("data").join(name)).unwrap().ino();
    assert_eq!(inode("file"), inode("hard"));
}

/// Removes the loaded images, also when the test fails.
struct Loaded(Vec<String>);

impl Drop for Loaded {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["image", "rm", "--force"]).args(&self.0).output();
    }
}

fn docker_load(archive: &Path) -> std::process::Output {
    Command::new("docker").arg("load").stdin(File::open(archive).unwrap()).output().unwrap()
}

#[test]
fn docker_loads_and_runs_an_image() {
    let store = Store::new();
    let (data, program) = (data_layer(&store), program_layer(&store));
    let image = image(vec![data.clone(), program.clone()]);
    let id = image.id.to_string();
    let mut loaded = Loaded(vec![id.clone()]);

    let output = docker_load(&store.archive(&image, &[], LOAD));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("Loaded image ID: {id}\n"));
    insta::assert_snapshot!(run("docker", ["run", "--rm", "--read-only", "--cap-drop", "ALL", &id]), @r#"
    ["first", "second"]
    GREETING=hello = world
    /data
    /bin/program 100755 0:0 1700000000 1
    /data 41777 1000:1000 1700000000 1
    /data/link 120777 0:0 1700000000 1
    /data/hard 100640 1000:1000 1700000000 2
    /data/set 106755 0:0 1700000000 1
    /data/größe 100644 0:0 1700000000 1
    "#);
    let fields = [".RepoTags", ".Config.Healthcheck", ".Created", ".Config.StopSignal", ".Config.Labels"];
    let format = fields.map(|field| format!("{{{{json {field}}}}}")).join("\n");
    insta::assert_snapshot!(run("docker", ["image", "inspect", "--format", &format, &id]), @r#"
    []
    {"Test":["CMD","/bin/program"],"Interval":30000000000,"Retries":2}
    "2023-11-14T22:13:20Z"
    "SIGTERM"
    {"org.opencontainers.image.title":"judged"}
    "#);
    let history = run("docker", ["image", "history", "--no-trunc", "--format", "{{.CreatedBy}}", &id]);
    assert_eq!(history, "program\ndata\n");

    // The archive for any tool gives the daemon the same image.
    let output = docker_load(&store.archive(&image, &[], ArchiveUse::File));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("Loaded image ID: {id}\n"));

    // A second image on top of layers that the daemon has: they are named and not sent.
    let more = store.layer("more", &[("/more", node(NodeKind::Directory, 0o755, 0), Vec::new())]);
    let second = self::image(vec![data, program, more]);
    loaded.0.push(second.id.to_string());
    let tag = format!("tierce-judge-{}:v1", &image.id.hex()[..12]);
    loaded.0.push(tag.clone());
    let output = docker_load(&store.archive(&second, &[&tag], ArchiveUse::Load { omitted_layers: 2 }));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("Loaded image: {tag}\n"));
    let found = run("docker", ["image", "inspect", "--format", "{{.Id}}", &tag]);
    assert_eq!(found.trim(), second.id.to_string());
}

/// Only loads: not every machine that has Podman lets it start containers.
#[test]
fn podman_loads_an_image() {
    let store = Store::new();
    let (root, state) = (store.path("root"), store.path("state"));
    let podman = ["--root", root.to_str().unwrap(), "--runroot", state.to_str().unwrap(), "--storage-driver", "vfs"];
    let image = image(vec![data_layer(&store)]);
    let id = image.id.hex();
    let check = "{[CMD /bin/program] 0s 30s 0s 2}";
    let cases: [(ArchiveUse, &[&str], &str, &str); 4] = [
        (LOAD, &[], "[]", check),
        (LOAD, &["judged:1", "example.org/judged:1"], "[example.org/judged:1 localhost/judged:1]", check),
        // From a layout, Podman takes the name and no health check.
        (ArchiveUse::File, &[], "[]", "<nil>"),
        (ArchiveUse::File, &["judged:1"], "[docker.io/library/judged:1]", "<nil>"),
    ];
    for (archive_use, tags, names, check) in cases {
        let archive = store.archive(&image, tags, archive_use);
        run("podman", [&podman[..], &["load", "--quiet", "--input", archive.to_str().unwrap()]].concat());
        let inspect = ["image", "inspect", "--format", "{{.Id}} {{.RepoTags}} {{.HealthCheck}}", &id];
        let found = run("podman", [&podman[..], &inspect].concat());
        assert_eq!(found.trim(), format!("{id} {names} {check}"));
        run("podman", [&podman[..], &["image", "rm", "--force", &id]].concat());
    }
}

#[test]
fn skopeo_reads_layout_and_archive() {
    let store = Store::new();
    let image = image(vec![data_layer(&store)]);
    let layout = store.layout(&image, "judged:1").unwrap();
    let archive = store.archive(&image, &["judged:1"], ArchiveUse::File);
    let source = |transport: &str, path: &Path, name: &str| format!("{transport}:{}{name}", path.display());
    let sources = [
        source("oci", &layout, ":judged:1"),
        source("docker-archive", &archive, ""),
        source("oci-archive", &archive, ":1"),
    ];
    for source in &sources {
        let raw = run("skopeo", ["inspect", "--config", "--raw", source]);
        assert_eq!(Digest::of(raw.trim_end()), image.id, "{source}");
    }
    let digest = run("skopeo", ["inspect", "--format", "{{.Digest}}", &sources[0]]);
    assert_eq!(digest.trim(), image.descriptor.digest.to_string());
    for (number, source) in sources.iter().enumerate() {
        let copy = format!("dir:{}", store.path(&format!("copy-{number}")).display());
        run("skopeo", ["--insecure-policy", "copy", source, &copy]);
    }
}

#[test]
fn umoci_unpacks_a_layout() {
    let store = Store::new();
    let image = image(vec![data_layer(&store)]);
    let layout = store.layout(&image, "one").unwrap();
    store.layout(&self::image(vec![data_layer(&store), data_layer(&store)]), "two").unwrap();
    assert_eq!(run("umoci", ["ls", "--layout", layout.to_str().unwrap()]), "one\ntwo\n");
    run_in(store.folder.path(), "umoci", &["unpack", "--rootless", "--image", "{}/layout:one", "{}/bundle"]);
    check_unpacked(&store.path("bundle/rootfs"));
    let mut specification = String::new();
    File::open(store.path("bundle/config.json")).unwrap().read_to_string(&mut specification).unwrap();
    assert!(specification.contains("GREETING=hello = world"), "{specification}");
}
