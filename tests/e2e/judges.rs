//! Other tools judge an image: skopeo and umoci of its documents and layers, readelf, gdb, lddtree and ldconfig of its files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{repository, run, tool, xtask};

/// An image as a layout, unpacked by umoci.
struct Unpacked {
    folder: tempfile::TempDir,
    name: &'static str,
    rootfs: PathBuf,
}

impl Unpacked {
    #[track_caller]
    fn new(name: &'static str) -> Unpacked {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_str().expect("UTF-8");
        let layout = format!("{path}/layout");
        run(xtask(repository()).args(["image", name, "--layout", &layout])).ok();
        let image = format!("{layout}:{name}:latest");
        // Rootless, so that any user may run it; another test checks owners.
        tool("umoci", ["unpack", "--rootless", "--image", &image, &format!("{path}/bundle")]).ok();
        Unpacked { rootfs: folder.path().join("bundle/rootfs"), folder, name }
    }

    #[track_caller]
    fn both() -> [Unpacked; 2] {
        ["hello", "thumbnailer"].map(Unpacked::new)
    }

    fn program(&self) -> PathBuf {
        self.rootfs.join("usr/bin").join(self.name)
    }

    /// Everything in it that is no folder, from its root on.
    fn entries(&self) -> Vec<PathBuf> {
        let (mut entries, mut folders) = (Vec::new(), vec![self.rootfs.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("readable").path();
                let list = if path.is_dir() && !path.is_symlink() { &mut folders } else { &mut entries };
                list.push(path);
            }
        }
        entries.sort();
        entries
    }

    /// Its regular files.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        self.entries().into_iter().filter(|path| !path.is_symlink())
    }

    /// All its ELF files: by their first bytes, not by where they lie.
    fn elf_files(&self) -> Vec<String> {
        self.files().filter(|path| fs::read(path).expect("readable").starts_with(b"\x7fELF")).map(text).collect()
    }
}

fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().expect("UTF-8")
}

/// The `target/tierce` of this repository.
fn tierce_folder() -> PathBuf {
    let metadata = run(Command::new(env!("CARGO")).current_dir(repository()).env_remove("CARGO_TARGET_DIR").args([
        "metadata",
        "--no-deps",
        "--format-version=1",
    ]))
    .ok();
    let metadata: serde_json::Value = serde_json::from_str(&metadata.stdout).expect("JSON");
    Path::new(metadata["target_directory"].as_str().expect("a path")).join("tierce")
}

/// The build-id of a file as readelf gives it.
#[track_caller]
fn build_id(path: &str) -> String {
    let notes = tool("readelf", ["--wide", "--notes", path]).ok().stdout;
    let id = notes.lines().find_map(|line| Some(line.split_once("Build ID: ")?.1));
    id.unwrap_or_else(|| panic!("{path} has no build-id:\n{notes}")).to_owned()
}

#[test]
fn libraries_resolve_inside_the_image() {
    let thumbnailer =
        ["libpng16.so.16", "libturbojpeg.so.0", "libexif.so.12", "libsqlite3.so.0", "libz.so.1", "libc.so.6"];
    for (image, sonames) in Unpacked::both().iter().zip([&["libc.so.6", "libgcc_s.so.1"][..], &thumbnailer]) {
        let rootfs = text(image.rootfs.clone());
        // Debian's lddtree is a script of Debian's own Python.
        let mut lddtree = Command::new("lddtree");
        let program = format!("/usr/bin/{}", image.name);
        let tree = run(lddtree.env("PATH", "/usr/bin:/bin").args(["-R", &rootfs, &program])).ok().stdout;
        assert!(!tree.contains("not found") && !tree.contains("=> None"), "{tree}");
        let found: Vec<&str> =
            tree.lines().filter_map(|line| Some(line.split_once("=> ")?.1.trim_end_matches(')'))).collect();
        assert!(found.iter().all(|path| path.starts_with(&rootfs)), "{tree}");
        for soname in sonames {
            assert!(found.iter().any(|path| path.ends_with(&format!("/{soname}"))), "{soname}:\n{tree}");
        }
        // readelf also lists the needs of libraries that no key asks for.
        for path in image.elf_files() {
            let dynamic = tool("readelf", ["--wide", "--dynamic", &path]).ok().stdout;
            let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
            for soname in needed.filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']'))) {
                assert!(image.rootfs.join("usr/lib64").join(soname).is_file(), "{path} needs {soname}");
            }
        }

        let cache = text(image.rootfs.join("etc/ld.so.cache"));
        // ldconfig lies where only root's PATH has it.
        let path = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin";
        let listed = run(Command::new("ldconfig").env("PATH", path).args(["-p", "-C", &cache])).ok().stdout;
        let listed: Vec<&str> = listed.lines().filter_map(|line| Some(line.split_once("=> ")?.1)).collect();
        for soname in sonames {
            assert!(listed.iter().any(|path| path.ends_with(&format!("/{soname}"))), "{soname}: {listed:?}");
        }
        for path in listed {
            let inside = image.rootfs.join(path.trim_start_matches('/'));
            assert!(inside.exists(), "ld.so.cache names {path}, which the image does not have");
        }
    }
}

#[test]
fn image_has_only_program_and_libraries() {
    for image in Unpacked::both() {
        // No shell, no package database, no headers, no archives, no caches: nothing of any other kind.
        let mut programs = Vec::new();
        for path in image.files() {
            let said = tool("file", ["--brief", path.to_str().expect("UTF-8")]).ok().stdout;
            let name = text(path.strip_prefix(&image.rootfs).expect("inside").to_owned());
            let library = name.starts_with("usr/lib64/") && name.contains(".so") && said.contains("shared object");
            if said.starts_with("ELF 64-bit LSB") && !library {
                programs.push(name);
            } else {
                assert!(library || name == "etc/ld.so.cache", "{name} is in {}: {said}", image.name);
            }
        }
        assert_eq!(programs, [format!("usr/bin/{}", image.name)]);
        let links = image.entries().into_iter().filter(|path| path.is_symlink());
        for link in links {
            let target = link.canonicalize().unwrap_or_else(|error| panic!("{link:?}: {error}"));
            assert!(target.starts_with(&image.rootfs), "{link:?} leads to {target:?}");
        }
    }
}

#[test]
fn layers_are_near_file_size() {
    for image in Unpacked::both() {
        let files: u64 = image.files().map(|path| path.metadata().expect("it is there").len()).sum();
        let layout = format!("oci:{}:{}:latest", image.folder.path().join("layout").display(), image.name);
        let manifest = tool("skopeo", ["inspect", "--raw", &layout]).ok().stdout;
        let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
        let layers = manifest["layers"].as_array().expect("layers");
        let bytes: u64 = layers.iter().map(|layer| layer["size"].as_u64().expect("a size")).sum();
        assert!(bytes * 100 <= files * 102, "{}: {bytes} bytes for {files} of files", image.name);
    }
}

#[test]
fn binaries_are_stripped_with_symbols_kept() {
    let symbols = tierce_folder().join("symbols");
    let images = Unpacked::both();
    let mut kept = Vec::new();
    for image in &images {
        let said = tool("file", ["--brief", &text(image.program())]).ok().stdout;
        assert!(said.contains("dynamically linked, interpreter /lib64/ld-linux-x86-64.so.2"), "{said}");
    }
    for path in images.iter().flat_map(Unpacked::elf_files) {
        let sections = tool("readelf", ["--wide", "--sections", &path]).ok().stdout;
        assert!(!sections.contains(".debug_info") && !sections.contains(".debug_line"), "{path}:\n{sections}");
        let id = build_id(&path);
        let debug = symbols.join(format!(".build-id/{}/{}.debug", &id[..2], &id[2..]));
        // Debian's binaries have no symbols: libc and gcc's runtime libraries.
        if !debug.exists() {
            let theirs = ["ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libgcc_s.so.1"];
            assert!(theirs.iter().any(|name| path.ends_with(name)), "no symbols of {path}");
            continue;
        }
        let debug = text(debug);
        assert_eq!(build_id(&debug), id);
        let sections = tool("readelf", ["--wide", "--sections", &debug]).ok().stdout;
        assert!(sections.contains(".debug_info") && sections.contains(".debug_line"), "{debug}:\n{sections}");
        kept.push(path.rsplit('/').next().unwrap_or_default().to_owned());
    }
    for name in ["hello", "thumbnailer", "libpng16", "libturbojpeg", "libexif", "libsqlite3", "libz"] {
        let count = kept.iter().filter(|kept| kept.split('.').next() == Some(name)).count();
        assert_eq!(count, 1, "symbols of {name} among {kept:?}");
    }
    assert_eq!(kept.len(), 7, "{kept:?}");

    let [_, image] = images;
    let place = |file: &str, function: &str| {
        let directory = format!("set debug-file-directory {}", symbols.display());
        let (file, line) = (format!("file {}", image.rootfs.join(file).display()), format!("info line {function}"));
        tool("gdb", ["-nx", "-batch", "-ex", &directory, "-ex", &file, "-ex", &line]).ok().stdout
    };
    let said = place("usr/bin/thumbnailer", "main");
    let zlib = place("usr/lib64/libz.so.1", "inflate");
    assert!(zlib.contains("inflate.c\" starts at address"), "gdb finds no line of zlib: {zlib}");
    assert!(said.contains("starts at address") || said.contains("is at address"), "gdb finds no `main`: {said}");
}

#[test]
fn binaries_name_no_host_path() {
    let images = Unpacked::both();
    let host = [text(repository().to_owned()), std::env::var("HOME").unwrap_or_default(), text(tierce_folder())];
    for path in images.iter().flat_map(Unpacked::elf_files) {
        let bytes = fs::read(&path).expect("readable");
        for place in host.iter().filter(|place| place.len() > 1) {
            // A short name such as /root may stand there for another reason.
            let place = format!("{place}/");
            assert!(!bytes.windows(place.len()).any(|window| window == place.as_bytes()), "{path} names {place}");
        }
    }
}

#[test]
fn skopeo_reads_layout_and_archive_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| text(folder.path().join(name));
    let (layout, archive) = (at("layout"), at("thumbnailer.tar"));
    let written = run(xtask(repository()).args(["image", "thumbnailer", "--layout", &layout])).ok();
    let in_layout = written.line().to_owned();
    assert_eq!(in_layout, format!("oci:{layout}:thumbnailer:latest"));
    let written = run(xtask(repository()).args(["image", "thumbnailer", "--archive", &archive])).ok();
    let in_archive = written.line().to_owned();
    assert_eq!(in_archive, format!("docker-archive:{archive}"));

    // As data: a copy out of an archive has its keys in another order.
    let config = |reference: &str| -> serde_json::Value {
        let config = tool("skopeo", ["inspect", "--config", "--raw", reference]).ok().stdout;
        serde_json::from_str(&config).expect("JSON")
    };
    assert_eq!(config(&in_layout), config(&in_archive));
    let layers = |reference: &str| {
        let inspected = tool("skopeo", ["inspect", reference]).ok().stdout;
        serde_json::from_str::<serde_json::Value>(&inspected).expect("JSON")["Layers"].clone()
    };
    assert_eq!(layers(&in_layout), layers(&in_archive));

    // To copy is to read every blob and to check its digest.
    let copies = [format!("oci:{}:from-layout", at("copy")), format!("oci:{}:from-archive", at("copy"))];
    for (from, to) in [&in_layout, &in_archive].into_iter().zip(&copies) {
        tool("skopeo", ["--insecure-policy", "copy", "--quiet", from, to]).ok();
        assert_eq!(config(to), config(&in_layout));
    }

    // A second run writes nothing again, except for removed files.
    let layer = layers(&in_layout)[0].as_str().expect("a digest").replace("sha256:", "");
    let layer = folder.path().join("layout/blobs/sha256").join(layer);
    let write = || run(xtask(repository()).args(["image", "thumbnailer", "--layout", &layout])).ok().stderr;
    assert!(!write().contains("Running load"));
    fs::remove_file(&layer).expect("it is there");
    assert!(write().contains("Running load") && layer.exists());

    // A second image beside the first leaves it there.
    let written = run(xtask(repository()).args(["image", "hello", "--layout", &layout])).ok();
    assert_eq!(written.line(), format!("oci:{layout}:hello:latest"));
    assert_ne!(config(written.line()), config(&in_layout));
}

#[test]
fn archive_holds_one_image() {
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("all.tar");
    let ran = run(xtask(repository()).args(["image", "--archive", &text(archive.clone())])).fails_with(2);
    assert!(
        ran.stderr.contains("error: an archive holds one image; say which of fetch, hello, php, thumbnailer"),
        "{}",
        ran.stderr
    );
    assert!(!archive.exists());
}
