//! `cargo xtask graph`

use std::fs;
use std::process::{Command, Stdio};

use crate::size::self_contained;
use crate::support::{Workspace, repository, run, tool, xtask};

/// The images of this repository, as the lock has them.
#[test]
fn images_and_packages_are_drawn_in_every_form() {
    let graph = |arguments: &[&str]| run(xtask(repository()).arg("graph").args(arguments)).ok().stdout;
    let text = graph(&["thumbnailer", "--format", "text"]);
    assert!(text.starts_with("thumbnailer\n") && text.contains("\n├── media-libs/libpng-"), "{text}");
    assert!(!text.contains("hello"), "{text}");
    assert!(graph(&["--format", "text"]).contains("sys-devel/gcc-12.2.0 (*)\n"), "both images have it");

    // What no terminal reads is for Graphviz.
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

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("graph.svg");
    for arguments in [&["--format", "svg"][..], &["--steps", "--format", "svg"]] {
        let svg = graph(arguments);
        self_contained(&svg);
        assert!(svg.contains("hello") && svg.contains("thumbnailer"), "{svg}");
        fs::write(&path, svg).expect("writable");
        let parse = "import sys, xml.dom.minidom as dom; dom.parse(sys.argv[1])";
        tool("python3", ["-c", parse, path.to_str().expect("UTF-8")]).ok();
    }
}

/// Without a lock there is what the table says; nothing is resolved for a picture.
#[test]
fn what_was_not_resolved_is_said() {
    let workspace = Workspace::with_package("web", "packages = [\"media-libs/libpng\"]", "");
    let text = workspace.xtask(&["graph", "--format", "text"]).ok().stdout;
    assert_eq!(text, "web\n└── media-libs/libpng  not resolved yet\n");
    assert!(!workspace.root().join("Tierce.lock").exists());
    let error = workspace.xtask(&["graph", "wbe"]).fails_with(3).error(workspace.root());
    assert!(error.starts_with("error: the workspace has no image `wbe`"), "{error}");
}

/// Images stand above those that they and their builders begin with, and above images from anywhere, which nobody asks for.
#[test]
fn what_images_begin_with_is_drawn_below_them() {
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
    │   └── nowhere.example/slim:1  from elsewhere
    └── dev-db/sqlite  not resolved yet
    ");
    assert_eq!(graph(&["tools", "--format", "text"]), "tools\n└── dev-libs/protobuf  not resolved yet\n");
    let drawn = through("dot", &["-Tplain"], &graph(&[]));
    assert_eq!(drawn.lines().filter(|line| line.starts_with("edge ")).count(), 5, "{drawn}");
    let svg = graph(&["--format", "svg"]);
    self_contained(&svg);
    assert!(svg.contains("nowhere.example/slim:1"), "{svg}");
}

/// What a program makes of a text.
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
