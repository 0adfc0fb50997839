//! `cargo xtask size`, its pictures, and budgets.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::support::{Container, LoadedImage, Workspace, tool, unique_name};

#[test]
fn size_prints_tables_and_pictures() {
    let name = unique_name();
    let workspace = Workspace::with_package("sized", &format!("name = \"{name}\""), "");
    let old = format!("{name}:old");
    let _images = LoadedImage::new(&format!("{name}:latest")).and(&old);

    // Built, as it was not yet.
    let data: Value = json(&workspace.xtask(&["size", &name, "--format", "json"]).ok().stdout);
    let said = sizes_of(&data);
    assert_eq!(said, sizes_in(&name), "what a container of the image has");
    let owner = |path: &str| file(&data, path)["owner"].as_str().map(str::to_owned);
    assert_eq!(owner("/usr/bin/sized").as_deref(), Some("the program"));
    assert_eq!(owner("/usr/lib64/libc.so.6").as_deref(), Some("sys-libs/glibc"));
    assert_eq!(file(&data, "/usr/lib64/libc.so.6")["reason"], "needed");

    let text = workspace.xtask(&["size", &name]).ok().stdout;
    for line in ["sys-libs/glibc", "the program", "libc ", "needed", "builder ", "ROOT ", "all files of the image "] {
        assert!(text.lines().any(|one| one.starts_with(line)), "{line} in {text}");
    }
    let folders = workspace.xtask(&["size", &name, "--by", "directory"]).ok().stdout;
    assert!(folders.contains("\n/usr/lib64 ") && !folders.contains("\nowner "), "{folders}");

    tool("docker", ["tag", &name, &old]).ok();
    workspace.write("sized/blob", &"x".repeat(300_000));
    let table = format!("name = \"{name}\"\nfiles = [{{ from = \"blob\", to = \"/srv/<script>&'\\\"\" }}]");
    workspace.write("sized/Cargo.toml", &package(&table));
    workspace.xtask(&["image"]).ok();
    let changed = workspace.xtask(&["size", &name, "--against", &old]).ok().stdout;
    assert!(changed.contains("+30") && changed.contains("declared files"), "{changed}");
    assert!(!changed.contains("sys-libs/glibc"), "{changed}");
    let back = workspace.xtask(&["size", &old, "--against", &name, "--by", "file"]).ok().stdout;
    assert!(back.contains("none  -300.0 kB"), "{back}");

    pictures(&workspace, &name);
    let unknown = workspace.xtask(&["size", "no-such-image"]).fails_with(1).error(workspace.root());
    assert_eq!(
        unknown,
        format!(
            "error: failed to read the image `no-such-image`: it is no image of the daemon, no folder and no file\n |\n = \
             help: the workspace has the images `{name}`"
        )
    );
}

#[test]
fn image_over_budget_is_not_loaded() {
    let name = unique_name();
    let workspace = Workspace::with_package("sized", &format!("name = \"{name}\""), "");
    let _image = LoadedImage::new(&format!("{name}:latest"));
    let write = |bytes: usize, max_size: &str| {
        workspace.write("sized/blob", &"x".repeat(bytes));
        let files = "files = [{ from = \"blob\", to = \"/srv/blob\" }]";
        workspace.write("sized/Cargo.toml", &package(&format!("name = \"{name}\"\n{files}\nmax-size = {max_size}")));
    };
    let error = |code| workspace.xtask(&["image"]).fails_with(code).error(workspace.root()).replace(&name, "web");

    // Without a successful build, the error lists the largest owners.
    write(300_000, "\"1 kB\"");
    let first = error(11);
    assert!(first.contains("error: the image `web` is larger than its `max-size`\n"), "{first}");
    assert!(first.contains("max-size = \"1 kB\"") && first.contains("no build of it succeeded yet"), "{first}");
    assert!(first.contains("of sys-libs/glibc"), "{first}");
    tool("docker", ["image", "inspect", &name]).fails_with(1);

    write(300_000, "{ total = \"1 GB\", \"declared files\" = \"400 kB\", \"sys-libs/glibcc\" = \"1 B\" }");
    let ran = workspace.xtask(&["image"]).ok();
    let warning = format!("`max-size` of `{name}` names `sys-libs/glibcc`, which has no file in the image");
    assert!(ran.stderr.contains(&warning), "{}", ran.stderr);
    let there = id(&name);

    write(600_000, "{ total = \"1 GB\", \"declared files\" = \"0.4 MB\" }");
    insta::assert_snapshot!(error(11), @r#"
    error: the image `web` is larger than its `max-size`
     --> sized/Cargo.toml:9:49
      |
    9 | max-size = { total = "1 GB", "declared files" = "0.4 MB" }
      |                                                 ^^^^^^^^
      |
      = note: declared files: 600.0 kB, 200.0 kB more than 400.0 kB
              since the last successful build, of 3.2 MB:
                +300.0 kB of declared files, 300.0 kB before
      = help: leave out what is not needed, by USE flags or `prune`, or raise `max-size`; nothing was loaded or tagged
    "#);
    assert_eq!(id(&name), there, "the image that fitted stays");
    // The next run fails again, and the files of the refused image are not stored as the image's list.
    workspace.xtask(&["image"]).fails_with(11);
    let listed = workspace.xtask(&["size", &name, "--by", "owner"]).ok().stdout;
    assert!(listed.contains("300.0 kB"), "{listed}");

    write(300_000, "{ total = \"1 GB\" }");
    workspace.xtask(&["image"]).ok();
    assert_eq!(id(&name), there);
}

fn id(image: &str) -> String {
    tool("docker", ["image", "inspect", "-f", "{{.Id}}", image]).ok().stdout
}

/// The pictures are valid XML, name files and owners, and refer to nothing outside of them.
fn pictures(workspace: &Workspace, name: &str) {
    let svg = workspace.root().join("out/size.svg");
    let ran = workspace.xtask(&["size", name, "--html", &format!("--svg={}", svg.display())]).ok();
    let html = workspace.root().join(format!("target/tierce/images/{name}/size.html"));
    for path in [&svg, &html] {
        assert!(ran.stderr.contains(&format!("Drawn {}", path.display())), "{}", ran.stderr);
        let text = fs::read_to_string(path).expect("it was drawn");
        self_contained(&text);
        assert_eq!(text.contains("<td>ROOT</td>"), path == &html, "the page has the stages");
        assert!(text.contains("libc.so.6") && text.contains("sys-libs/glibc"), "{text}");
        assert!(text.contains("/srv/&lt;script&gt;&amp;&#39;&quot;"), "{text}");
        let parse = "import sys, xml.dom.minidom as dom; dom.parse(sys.argv[1])";
        tool("python3", ["-c", parse, path.to_str().expect("UTF-8")]).ok();
    }
}

/// Panics if a picture would load or run anything.
#[track_caller]
fn self_contained(text: &str) {
    let text = text.replace("xmlns=\"http://www.w3.org/2000/svg\"", "").replace("url(#", "");
    for word in ["http:", "https:", "<script", "src=", "url(", "@import", "javascript:", "<foreignObject", " on"] {
        let found = text.find(word).map(|at| &text[at..text.len().min(at + 60)]);
        // Events are attributes; names of files are not.
        assert!(found.is_none_or(|found| word == " on" && !found.contains('=')), "{found:?}");
    }
}

fn package(table: &str) -> String {
    format!(
        "[package]\nname = \"sized\"\nversion = \"1.2.3\"\nedition = \"2024\"\n\n[package.metadata.image]\n{table}\n"
    )
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn file(data: &Value, path: &str) -> Value {
    let files = data["files"].as_array().into_iter().flatten();
    files.clone().find(|file| file["path"] == path).unwrap_or_else(|| panic!("{path} in {data}")).clone()
}

/// The files that hold something, as `size` says.
fn sizes_of(data: &Value) -> BTreeMap<String, u64> {
    let files = data["files"].as_array().into_iter().flatten();
    let size = |file: &Value| Some((file["path"].as_str()?.to_owned(), file["bytes"].as_u64()?));
    files.filter_map(size).filter(|(_, bytes)| *bytes > 0).collect()
}

/// The same as the daemon says.
fn sizes_in(image: &str) -> BTreeMap<String, u64> {
    let listing = Container::create(image).listing();
    let size = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let bytes = words.get(2)?.parse().ok().filter(|bytes| *bytes > 0)?;
        line.starts_with('-').then(|| (format!("/{}", words[5]), bytes))
    };
    listing.lines().filter_map(size).collect()
}
