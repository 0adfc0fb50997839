//! Workspaces as people have them, which the builder compiles as cargo does outside of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Container, Ran, Workspace, run, tool};

/// The output of a container of an image.
#[track_caller]
fn output(reference: &str) -> String {
    tool("docker", ["run", "--rm", "--network", "none", reference]).ok().stdout
}

/// Everything that lies below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("readable").path();
            if path.is_dir() && !path.is_symlink() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

/// The names of the crates that cargo said it compiles.
fn compiled(ran: &Ran) -> Vec<&str> {
    let lines = ran.stderr.lines().filter_map(|line| line.trim_start().strip_prefix("Compiling "));
    lines.filter_map(|line| line.split(' ').next()).collect()
}

/// The warnings of a run about the user's own tools.
fn overridden(ran: &Ran, folder: &Path) -> String {
    let warnings: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("is not used")).collect();
    warnings.join("\n").replace(&folder.display().to_string(), "[FOLDER]")
}

/// Returns the fixture `everything` with its git repository, and with the wrapper of its configuration in PATH.
struct Everything {
    folder: Workspace,
}

impl Everything {
    fn new() -> Everything {
        let folder = Workspace::fixture("everything");
        let git = folder.root().join("git");
        std::os::unix::fs::symlink("../linked", folder.root().join("workspace/linked")).expect("writable");
        for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "one"]] {
            let user = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false"];
            let mut command = Command::new("git");
            // Inside of a hook these name the repository that it runs for.
            for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
                command.env_remove(name);
            }
            run(command.current_dir(&git).args(user).args(arguments)).ok();
        }
        Everything { folder }
    }

    fn workspace(&self) -> PathBuf {
        self.folder.root().join("workspace")
    }

    fn image(&self) -> Ran {
        let path = std::env::var("PATH").expect("PATH");
        let mut command = self.folder.command();
        command.current_dir(self.workspace()).args(["image"]);
        run(command.env("PATH", format!("{}:{path}", self.folder.root().join("bin").display()))).ok()
    }
}

#[test]
fn cargo_features_work_in_the_builder() {
    let everything = Everything::new();
    let first = everything.image();
    insta::assert_snapshot!(output(first.line()), @"
    library: hello, polite=false loud=true
    macro: QUIET
    neighbour: neighbour 7.8.9
    linked: linked
    absolute: absolute
    git: from-git
    registry: 7
    generated: generated
    zlib: cbf43926
    C flags: offset=1
    features: standard=false extra=true
    flags: above=true build=true windows=false
    processor: sse4.2=true avx2=false
    profile: abort=true assertions=false
    variables: the folder above, good day, forty-two
    ");

    insta::assert_snapshot!(overridden(&first, everything.folder.root()), @"
    warning: the linker `-C linker=clang` of [FOLDER]/workspace/.cargo/config.toml is not used: the builder links with its own C compiler
    warning: the wrapper of rustc `sccache` of [FOLDER]/workspace/.cargo/config.toml is not used: the builder has none
    warning: the linker `-Clink-arg=-fuse-ld=mold` of [FOLDER]/workspace/.cargo/config.toml is not used: the builder does not have it
    ");
    assert!(everything.workspace().join("Cargo.lock").is_file(), "cargo's lock is made on the host");

    // Built files belong to the calling user.
    let me = fs::metadata(everything.folder.root()).expect("readable").uid();
    for path in files_below(&everything.workspace()) {
        let owner = fs::symlink_metadata(&path).expect("readable").uid();
        assert_eq!(owner, me, "{}", path.display());
    }

    // A file that lies in no package, yet in the program.
    everything.folder.write("workspace/data/answer.txt", "forty-three\n");
    let changed = everything.image();
    assert_eq!(compiled(&changed), ["everything"], "{}", changed.stderr);
    assert!(output(changed.line()).contains("good day, forty-three"));

    // A changed line of one crate recompiles that crate and the binaries with it, and no others.
    everything.folder.write("workspace/app/src/main.rs", "fn main() { println!(\"{}\", library::greeting()); }\n");
    let second = everything.image();
    assert_eq!(compiled(&second), ["everything"], "{}", second.stderr);
    assert_eq!(output(second.line()), "hello, polite=false loud=true\n");

    // Without a change, the run does nothing.
    let third = everything.image();
    assert_eq!(compiled(&third), Vec::<&str>::new());
    assert_eq!(third.line(), second.line());
}

/// Copies a file out of an image, and returns readelf's output for it with these options.
#[track_caller]
fn readelf(reference: &str, path: &str, options: &str) -> String {
    let container = Container::create(reference);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = folder.path().join("file");
    tool("docker", ["cp", &format!("{}:{path}", container.name()), copy.to_str().expect("UTF-8")]).ok();
    tool("readelf", [options, copy.to_str().expect("UTF-8")]).ok().stdout
}

/// Where the symbols of a program of an image are kept: by its build-id.
#[track_caller]
fn symbols(workspace: &Path, reference: &str, path: &str) -> PathBuf {
    let notes = readelf(reference, path, "-n");
    let id = notes.lines().find_map(|line| line.trim().strip_prefix("Build ID: ")).expect("a build-id").to_owned();
    workspace.join(format!("target/tierce/symbols/.build-id/{}/{}.debug", &id[..2], &id[2..]))
}

/// Whether debugging information tells of types, which line tables do not.
fn has_types(file: &Path) -> bool {
    tool("readelf", ["-wi", file.to_str().expect("UTF-8")]).ok().stdout.contains("Conspicuous")
}

#[test]
fn target_flags_and_dev_profile_apply() {
    let main = "#[derive(Debug)]\nstruct Conspicuous(u8);\nfn main() {\n    \
                println!(\"target={} build={} debug={} {:?}\", cfg!(from_target), cfg!(from_build), \
                cfg!(debug_assertions), Conspicuous(7));\n}\n";
    let config = "[build]\nrustc = \"rustc\"\nrustflags = [\"--cfg\", \"from_build\"]\n\
                  [target.x86_64-unknown-linux-gnu]\nlinker = \"wild\"\n\
                  rustflags = [\"--cfg\", \"from_target\", \"-Clinker-flavor=ld.lld\", \"-Clink-arg=--ld-path=mold\", \
                  \"-Clink-arg=-fuse-ld=lld\"]\n";
    let workspace = Workspace::with_package("target-flags", "profile = \"dev\"", "")
        .file("target-flags/src/main.rs", main)
        .file(".cargo/config.toml", config);
    let ran = workspace.xtask(&["image"]).ok();
    // cargo forgets the flags of `build` where the target has some.
    assert_eq!(output(ran.line()), "target=true build=false debug=true Conspicuous(7)\n");
    insta::assert_snapshot!(overridden(&ran, workspace.root()), @"
    warning: the linker `wild` of [FOLDER]/.cargo/config.toml is not used: the builder links with its own C compiler
    warning: the linker `-Clinker-flavor=ld.lld` of [FOLDER]/.cargo/config.toml is not used: the builder links with its own C compiler
    warning: the linker `-Clink-arg=--ld-path=mold` of [FOLDER]/.cargo/config.toml is not used: the builder links with its own C compiler
    warning: the rustc `rustc` of [FOLDER]/.cargo/config.toml is not used: the builder has the workspace's toolchain
    ");
    let program = "/usr/bin/target-flags";
    // This library belongs to the toolchain.
    assert!(readelf(ran.line(), program, "-p.comment").contains("LLD"));
    assert!(!readelf(ran.line(), program, "-S").contains(".debug_info"), "nothing to debug with is shipped");
    assert!(has_types(&symbols(workspace.root(), ran.line(), program)), "the profile's own debugging information");
}

#[test]
fn one_run_builds_several_packages() {
    let workspace = Workspace::new("workspace")
        .file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"one\", \"two\"]\n")
        .file(
            "one/Cargo.toml",
            "[package]\nname = \"one\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[features]\nloud = []\n\n\
             [package.metadata.images.several-server]\nbins = [\"server\"]\n\n\
             [package.metadata.images.several-tools]\nbins = [\"tool\", \"server\"]\nfeatures = [\"loud\"]\n\
             strip = \"symbols\"\nentrypoint = [\"/usr/bin/tool\"]\n",
        )
        .file("one/src/bin/server.rs", "fn main() { println!(\"server, loud={}\", cfg!(feature = \"loud\")); }\n")
        .file(
            "one/src/bin/tool.rs",
            "#[derive(Debug)]\nstruct Conspicuous(u8);\n\
             fn main() { println!(\"tool, loud={} {:?}\", cfg!(feature = \"loud\"), Conspicuous(7)); }\n",
        )
        .file(
            "two/Cargo.toml",
            "[package]\nname = \"two\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n\
             [package.metadata.image]\nname = \"several-two\"\nstrip = \"none\"\n",
        )
        .file("two/src/main.rs", "fn main() { println!(\"two\"); }\n");
    let ran = workspace.xtask(&["image"]).ok();
    let references: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(references, ["several-server:latest", "several-tools:latest", "several-two:latest"]);
    let [server, tools, two] = references[..] else { unreachable!() };
    assert_eq!(output(server), "server, loud=false\n");
    assert_eq!(output(tools), "tool, loud=true Conspicuous(7)\n");
    assert_eq!(output(two), "two\n");

    let has = |reference: &str, path: &str, section: &str| readelf(reference, path, "-SW").contains(section);
    assert!(has(server, "/usr/bin/server", ".symtab"), "debuginfo is what is stripped where nothing is said");
    assert!(!has(server, "/usr/bin/server", ".debug_info"));
    assert!(!has(tools, "/usr/bin/tool", ".symtab"));
    assert!(has(two, "/usr/bin/two", ".debug_line"));
    // The stripped symbols are kept; they suffice for the lines of a backtrace.
    let kept = symbols(workspace.root(), tools, "/usr/bin/tool");
    assert!(tool("readelf", ["-SW", kept.to_str().expect("UTF-8")]).ok().stdout.contains(".debug_line"));
    assert!(!has_types(&kept));
}

#[test]
fn crates_come_from_the_configured_registry() {
    let folder = Workspace::new("user")
        .file("vendor/greeting/Cargo.toml", "[package]\nname = \"greeting\"\nversion = \"1.0.0\"\n")
        .file("vendor/greeting/src/lib.rs", "pub const GREETING: &str = \"from a folder of crates\";\n")
        .file("vendor/greeting/.cargo-checksum.json", "{\"files\":{}}\n")
        .file("workspace/src/main.rs", "fn main() { println!(\"{}\", greeting::GREETING); }\n")
        .file(
            "workspace/Cargo.toml",
            "[package]\nname = \"vendored\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n\
             [package.metadata.image]\n\n[dependencies]\ngreeting = \"1\"\n",
        );
    let vendor = folder.root().join("vendor");
    folder.write(
        "cargo home/config.toml",
        &format!(
            "[source.crates-io]\nreplace-with = \"folder\"\n\n[source.folder]\ndirectory = \"{}\"\n",
            vendor.display()
        ),
    );
    let image = |arguments: &[&str]| {
        let mut command = folder.command();
        command.env("CARGO_HOME", folder.root().join("cargo home")).current_dir(folder.root().join("workspace"));
        run(command.arg("image").args(arguments))
    };
    let refused = image(&["--locked"]).fails_with(9);
    insta::assert_snapshot!(refused.error(folder.root()), @"
    error: cannot create the lock file [WORKSPACE]/workspace/Cargo.lock because --locked was passed to prevent this
    help: to generate the lock file without accessing the network, remove the --locked flag and use --offline instead.
    error: Cargo.lock has to change, and --locked forbids it
     |
     = help: run `cargo xtask image` without --locked and commit Cargo.lock
    ");
    assert!(!folder.root().join("workspace/Cargo.lock").exists());

    let first = image(&[]).ok();
    assert_eq!(output(first.line()), "from a folder of crates\n");
    // The locks that the first run wrote are all that the second one needs; and there is nothing left for it to do.
    let second = image(&["--frozen"]).ok();
    assert_eq!(compiled(&second), Vec::<&str>::new());
}
