//! `new`: in an empty folder, in a workspace, for a single package; and the builds of its output.

use std::process::Command;

use crate::first_image::pieces;
use crate::package_images::builders_lock;
use crate::pty::Session;
use crate::support::{LoadedImage, Workspace, run, tool};

#[test]
fn new_workspace_builds_and_runs() {
    let workspace = Workspace::new("fresh");
    let first = workspace.xtask(&["new", "workspace", "."]).ok();
    let first = first.stderr.replace(&format!("{}/", workspace.root().display()), "");
    assert!(first.contains("Created Cargo.toml\n") && first.contains("Created .cargo/config.toml\n"), "{first}");
    // The guide's own way by hand leads to the same.
    let [xtask, main, _, config, _] = &pieces()[..] else { panic!("the pieces of the guide") };
    let written = workspace.read("xtask/Cargo.toml");
    let path = written.split('"').rev().nth(1).expect("a path");
    assert_eq!(written.replace(path, "../../tierce/workspace-crates/tierce"), *xtask);
    assert!(workspace.read("xtask/src/main.rs").ends_with(main));
    let table = |text: &str| text.parse::<toml::Table>().expect("TOML");
    assert_eq!(table(&workspace.read(".cargo/config.toml")), table(config));

    workspace.xtask(&["new", "builder", "--repository", "overlay", "--path", "ebuilds/overlay"]).ok();
    workspace.xtask(&["new", "image", "web", "--bin", "--packages", "sys-libs/zlib", "--expose", "8080,53/udp"]).ok();
    assert_eq!(workspace.members(), ["hello", "web"]);
    let before = workspace.read("Cargo.toml");
    let again = workspace.xtask(&["new", "workspace", "."]).ok();
    assert!(!again.stderr.contains("Created") && !again.stderr.contains("Changed"), "{}", again.stderr);
    let again = workspace.xtask(&["new", "image", "web", "--bin"]).fails_with(3);
    assert!(
        again.error(workspace.root()).starts_with("error: the workspace has an image `web` already\n"),
        "{}",
        again.stderr
    );
    assert_eq!(workspace.read("Cargo.toml"), before);

    // Another test compiles such an xtask: that of the page "Set up a workspace by hand".
    let built = workspace.xtask(&["image"]).ok();
    assert_eq!(built.stdout, "hello:latest\nweb:latest\n");
    let ran = tool("docker", ["run", "--rm", "--network", "none", "web:latest"]).ok();
    assert_eq!(ran.stdout, "hello from web\n");

    // The report lists the packages: the image has no file of the library, as the program does not link it.
    let report = workspace.read("target/tierce/reports/web/packages.json");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    let packages = report["packages"].as_array().expect("a list");
    let of = |name: &str| packages.iter().find(|one| one["cpv"].as_str().is_some_and(|cpv| cpv.starts_with(name)));
    let zlib = of("sys-libs/zlib-").unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!(
        (&zlib["license"], &zlib["reason"]),
        (&"ZLIB".into(), &"`packages` has sys-libs/zlib".into()),
        "{zlib:#}"
    );
    assert_eq!(zlib["image"]["bytes"], 0);
    assert!(zlib["installed"]["bytes"].as_u64() > Some(50_000), "{zlib:#}");
    assert!(zlib["sources"][0]["digest"].as_str().is_some_and(|digest| digest.starts_with("blake2b:")), "{zlib:#}");
    let glibc = of("sys-libs/glibc-").unwrap_or_else(|| panic!("{report:#}"));
    assert!(glibc["image"]["bytes"].as_u64() > Some(1_000_000), "{glibc:#}");
    assert_eq!((&report["crates"][0]["name"], &report["crates"][0]["source"]), (&"web".into(), &"./images/web".into()));

    let inspected =
        tool("docker", ["image", "inspect", "-f", "{{json .Config.ExposedPorts}} {{.Config.User}}", "web:latest"]);
    assert_eq!(inspected.ok().stdout, "{\"53/udp\":{},\"8080/tcp\":{}} 65534:65534\n");
}

const MANIFEST: &str =
    "# Ours.\n[package]\nname = \"alone\"   # so it is called\nversion = \"1.0.0\"\nedition = \"2024\"\n";

#[test]
fn new_workspace_converts_single_package() {
    let config = "[alias]\n# Short.\nb = \"build\"\n";
    let workspace = Workspace::new("alone")
        .file("Cargo.toml", MANIFEST)
        .file("src/main.rs", "fn main() {}\n")
        .file(".cargo/config.toml", config)
        .file(".gitignore", "/target\n");
    let dry = workspace.xtask(&["new", "workspace", ".", "--dry-run"]).ok();
    assert_eq!(workspace.read("Cargo.toml"), MANIFEST, "nothing is written");
    workspace.xtask(&["new", "workspace", "."]).ok();
    assert_eq!(workspace.read("Cargo.toml"), MANIFEST);
    assert_eq!(workspace.members(), ["alone"]);
    let edited = workspace.read(".cargo/config.toml");
    assert!(edited.starts_with(&format!("{config}xtask = ")), "{edited}");

    // git applies the diff of a dry run.
    let applied = Workspace::new("alone").file("Cargo.toml", MANIFEST).file(".cargo/config.toml", config);
    applied.write("draft.diff", &dry.stdout);
    run(Command::new("git").args(["apply", "draft.diff"]).current_dir(applied.root())).ok();
    for path in [".cargo/config.toml", "xtask/Cargo.toml", "xtask/src/main.rs"] {
        assert_eq!(applied.read(path), workspace.read(path), "{path}");
    }

    // The package gets its table, and the workspace an image of packages beside it.
    workspace.xtask(&["new", "image", "alone", "--bin"]).ok();
    let manifest = workspace.read("Cargo.toml");
    assert!(manifest.starts_with(MANIFEST) && manifest.contains("\n[package.metadata.image]\n"), "{manifest}");
    let packages = ["--packages-only", "--packages", "app-shells/bash[readline]", "--entrypoint", "/bin/bash"];
    workspace.xtask(&[&["new", "image", "alone-shell"][..], &packages].concat()).ok();
    assert!(workspace.read("Cargo.toml").starts_with(&manifest));
    let listed = workspace.xtask(&["list", "--format", "names"]).ok();
    assert_eq!(listed.stdout, "alone\nalone-shell\ntoolbox\n");

    // The written files can be built.
    workspace.write("src/main.rs", "fn main() {\n    println!(\"hello from alone\");\n}\n");
    workspace.write("Tierce.lock", &builders_lock());
    let _images = LoadedImage::new("alone").and("alone-shell");
    assert_eq!(workspace.xtask(&["image"]).ok().stdout, "alone:latest\nalone-shell:latest\n");
    for (arguments, expected) in
        [(&["alone"][..], "hello from alone\n"), (&["alone-shell", "-c", "echo $((6 * 7))"], "42\n")]
    {
        let ran = tool("docker", [&["run", "--rm", "--network", "none"], arguments].concat()).ok();
        assert_eq!(ran.stdout, expected);
    }
}

#[test]
fn missing_arguments_are_asked_on_terminal() {
    let workspace = Workspace::with_package("web", "user = 1", "");
    let mut session = Session::start(workspace.command().args(["new", "image"]));
    session.wait_for("Name of the image: ");
    session.press("Db\n");
    session.wait_for("`Db` is not a name for an image");
    session.press("db\n");
    session.wait_for("[program]: ");
    session.press("packages\n");
    session.wait_for("separated by commas: ");
    session.press("\n");
    session.wait_for("an image of packages needs one");
    session.press("dev-db/sqlite\n");
    session.wait_for("that a container starts: ");
    session.press("/usr/bin/sqlite3\n");
    session.wait_for("Ports that it listens on");
    session.press("\n");
    let (code, screen) = session.end();
    assert_eq!(code, Some(0), "{}", screen.seen);
    let manifest = workspace.read("Cargo.toml");
    assert!(manifest.contains("\n[workspace.metadata.images.db]\n"), "{manifest}");

    // After Ctrl-C, `new` writes nothing.
    let mut session = Session::start(workspace.command().args(["new", "image"]));
    session.wait_for("Name of the image: ");
    session.press("\x03");
    assert_eq!(session.end().0, Some(130));
    assert_eq!(workspace.read("Cargo.toml"), manifest);
}
