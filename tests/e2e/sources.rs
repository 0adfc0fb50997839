//! Sources of programs: the files that a build reads are those that its key has.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::package_images::builders_lock;
use crate::support::{LoadedImage, Ran, Workspace, run, tool};

/// A package of this name at the root of its workspace.
fn root_package(name: &str, main: &str) -> Workspace {
    Workspace::new(name)
        .file(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[package.metadata.image]\n"
            ),
        )
        .file("src/main.rs", main)
        .file("Tierce.lock", &builders_lock())
}

/// Whether a run called cargo.
fn compiles(ran: &Ran) -> bool {
    ran.stderr.lines().any(|line| line.trim_start().starts_with("Compiling "))
}

#[test]
fn untagged_target_folder_is_no_source() {
    let workspace = root_package("untagged", "fn main() {}\n").file("target/made-by-hand", "");
    let _image = LoadedImage::new("untagged");
    assert!(compiles(&workspace.xtask(&["image"]).ok()));
    let second = workspace.xtask(&["image"]).ok();
    assert!(!compiles(&second), "{}", second.stderr);
    for sink in [["--layout", "out/layout"], ["--archive", "out/image.tar"]] {
        let delivered = workspace.xtask(&[&["image"][..], &sink].concat()).ok();
        assert!(!compiles(&delivered), "{}", delivered.stderr);
    }
    workspace.write("src/main.rs", "fn main() { println!(); }\n");
    assert!(compiles(&workspace.xtask(&["image"]).ok()));
}

/// The id of an image, as Tierce writes it into an OCI layout.
fn id_of(workspace: &Path, image: &str) -> String {
    let layout = workspace.join("target/layout");
    let mut command = crate::support::xtask(workspace);
    run(command.args(["image", image, "--layout", layout.to_str().expect("UTF-8")])).ok();
    fs::read_to_string(layout.join("index.json")).expect("a layout")
}

#[test]
fn folder_names_above_reach_no_program() {
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n");
    let write = |folder: &Workspace, workspace: &str| {
        let app = format!(
            "{}\n[package.metadata.image]\n\n[dependencies]\nlib = {{ path = \"../../lib\" }}\n",
            package("app")
        );
        let tool =
            format!("{}\n[dependencies]\nhelper = {{ path = \"../../helper/crates/helper\" }}\n", package("tool"));
        let main = "fn main() { println!(\"{} {}\", lib::PLACE, env!(\"CARGO_MANIFEST_DIR\")); }\n";
        for (path, text) in [
            (
                format!("{workspace}/Cargo.toml"),
                "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"tool\"]\n".into(),
            ),
            (format!("{workspace}/Tierce.lock"), builders_lock()),
            (format!("{workspace}/app/Cargo.toml"), app),
            (format!("{workspace}/app/src/main.rs"), main.into()),
            (format!("{workspace}/tool/Cargo.toml"), tool),
            (format!("{workspace}/tool/src/main.rs"), "fn main() {}\n".into()),
            ("lib/Cargo.toml".into(), package("lib")),
            (
                "lib/src/lib.rs".into(),
                "pub const PLACE: &str = concat!(env!(\"CARGO_MANIFEST_DIR\"), file!());\n".into(),
            ),
            ("helper/Cargo.toml".into(), "[workspace]\nmembers = [\"crates/*\"]\n".into()),
            ("helper/crates/helper/Cargo.toml".into(), package("helper")),
            ("helper/crates/helper/src/lib.rs".into(), "compile_error!(\"no image needs it\");\n".into()),
        ] {
            folder.write(&path, &text);
        }
        id_of(&folder.root().join(workspace), "app")
    };
    let (one, other) = (Workspace::new("one"), Workspace::new("some/other"));
    let ids = [write(&one, "project"), write(&other, "a-clone-of-it")];
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn file_outside_is_named_and_mounted() {
    let folder = Workspace::new("outside");
    folder.write("schema/tables.sql", "create table one");
    let table = |sources: &str| {
        format!(
            "[package]\nname = \"outside\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[package.metadata.image]\n{sources}\n"
        )
    };
    let workspace = folder.root().join("workspace");
    folder.write("workspace/Cargo.toml", &table(""));
    folder.write("workspace/Tierce.lock", &builders_lock());
    folder
        .write("workspace/src/main.rs", "fn main() { println!(\"{}\", include_str!(\"../../schema/tables.sql\")); }\n");
    let image = || run(crate::support::xtask(&workspace).arg("image"));
    let refused = image().fails_with(6);
    assert!(refused.stderr.contains("add `sources = [\"../schema/tables.sql\"]` to the table"), "{}", refused.stderr);

    let _image = LoadedImage::new("outside");
    folder.write("workspace/Cargo.toml", &table("sources = [\"../schema\"]"));
    let first = image().ok();
    let output = || tool("docker", ["run", "--rm", "--network", "none", "outside:latest"]).ok().stdout;
    assert_eq!(output(), "create table one\n");
    folder.write("schema/tables.sql", "create table two");
    assert_eq!(image().ok().line(), first.line());
    assert_eq!(output(), "create table two\n");
}

#[test]
fn secrets_of_cargo_home_stay_on_the_host() {
    let workspace = root_package(
        "secrets",
        "fn main() { print!(\"{}\", include_str!(concat!(env!(\"OUT_DIR\"), \"/seen\"))); }\n",
    )
    .file(
        "build.rs",
        "fn main() {\n    let home = std::env::var(\"CARGO_HOME\").unwrap();\n    \
             let seen = std::fs::read_to_string(format!(\"{home}/config.toml\")).unwrap_or_default();\n    \
             std::fs::write(std::env::var(\"OUT_DIR\").unwrap() + \"/seen\", seen).unwrap();\n}\n",
    )
    .file(
        "cargo home/config.toml",
        "[registry]\ntoken = \"secret-1\"\n[http]\nproxy = \"http://user:secret-2@proxy\"\n[env]\nSHOWN = \"yes\"\n",
    );
    let _image = LoadedImage::new("secrets");
    let mut command = workspace.command();
    let ran = run(command.env("CARGO_HOME", workspace.root().join("cargo home")).arg("image")).ok();
    let seen = tool("docker", ["run", "--rm", "--network", "none", ran.line()]).ok().stdout;
    assert_eq!(seen, "[env]\nSHOWN = \"yes\"\n");
}

#[test]
fn build_that_asks_git_depends_on_the_revision() {
    let build = "fn main() {\n    let git = std::process::Command::new(\"git\").args([\"rev-parse\", \"HEAD\"]).output().unwrap();\n    \
                 println!(\"cargo:rustc-env=REVISION={}\", String::from_utf8(git.stdout).unwrap().trim());\n}\n";
    let workspace = root_package("revision", "fn main() { println!(\"{}\", env!(\"REVISION\")); }\n")
        .file("build.rs", build)
        .file("README.md", "one")
        .file(".gitignore", "/target\n");
    let git = |arguments: &[&str]| {
        let user = ["-c", "user.name=nobody", "-c", "user.email=nobody@localhost", "-c", "commit.gpgsign=false"];
        let mut command = Command::new("git");
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
        run(command.current_dir(workspace.root()).args(user).args(arguments)).ok().stdout.trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    let _image = LoadedImage::new("revision");
    let output =
        || tool("docker", ["run", "--rm", "--network", "none", "revision:latest"]).ok().stdout.trim().to_owned();
    workspace.xtask(&["image"]).ok();
    git(&["add", "."]);
    git(&["commit", "-q", "--allow-empty", "-m", "two"]);
    workspace.xtask(&["image"]).ok();
    assert_eq!(output(), git(&["rev-parse", "HEAD"]));
    assert!(!compiles(&workspace.xtask(&["image"]).ok()));
}

#[test]
fn impossible_programs_are_refused_at_once() {
    let workspace = root_package("new-rust", "fn main() {}\n");
    workspace.file_again("Cargo.toml", "edition = \"2024\"\n", "edition = \"2024\"\nrust-version = \"1.999\"\n");
    let refused = workspace.xtask(&["image"]).fails_with(3);
    assert!(refused.stderr.contains("the package `new-rust` needs Rust 1.999"), "{}", refused.stderr);

    let workspace = root_package("no-profile", "fn main() {}\n");
    workspace.file_again("Cargo.toml", "[package.metadata.image]\n", "[package.metadata.image]\nprofile = \"smal\"\n");
    let refused = workspace.xtask(&["image"]).fails_with(3);
    assert!(refused.stderr.contains("the workspace has no cargo profile `smal`"), "{}", refused.stderr);

    let workspace = root_package("no-openssl", "fn main() {}\n")
        .file("openssl-sys/Cargo.toml", "[package]\nname = \"openssl-sys\"\nversion = \"0.9.0\"\nedition = \"2024\"\n")
        .file("openssl-sys/src/lib.rs", "");
    let manifest = fs::read_to_string(workspace.root().join("Cargo.toml")).expect("readable");
    workspace.write("Cargo.toml", &format!("{manifest}\n[dependencies]\nopenssl-sys = {{ path = \"openssl-sys\" }}\n"));
    let refused = workspace.xtask(&["image"]).fails_with(3);
    assert!(refused.stderr.contains("add `packages = [\"dev-libs/openssl\"]` to the table"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("Building") && !compiles(&refused), "{}", refused.stderr);
}
