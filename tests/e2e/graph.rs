//! `cargo xtask graph`

use std::process::{Command, Stdio};

use crate::support::{Workspace, repository, run, xtask};

/// The images of this repository, as the lock has them.
#[test]
fn graph_prints_every_format() {
    let graph = |arguments: &[&str]| run(xtask(repository()).arg("graph").args(arguments)).ok().stdout;
    let text = graph(&["thumbnailer", "--format", "text"]);
    assert!(text.starts_with("thumbnailer\n") && text.contains("\n├── media-libs/libpng-"), "{text}");
    assert!(!text.contains("hello"), "{text}");
    assert!(graph(&["--format", "text"]).contains("sys-devel/gcc-14.2.0 (*)\n"), "both images have it");

    // Without a terminal, the output is for Graphviz.
    let dot = graph(&[]);
    let drawn = through("dot", &["-Tsvg"], &dot).replace("&#45;", "-");
    let words = ["hello", "thumbnailer", "media-libs/libpng-", "sys-libs/glibc-"];
    for word in words {
        assert!(drawn.contains(word), "{word} in {drawn}");
    }
    let steps = graph(&["hello", "--steps"]);
    assert!(through("dot", &["-Tplain"], &steps).contains("make the builder"), "{steps}");

    let mermaid = graph(&["--format", "mermaid"]);
    assert!(mermaid.starts_with("flowchart TD\n"), "{mermaid}");
    assert_eq!(mermaid.matches(" --> ").count(), dot.matches(" -> ").count());
}

/// Images stand above their bases and those of their builders, and above external bases, which are never listed alone.
#[test]
fn graph_shows_base_images() {
    let table = |name: &str, keys: &str| {
        format!(
            "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[package.metadata.image]\n{keys}\n"
        )
    };
    let mut workspace =
        Workspace::new("workspace").file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"images/*\"]\n");
    for (name, keys) in [
        ("shop", "base = \"web\"\npackages = [\"dev-db/sqlite\"]"),
        ("tools", "build-packages = [\"dev-libs/protobuf\"]"),
        ("web", "base = { image = \"nowhere.example/slim:1\" }\nbuilder-base = \"tools\""),
    ] {
        workspace = workspace
            .file(&format!("images/{name}/Cargo.toml"), &table(name, keys))
            .file(&format!("images/{name}/src/main.rs"), "fn main() {}\n");
    }
    let graph = |arguments: &[&str]| workspace.xtask(&[&["graph"], arguments].concat()).ok().stdout;
    insta::assert_snapshot!(graph(&["shop", "--format", "text"]), @r"
    shop
    ├── web
    │   ├── tools
    │   │   └── dev-libs/protobuf  not resolved yet
    │   └── nowhere.example/slim:1  external
    └── dev-db/sqlite  not resolved yet
    ");
    assert_eq!(graph(&["tools", "--format", "text"]), "tools\n└── dev-libs/protobuf  not resolved yet\n");
    let drawn = through("dot", &["-Tplain"], &graph(&[]));
    assert_eq!(drawn.lines().filter(|line| line.starts_with("edge ")).count(), 5, "{drawn}");
}

/// The output of a program for a text on stdin.
#[track_caller]
fn through(program: &str, arguments: &[&str], text: &str) -> String {
    use std::io::Write;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}, which .ci/run installs: {error}"));
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{program} of {text}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
