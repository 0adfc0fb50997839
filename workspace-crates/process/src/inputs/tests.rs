//! Each input by itself changes the digest, and other changes do not.

use std::fs::File;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::AtomicBool;

use super::*;

const PACKAGE: &str = "version = \"1.0.0\"\nedition = \"2024\"\n";
const ELF: &str = "\x7fELF of a program";

/// A workspace, a toolchain and the homes of rustup and cargo, below one folder.
struct Scene {
    _scratch: tempfile::TempDir,
    base: Utf8PathBuf,
    host: Host,
    outline: Outline,
    toolchain: Toolchain,
}

impl Scene {
    fn new() -> Scene {
        let scratch = tempfile::tempdir().unwrap();
        let base = Utf8PathBuf::from_path_buf(scratch.path().canonicalize().unwrap()).unwrap();
        let package = |name: &str| format!("[package]\nname = \"{name}\"\n{PACKAGE}");
        let files = [
            ("up/ws/Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"crates/*\"]\n".to_owned()),
            ("up/ws/app/Cargo.toml", package("app")),
            ("up/ws/app/src/main.rs", "fn main() {}".to_owned()),
            ("up/ws/app/tests/it/main.rs", String::new()),
            ("up/ws/crates/one/Cargo.toml", package("one")),
            ("up/ws/crates/one/src/lib.rs", String::new()),
            ("up/ws/.cargo/config.toml", "include = [{ path = \"more.toml\", optional = true }]".to_owned()),
            ("rustup/settings.toml", "default_toolchain = \"stable\"".to_owned()),
            ("rustup/toolchains/stable/bin/rustc", ELF.to_owned()),
            ("rustup/toolchains/stable/bin/cargo", ELF.to_owned()),
            ("rustup/toolchains/stable/lib/librustc_driver-1.so", ELF.to_owned()),
            ("bin/rustup", ELF.to_owned()),
        ];
        for (path, text) in files {
            write(&base.join(path), &text);
        }
        symlink("rustup", base.join("bin/rustc")).unwrap();
        symlink("rustup", base.join("bin/cargo")).unwrap();
        let options = cargo::Options { offline: true, ..cargo::Options::default() };
        let outline = cargo::outline(&base.join("up/ws"), &options, &AtomicBool::new(false), |_| {}).unwrap();
        // cargo itself refuses it.
        write(&base.join("up/ws/crates/notes/text"), "");
        let sysroot = base.join("rustup/toolchains/stable");
        let toolchain = Toolchain {
            cargo: sysroot.join("bin/cargo"),
            sysroot,
            version: String::new(),
            release: String::new(),
            host: String::new(),
            commit: None,
        };
        let variables = [("HOME", "/home/u"), ("RUSTUP_HOME", base.join("rustup").as_str()), ("TERM", "dumb")]
            .map(|(name, value)| (name.into(), value.into()));
        let host = Host {
            variables: variables.into(),
            cargo: base.join("bin/cargo").into(),
            rustc: base.join("bin/rustc").into(),
        };
        Scene { _scratch: scratch, base, host, outline, toolchain }
    }

    fn digest_for(&self, host: &Host) -> Option<String> {
        let folder = self.base.join("up/ws");
        digest(host, &folder, &self.base.join("cargo-home"), &self.outline, &self.toolchain)
    }

    fn digest(&self) -> Option<String> {
        self.digest_for(&self.host)
    }
}

fn write(path: &Utf8Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn each_changed_file_changes_the_digest() {
    let scene = Scene::new();
    let mut before = scene.digest().unwrap();
    let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"crates/*\"]\nexclude = [\"x\"]\n";
    let cases = [
        ("up/ws/Cargo.toml", workspace),
        ("up/ws/app/Cargo.toml", "[package]\nname = \"app\"\n"),
        ("up/ws/crates/one/Cargo.toml", "[package]\nname = \"one\"\n"),
        // A workspace above may take the members, and one between has them already.
        ("up/Cargo.toml", "[workspace]\n"),
        ("Cargo.toml", "[workspace]\n"),
        ("up/ws/crates/Cargo.toml", "[workspace]\n"),
        ("up/ws/crates/two/Cargo.toml", "[package]\n"),
        ("up/ws/crates/notes/Cargo.toml", "[package]\n"),
        ("up/ws/crates/new-folder/text", ""),
        ("up/ws/app/build.rs", ""),
        ("up/ws/app/README.md", ""),
        ("up/ws/app/src/lib.rs", ""),
        ("up/ws/app/src/bin/tool.rs", ""),
        ("up/ws/app/src/bin/other/main.rs", ""),
        ("up/ws/app/tests/more/help.rs", ""),
        ("up/ws/app/tests/more/main.rs", ""),
        ("up/ws/app/examples/one.rs", ""),
        ("up/ws/app/benches/one.rs", ""),
        ("up/ws/.cargo/config.toml", "include = [{ path = \"more.toml\", optional = true }]\nterm.quiet = true"),
        ("up/ws/.cargo/more.toml", "build.target-dir = 'elsewhere'"),
        ("up/ws/.cargo/config", ""),
        ("up/.cargo/config.toml", ""),
        ("cargo-home/config.toml", ""),
        ("rustup/settings.toml", "default_toolchain = \"nightly\""),
        ("rustup/toolchains/nightly/bin/rustc", ELF),
        ("rustup/toolchains/stable/bin/rustc", "\x7fELF of another version"),
        ("rustup/toolchains/stable/bin/cargo", "\x7fELF of another version"),
        ("rustup/toolchains/stable/lib/librustc_driver-1.so", "\x7fELF of another version"),
        ("rustup/toolchains/stable/lib/librustc_driver-2.so", ELF),
        ("bin/rustup", "\x7fELF of another version"),
        ("up/ws/rust-toolchain.toml", "[toolchain]\nchannel = \"1.90\""),
        ("up/ws/rust-toolchain", "1.90"),
        ("up/rust-toolchain.toml", ""),
    ];
    for (path, text) in cases {
        write(&scene.base.join(path), text);
        let after = scene.digest().unwrap_or_else(|| panic!("{path} is understood"));
        assert_ne!(after, before, "{path} counts");
        assert_eq!(scene.digest().as_ref(), Some(&after), "{path} is read the same again");
        before = after;
    }
    for (path, _) in cases.iter().rev().filter(|(path, _)| !path.starts_with("rustup") && !path.starts_with("bin")) {
        // The folders of these two stay, and count by themselves.
        if !["up/ws/Cargo.toml", "up/ws/app/tests/more/help.rs", "up/ws/crates/new-folder/text"].contains(path) {
            fs::remove_file(scene.base.join(path)).unwrap();
            let after = scene.digest().unwrap();
            assert_ne!(after, before, "the absence of {path} counts");
            before = after;
        }
    }
}

#[test]
fn times_of_programs_change_the_digest() {
    let scene = Scene::new();
    let rustc = scene.toolchain.sysroot.join("bin/rustc");
    let (size, before) = (rustc.metadata().unwrap().len(), scene.digest().unwrap());
    let file = File::options().write(true).open(&rustc).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(rustc.metadata().unwrap().len(), size);
    assert_ne!(scene.digest().unwrap(), before);
}

#[test]
fn replaced_toolchain_changes_the_digest() {
    let scene = Scene::new();
    let toolchains = scene.base.join("rustup/toolchains");
    symlink("stable", toolchains.join("linked")).unwrap();
    let before = scene.digest().unwrap();
    write(&scene.base.join("other/bin/rustc"), ELF);
    fs::remove_file(toolchains.join("linked")).unwrap();
    symlink("../../other", toolchains.join("linked")).unwrap();
    assert_ne!(scene.digest().unwrap(), before);
}

#[test]
fn sources_do_not_change_the_digest() {
    let scene = Scene::new();
    let before = scene.digest();
    for path in
        ["up/ws/app/src/main.rs", "up/ws/app/tests/it/main.rs", "up/ws/Cargo.lock", "up/ws/target/x", "up/ws/file"]
    {
        write(&scene.base.join(path), "// an edit");
        assert_eq!(scene.digest(), before, "{path}");
    }
}

#[test]
fn each_changed_variable_changes_the_digest() {
    let scene = Scene::new();
    let before = scene.digest();
    let with = |name: &str, value: &str| {
        let mut host = scene.host.clone();
        host.variables.insert(name.into(), value.into());
        scene.digest_for(&host)
    };
    let counting = [
        "CARGO",
        "CARGO_BUILD_TARGET",
        "CARGO_HOME",
        "CARGO_TARGET_DIR",
        "CARGO_UNSTABLE_SPARSE_REGISTRY",
        "HOME",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "PATH",
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTC_WRAPPER",
        "RUSTFLAGS",
        "RUSTUP_TOOLCHAIN",
    ];
    for name in counting {
        assert_ne!(with(name, "/other"), before, "{name} counts");
    }
    for name in ["TERM", "EDITOR", "CARGO_PKG_VERSION", "CARGO_MANIFEST_DIR", "DOCKER_HOST"] {
        assert_eq!(with(name, "/other"), before, "{name} does not count");
    }
    assert_ne!(with("RUSTUP_HOME", scene.base.join("other").as_str()), before);
}

#[test]
fn doubt_gives_no_digest() {
    type Change = fn(&mut Scene);
    let cases: [(&str, Change); 9] = [
        ("a cargo that is a script", |scene| write(&scene.toolchain.cargo, "#!/bin/sh\n")),
        ("a rustc that is a script", |scene| write(&scene.toolchain.sysroot.join("bin/rustc"), "#!/bin/sh\n")),
        ("a foreign cargo", |scene| {
            write(&scene.base.join("foreign/cargo"), ELF);
            scene.host.cargo = scene.base.join("foreign/cargo").into();
        }),
        ("a foreign rustc", |scene| {
            write(&scene.base.join("foreign/rustc"), ELF);
            scene.host.rustc = scene.base.join("foreign/rustc").into();
        }),
        ("no rustc", |scene| fs::remove_file(scene.toolchain.sysroot.join("bin/rustc")).unwrap()),
        ("a toolchain by its path", |scene| {
            write(&scene.base.join("up/rust-toolchain.toml"), "[toolchain]\npath = \"/opt/rust\"");
        }),
        ("no home", |scene| {
            scene.host.variables.retain(|name, _| name != "HOME" && name != "RUSTUP_HOME");
        }),
        ("a pattern of any depth", |scene| {
            write(&scene.base.join("up/ws/Cargo.toml"), "[workspace]\nmembers = [\"crates/**/one\"]\n");
        }),
        ("an invalid configuration", |scene| write(&scene.base.join("up/ws/.cargo/config.toml"), "[build")),
    ];
    for (name, change) in cases {
        let mut scene = Scene::new();
        assert!(scene.digest().is_some());
        change(&mut scene);
        assert_eq!(scene.digest(), None, "{name}");
    }
}

#[test]
fn rustup_may_be_a_hard_link() {
    let mut scene = Scene::new();
    fs::hard_link(scene.base.join("bin/rustup"), scene.base.join("bin/hard")).unwrap();
    scene.host.rustc = scene.base.join("bin/hard").into();
    assert!(scene.digest().is_some());
    // Under `cargo run`, both are the toolchain's own.
    scene.host.cargo = scene.toolchain.cargo.clone().into();
    scene.host.rustc = scene.toolchain.sysroot.join("bin/rustc").into();
    assert!(scene.digest().is_some());
}

#[test]
fn target_folder_is_found_without_cargo() {
    let scene = Scene::new();
    let folder = scene.base.join("up/ws/app/src");
    // The environment of the tests may name one.
    if env::var_os("CARGO_TARGET_DIR").is_none() && env::var_os("CARGO_BUILD_TARGET_DIR").is_none() {
        let found = possible_target_folders(&folder, &scene.base.join("cargo-home"));
        assert!(found.contains(&scene.base.join("up/ws/target")));
        for (value, expected) in [("out", "up/ws/out"), ("../out", "up/ws/../out"), ("/out", "/out")] {
            write(&scene.base.join("up/ws/.cargo/config.toml"), &format!("build.target-dir = '{value}'"));
            let found = possible_target_folders(&folder, &scene.base.join("cargo-home"));
            assert_eq!(found, [scene.base.join(expected)], "{value}");
        }
    }
}
