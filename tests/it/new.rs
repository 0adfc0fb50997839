//! `new`: in an empty folder, in a workspace, for a single package; and what it wrote is built.

use std::fs;
use std::process::Command;

use crate::first_image::pieces;
use crate::package_images::builders_lock;
use crate::pty::Session;
use crate::support::{LoadedImage, Ran, Workspace, repository, run, tool};

fn read(workspace: &Workspace, path: &str) -> String {
    fs::read_to_string(workspace.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What it did, a line each, without where.
fn said(ran: &Ran, workspace: &Workspace) -> String {
    ran.stderr.replace(&format!("{}/", workspace.root().display()), "")
}

/// The names of its members, as cargo sees them.
#[track_caller]
fn members(workspace: &Workspace) -> Vec<String> {
    let mut cargo = Command::new("cargo");
    let ran = run(cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(workspace.root())).ok();
    let metadata: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("a list").iter();
    let mut names: Vec<String> = packages.map(|package| package["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_new_in_an_empty_folder_is_built_and_runs() {
    let workspace = Workspace::new("fresh");
    let said_first = said(&workspace.xtask(&["new", "workspace", "."]).ok(), &workspace);
    assert!(
        said_first.contains("Created Cargo.toml\n") && said_first.contains("Created .cargo/config.toml\n"),
        "{said_first}"
    );
    // The README's own way by hand leads to the same.
    let [xtask, main, _, config, _] = &pieces()[..] else { panic!("the pieces of the README") };
    let written = read(&workspace, "xtask/Cargo.toml");
    let path = written.split('"').rev().nth(1).expect("a path");
    assert_eq!(written.replace(path, "../../tierce/workspace-crates/tierce"), *xtask);
    assert!(read(&workspace, "xtask/src/main.rs").ends_with(main));
    let table = |text: &str| text.parse::<toml::Table>().expect("TOML");
    assert_eq!(table(&read(&workspace, ".cargo/config.toml")), table(config));

    workspace.xtask(&["new", "builder", "--repository", "overlay", "--path", "ebuilds/overlay"]).ok();
    workspace.xtask(&["new", "image", "web", "--bin", "--packages", "sys-libs/zlib", "--expose", "8080,53/udp"]).ok();
    assert_eq!(members(&workspace), ["hello", "web", "xtask"]);
    let before = read(&workspace, "Cargo.toml");
    let again = workspace.xtask(&["new", "workspace", "."]).ok();
    assert!(!again.stderr.contains("Created") && !again.stderr.contains("Changed"), "{}", again.stderr);
    let again = workspace.xtask(&["new", "image", "web", "--bin"]).fails_with(3);
    assert!(
        again.error(workspace.root()).starts_with("error: the workspace has an image `web` already\n"),
        "{}",
        again.stderr
    );
    assert_eq!(read(&workspace, "Cargo.toml"), before);

    // That such an xtask compiles is seen where the README is followed by hand; with our lock nothing is chosen anew.
    fs::copy(repository().join("Cargo.lock"), workspace.root().join("Cargo.lock")).expect("writable");
    let built = workspace.xtask(&["image"]).ok();
    assert_eq!(built.stdout, "hello:latest\nweb:latest\n");
    let ran = tool("docker", ["run", "--rm", "--network", "none", "web:latest"]).ok();
    assert_eq!(ran.stdout, "hello from web\n");

    // What it was made of is told beside it: of the library nothing is in the image, as the program does not link it.
    let report = read(&workspace, "target/tierce/reports/web/packages.json");
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
fn a_single_package_becomes_a_workspace_and_keeps_what_it_has() {
    let config = "[alias]\n# Short.\nb = \"build\"\n";
    let workspace = Workspace::new("alone")
        .file("Cargo.toml", MANIFEST)
        .file("src/main.rs", "fn main() {}\n")
        .file(".cargo/config.toml", config)
        .file(".gitignore", "/target\n");
    let dry = workspace.xtask(&["new", "workspace", ".", "--dry-run"]).ok();
    assert_eq!(read(&workspace, "Cargo.toml"), MANIFEST, "nothing is written");
    workspace.xtask(&["new", "workspace", "."]).ok();
    assert_eq!(read(&workspace, "Cargo.toml"), format!("{MANIFEST}\n[workspace]\nmembers = [\"xtask\"]\n"));
    assert_eq!(members(&workspace), ["alone", "xtask"]);
    let edited = read(&workspace, ".cargo/config.toml");
    assert!(edited.starts_with("[alias]\nxtask = ") && edited.contains("\n# Short.\nb = \"build\"\n"), "{edited}");

    // What a dry run shows is what git makes of it.
    let applied = Workspace::new("alone").file("Cargo.toml", MANIFEST).file(".cargo/config.toml", config);
    applied.write("draft.diff", &dry.stdout);
    run(Command::new("git").args(["apply", "draft.diff"]).current_dir(applied.root())).ok();
    for path in ["Cargo.toml", ".cargo/config.toml", "xtask/Cargo.toml", "xtask/src/main.rs"] {
        assert_eq!(read(&applied, path), read(&workspace, path), "{path}");
    }

    // The package gets its table, and the workspace an image of packages beside it.
    workspace.xtask(&["new", "image", "alone", "--bin"]).ok();
    let manifest = read(&workspace, "Cargo.toml");
    assert!(manifest.starts_with(MANIFEST) && manifest.contains("\n[package.metadata.image]\n"), "{manifest}");
    let packages = ["--packages-only", "--packages", "app-shells/bash[readline]", "--entrypoint", "/bin/bash"];
    workspace.xtask(&[&["new", "image", "alone-shell"][..], &packages].concat()).ok();
    assert!(read(&workspace, "Cargo.toml").starts_with(&manifest));
    let listed = workspace.xtask(&["list", "--format", "names"]).ok();
    assert_eq!(listed.stdout, "alone\nalone-shell\ntoolbox\n");

    // What was written is built.
    workspace.write("src/main.rs", "fn main() {\n    println!(\"hello from alone\");\n}\n");
    workspace.write("Tierce.lock", &builders_lock());
    fs::copy(repository().join("Cargo.lock"), workspace.root().join("Cargo.lock")).expect("writable");
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
fn a_workspace_of_others_gets_a_member_and_is_told_what_stays() {
    let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\n    \"web\", # first\n]\n";
    let workspace = Workspace::new("theirs")
        .file("Cargo.toml", manifest)
        .file("web/Cargo.toml", &MANIFEST.replace("\"alone\"", "\"web\""))
        .file("web/src/main.rs", "fn main() {}\n");
    workspace.xtask(&["new", "workspace", "."]).ok();
    assert_eq!(read(&workspace, "Cargo.toml"), manifest.replace("first\n", "first\n    \"xtask\",\n"));
    assert_eq!(members(&workspace), ["web", "xtask"]);

    workspace.write("xtask/Cargo.toml", "[package]\nname = \"xtask\"\nedition = \"2024\"\n");
    let ran = workspace.xtask(&["new", "workspace", "."]).ok();
    assert!(
        said(&ran, &workspace).contains("Left xtask/Cargo.toml: it is another xtask; add `tierce = "),
        "{}",
        ran.stderr
    );

    let inside = workspace.xtask(&["new", "workspace", "web"]).fails_with(3);
    insta::assert_snapshot!(inside.error(workspace.root()), @"
    error: [WORKSPACE]/web belongs to the workspace in [WORKSPACE]
     |
     = help: run `cargo xtask new workspace [WORKSPACE]`
    ");
    workspace.write(".cargo/config.toml", "alias = { b = \"build\" }\n");
    let form = workspace.xtask(&["new", "workspace", "."]).fails_with(3);
    insta::assert_snapshot!(form.error(workspace.root()), @r#"
    error: failed to add this to `.cargo/config.toml`, as `alias` stands there in another form:
     |
     = note: [alias]
             xtask = "run --profile xtask --package xtask --"
     = help: add it by hand; nothing was written
    "#);
}

#[test]
fn what_nobody_says_is_asked_on_a_terminal_and_refused_elsewhere() {
    let workspace = Workspace::with_package("web", "user = 1", "");
    for (arguments, named) in [
        (&["workspace"][..], "PATH"),
        (&["image"], "NAME"),
        (&["image", "x"], "--bin or --packages-only"),
        (&["image", "x", "--packages-only"], "--packages,"),
        (&["image", "x", "--packages-only", "--packages", "a/b"], "--entrypoint"),
        (&["builder"], "--repository"),
    ] {
        let ran = workspace.xtask(&[&["new"], arguments].concat()).fails_with(2);
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
    for (arguments, problem) in [
        (["--packages", "sqlite", "--expose", "1"], "`sqlite` is not an atom: the category is missing"),
        (["--packages", "a/b", "--expose", "99999"], "`99999` is not a port"),
    ] {
        let ran = workspace.xtask(&[&["new", "image", "x", "--bin"][..], &arguments].concat()).fails_with(3);
        assert!(ran.stderr.contains(problem), "{}", ran.stderr);
    }
    assert_eq!(members(&workspace), ["web"]);

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
    let manifest = read(&workspace, "Cargo.toml");
    assert!(manifest.contains("\n[workspace.metadata.images.db]\n"), "{manifest}");

    // Ctrl-C, and nothing is written.
    let mut session = Session::start(workspace.command().args(["new", "image"]));
    session.wait_for("Name of the image: ");
    session.press("\x03");
    assert_eq!(session.end().0, Some(130));
    assert_eq!(read(&workspace, "Cargo.toml"), manifest);
}
