//! Generates the reference of keys, presets and run-time dependencies, and the schema for editors. The files are committed;
//! these tests compare them, and rewrite them under `TIERCE_UPDATE=1`.

mod presets;
mod runtime_deps;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tierce_manifest::{
    BASE_KEYS, BUILDER_KEYS, CargoToml, DIRECTORY_KEYS, FILE_KEYS, GROUP_KEYS, HEALTHCHECK_KEYS, HOOK_KEYS, HTTP_KEYS,
    INPUT_KEYS, KEYS, Key, Member, Merge, PackageFacts, REPOSITORY_KEYS, SYMLINK_KEYS, Scope, Shape, TEST_FILE_KEYS,
    TEST_KEYS, TEXT_KEYS, USER_KEYS, WorkspaceText,
};

/// The text before the tables of keys.
const INTRODUCTION: &str = "\
# Keys

Tierce reads tables with these keys from four places:

- `[package.metadata.image]` of a package describes one image. Its name is the package's, or the value of `name`.
- `[package.metadata.images.NAME]` describes one of several images of a package.
- `[workspace.metadata.images.NAME]` describes an image that consists of packages, without a program of the workspace. It has no
  keys about a program: `build-packages`, `strip` and [the keys of cargo](#the-cargo-build).
- `[workspace.metadata.image]` holds defaults for all images, and [the keys of the workspace](#settings-of-the-workspace).

The column \"in both tables\" says how Tierce merges an image's table with the workspace's. Paths start at the folder of the
Cargo.toml that contains them. An unknown key is an error, which shows the line and suggests the nearest key.

Editors that use taplo, such as Even Better TOML, check and complete these tables with
[`schema/image.schema.json`](../../../schema/image.schema.json). Copy that file into your workspace and add this to `.taplo.toml`:

```toml
[[rule]]
include = [\"**/Cargo.toml\"]
schema.path = \"schema/image.schema.json\"
```

";

/// The headings of the page, each with its first key in [`KEYS`].
const GROUPS: [(&str, &str); 7] = [
    ("name", "The name"),
    ("packages", "Packages"),
    ("bins", "The cargo build"),
    ("include", "The content of the image"),
    ("entrypoint", "The run configuration"),
    ("builder", "Settings of the workspace"),
    ("debian-suite", "Downloads of the workspace"),
];

/// The inner tables, each with a description of its place.
const INNER: [(&str, &[Key]); 15] = [
    ("An item of `files`", FILE_KEYS),
    ("An item of `directories`", DIRECTORY_KEYS),
    ("An item of `symlinks`", SYMLINK_KEYS),
    ("An item of `users`", USER_KEYS),
    ("An item of `groups`", GROUP_KEYS),
    ("`hooks`", HOOK_KEYS),
    ("`healthcheck`", HEALTHCHECK_KEYS),
    ("An entry of `test`", TEST_KEYS),
    ("An item of `http` of a test", HTTP_KEYS),
    ("An item of `files` of a test", TEST_FILE_KEYS),
    ("`stdout`, `stderr`, `body` and `content` of a test, as a table", TEXT_KEYS),
    ("`stdin` and `send` of a test, as a table", INPUT_KEYS),
    ("An item of `repositories`", REPOSITORY_KEYS),
    ("`builder` as a table, with one of these keys", BUILDER_KEYS),
    ("`base` as a table", BASE_KEYS),
];

#[test]
fn keys_page_is_current() {
    compare_page("keys", &keys_page());
}

#[test]
fn schema_is_current() {
    let schema = serde_json::to_string_pretty(&tierce_manifest::schema()).expect("JSON") + "\n";
    compare(&repository().join("schema/image.schema.json"), &schema);
}

#[test]
fn examples_of_keys_are_valid() {
    for (_, keys) in groups() {
        read(&block(&keys));
    }
}

/// The root of this repository.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a page of the reference, or rewrites it.
fn compare_page(name: &str, expected: &str) {
    let mark = "<!-- Generated: `TIERCE_UPDATE=1 cargo test -p tierce-manifest` rewrites this page. -->\n";
    compare(&repository().join(format!("docs/src/reference/{name}.md")), &format!("{mark}{}\n", expected.trim_end()));
}

/// Compares a generated file, or rewrites it.
fn compare(path: &Path, expected: &str) {
    if std::env::var_os("TIERCE_UPDATE").is_some() {
        std::fs::write(path, expected).expect("writable");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().display();
    let different = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{name} is stale; `TIERCE_UPDATE=1 cargo test -p tierce-manifest` rewrites it\n{different:#?}"
    );
}

/// Returns the supported keys under their headings.
fn groups() -> Vec<(&'static str, Vec<&'static Key>)> {
    let starts =
        GROUPS.map(|(first, _)| KEYS.iter().position(|key| key.name == first).expect("a key begins each group"));
    assert!(starts[0] == 0 && starts.is_sorted(), "every key has a heading, in the order of the list");
    let ends = starts.iter().skip(1).copied().chain([KEYS.len()]);
    let keys =
        starts.into_iter().zip(ends).map(|(start, end)| KEYS[start..end].iter().filter(|key| key.later.is_none()));
    GROUPS.iter().zip(keys).map(|((_, heading), keys)| (*heading, keys.collect())).collect()
}

fn keys_page() -> String {
    let mut text = INTRODUCTION.to_owned();
    for (heading, keys) in groups() {
        let in_both = keys.iter().any(|key| matches!(key.scope, Scope::Image | Scope::Program));
        writeln!(text, "## {heading}\n\n```toml\n{}```\n", block(&keys)).expect("a String");
        text.push_str(&table(&keys, in_both));
    }
    text.push_str("## Tables within\n\n");
    for (holder, keys) in INNER {
        writeln!(text, "{holder}:\n").expect("a String");
        text.push_str(&inner_table(keys));
    }
    text.push_str("## Not supported yet\n\nTierce refuses these, with an error that names the alternative:\n\n");
    for key in KEYS {
        if let Some(instead) = key.later {
            writeln!(text, "- `{}`: {instead}.", key.name).expect("a String");
        }
        for (word, instead) in later_words(&key.shape) {
            writeln!(text, "- `{} = \"{word}\"`: {instead}.", key.name).expect("a String");
        }
    }
    text
}

/// Returns the examples of these keys as one table of a Cargo.toml.
fn block(keys: &[&Key]) -> String {
    let workspace = keys.iter().all(|key| key.scope == Scope::Workspace);
    let mut text = format!("[{}.metadata.image]\n", if workspace { "workspace" } else { "package" });
    for key in keys {
        writeln!(text, "{} = {}", key.name, key.example).expect("a String");
    }
    text
}

fn table(keys: &[&Key], in_both: bool) -> String {
    let mut rows = vec![["key", "value", "default", "in both tables", "meaning"].map(String::from)];
    for key in keys {
        let merge = match (key.scope, key.merge) {
            (Scope::Package | Scope::Workspace, _) => "",
            (_, Merge::Image) => "the image's wins",
            (_, Merge::Append) => "items of both",
            (_, Merge::Entries) => "entries of both",
        };
        rows.push([code(key.name), key.shape.describe(), default(key.default), merge.into(), key.doc.into()]);
    }
    let columns: &[usize] = if in_both { &[0, 1, 2, 3, 4] } else { &[0, 1, 2, 4] };
    markdown(rows.iter().map(|row| columns.iter().map(|&column| row[column].as_str()).collect()))
}

fn inner_table(keys: &[Key]) -> String {
    let mut rows = vec![["key", "value", "default", "example", "meaning"].map(String::from)];
    for key in keys {
        let default = if key.required { "required".into() } else { default(key.default) };
        rows.push([code(key.name), key.shape.describe(), default, code(key.example), key.doc.into()]);
    }
    markdown(rows.iter().map(|row| row.iter().map(String::as_str).collect()))
}

/// Renders a table whose first row is the head.
fn markdown<'a>(rows: impl Iterator<Item = Vec<&'a str>>) -> String {
    let mut text = String::new();
    for (number, row) in rows.enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        writeln!(text, "| {} |", cells.join(" | ")).expect("a String");
        if number == 0 {
            writeln!(text, "|{}", "---|".repeat(row.len())).expect("a String");
        }
    }
    text + "\n"
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Formats a default: code for a value, plain text for a few words.
fn default(text: &str) -> String {
    if text.is_empty() || text.contains(' ') { text.to_owned() } else { code(text) }
}

fn later_words(shape: &Shape) -> Vec<(&'static str, &'static str)> {
    match shape {
        Shape::Choice(_, later) => later.to_vec(),
        Shape::Either(shapes) => shapes.iter().flat_map(later_words).collect(),
        _ => Vec::new(),
    }
}

/// Reads a table of a package `thumbnailer` or of its workspace. Panics if the table is invalid.
#[track_caller]
fn read(table: &str) {
    let file = |path: &str, text: &str| CargoToml { path: path.into(), text: Arc::from(text) };
    let (root, package) = if table.starts_with("[workspace") { (table, "") } else { ("", table) };
    let member = Member {
        manifest: file("thumbnailer/Cargo.toml", package),
        package: PackageFacts { name: "thumbnailer".into(), ..PackageFacts::default() },
        binaries: vec!["thumbnailer".into()],
        features: vec!["metrics".into()],
    };
    // The example of `builder-base` names this image.
    let root = format!("{root}\n[workspace.metadata.images.codegen]\ncmd = [\"/x\"]\n");
    let workspace = WorkspaceText { root: file("Cargo.toml", &root), members: vec![member] };
    if let Err(errors) = tierce_manifest::read(&workspace) {
        panic!("{table}\n{errors}");
    }
}
