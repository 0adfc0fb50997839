//! An image whose table has every key of the run configuration, compared with the daemon's and the documents' content.

use std::path::Path;
use std::process::Command;

use crate::support::{LoadedImage, Workspace, run, tool};

const PACKAGE: &str = r#"
[package]
name = "settings"
version = "1.2.3"
edition = "2024"
description = "Says how it was started"
license = "MIT OR Apache-2.0"
repository = "https://example.org/settings.git"
homepage = "https://example.org/settings"
documentation = "https://example.org/settings/documentation"
authors = ["Ada <ada@example.org>", "Grace"]

[package.metadata.image]
entrypoint = ["/usr/bin/settings", "--from", "entrypoint"]
cmd = ["from", "cmd"]
env = { GREETING = "hello = world", EMPTY = "" }
expose = [8080, "53/udp"]
user = "1000:1001"
workdir = "/var/lib/settings"
directories = [{ path = "/var/lib/settings", owner = "1000:1001", mode = "0700" }]
volumes = ["/var/lib/settings"]
labels = { "com.example.team" = "media" }
stop-signal = "SIGINT"
healthcheck = { cmd = ["/usr/bin/settings", "--check"], interval = "30s", timeout = "5s", start-period = "1m30s", retries = 5 }
tags = ["latest", "1.2"]
"#;

const PROGRAM: &str = r#"
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    println!("{arguments:?} {:?} {:?}", std::env::var("GREETING"), std::env::current_dir());
}
"#;

fn workspace() -> Workspace {
    Workspace::new("workspace")
        .file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"settings\"]\n")
        .file("settings/Cargo.toml", PACKAGE)
        .file("settings/src/main.rs", PROGRAM)
        .file(".gitignore", "/target\n")
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(folder).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(arguments);
    run(&mut git).ok().stdout
}

#[test]
fn image_config_matches_the_table() {
    let workspace = workspace();
    let root = workspace.root();
    let printed = workspace.xtask(&["image"]).ok();
    assert_eq!(printed.line(), "settings:latest");
    let image = LoadedImage::new("settings:latest").and("settings:1.2");
    let inspect = |format: &str| tool("docker", ["inspect", "-f", format, "settings:1.2"]).ok().line().to_owned();
    let config: serde_json::Value = serde_json::from_str(&inspect("{{json .Config}}")).expect("JSON");
    let set = |name: &&str| config.get(name).is_some_and(|value| !value.is_null());
    let keys = [
        "Cmd",
        "Entrypoint",
        "Env",
        "ExposedPorts",
        "Healthcheck",
        "Labels",
        "StopSignal",
        "User",
        "Volumes",
        "WorkingDir",
    ];
    let chosen: serde_json::Value = keys.iter().filter(|key| set(key)).map(|key| (*key, config[key].clone())).collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&chosen).expect("JSON"), @r#"
    {
      "Cmd": [
        "from",
        "cmd"
      ],
      "Entrypoint": [
        "/usr/bin/settings",
        "--from",
        "entrypoint"
      ],
      "Env": [
        "EMPTY=",
        "GREETING=hello = world"
      ],
      "ExposedPorts": {
        "53/udp": {},
        "8080/tcp": {}
      },
      "Healthcheck": {
        "Interval": 30000000000,
        "Retries": 5,
        "StartPeriod": 90000000000,
        "Test": [
          "CMD",
          "/usr/bin/settings",
          "--check"
        ],
        "Timeout": 5000000000
      },
      "Labels": {
        "com.example.team": "media",
        "dev.tierce.image": "settings",
        "org.opencontainers.image.authors": "Ada <ada@example.org>, Grace",
        "org.opencontainers.image.description": "Says how it was started",
        "org.opencontainers.image.documentation": "https://example.org/settings/documentation",
        "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
        "org.opencontainers.image.source": "https://example.org/settings.git",
        "org.opencontainers.image.title": "settings",
        "org.opencontainers.image.url": "https://example.org/settings",
        "org.opencontainers.image.version": "1.2.3"
      },
      "StopSignal": "SIGINT",
      "User": "1000:1001",
      "Volumes": {
        "/var/lib/settings": {}
      },
      "WorkingDir": "/var/lib/settings"
    }
    "#);

    let started = tool("docker", ["run", "--rm", "--cap-drop", "ALL", "--read-only", "settings:latest"]).ok().stdout;
    let expected =
        r#"["/usr/bin/settings", "--from", "entrypoint", "from", "cmd"] Ok("hello = world") Ok("/var/lib/settings")"#;
    assert_eq!(started.trim_end(), expected);

    // The revision: of a commit that has all that is in the folder, in the manifest alone.
    git(root, &["init", "--quiet"]);
    git(root, &["add", "--all"]);
    git(root, &["commit", "--quiet", "--message", "The beginning"]);
    let revision = git(root, &["rev-parse", "HEAD"]).trim().to_owned();
    let layout = root.join("target/layout");
    let layout = layout.to_str().expect("UTF-8");
    let reference = workspace.xtask(&["image", "--layout", layout]).ok().line().to_owned();
    assert_eq!(reference, format!("oci:{layout}:latest"));
    let manifest = tool("skopeo", ["inspect", "--raw", &reference]).ok().stdout;
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["config"]["digest"], inspect("{{.Id}}"), "layout and daemon have one image");
    let annotations = manifest["annotations"].to_string().replace(&revision, "[REVISION]");
    let annotations: serde_json::Value = serde_json::from_str(&annotations).expect("JSON");
    insta::assert_snapshot!(serde_json::to_string_pretty(&annotations).expect("JSON"), @r#"
    {
      "org.opencontainers.image.authors": "Ada <ada@example.org>, Grace",
      "org.opencontainers.image.description": "Says how it was started",
      "org.opencontainers.image.documentation": "https://example.org/settings/documentation",
      "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
      "org.opencontainers.image.revision": "[REVISION]",
      "org.opencontainers.image.source": "https://example.org/settings.git",
      "org.opencontainers.image.title": "settings",
      "org.opencontainers.image.url": "https://example.org/settings",
      "org.opencontainers.image.version": "1.2.3"
    }
    "#);
    let raw = tool("skopeo", ["inspect", "--config", "--raw", &reference]).ok().stdout;
    assert!(!raw.contains(&revision), "the config changes with every commit: {raw}");

    // `docker load` reads an archive, also into a daemon without any layer of it.
    let id = inspect("{{.Id}}");
    let archive = root.join("target/settings.tar");
    let archive = archive.to_str().expect("UTF-8");
    workspace.xtask(&["image", "--archive", archive]).ok();
    drop(image);
    tool("docker", ["load", "--quiet", "--input", archive]).ok();
    let _image = LoadedImage::new("settings:latest").and("settings:1.2");
    assert_eq!(inspect("{{.Id}}"), id);
    let started = tool("docker", ["run", "--rm", "settings:1.2", "else"]).ok().stdout;
    assert!(started.starts_with(r#"["/usr/bin/settings", "--from", "entrypoint", "else"]"#), "{started}");

    // With a change that is not committed, the image names no revision.
    workspace.write("settings/src/main.rs", &format!("{PROGRAM}\n// changed\n"));
    workspace.xtask(&["image", "--layout", layout]).ok();
    let manifest = tool("skopeo", ["inspect", "--raw", &reference]).ok().stdout;
    assert!(!manifest.contains("org.opencontainers.image.revision"), "{manifest}");
}
