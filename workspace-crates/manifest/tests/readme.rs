//! What is written from the list of keys: the README's section on them, and the schema for editors. Both are committed; these
//! tests compare them, and write them anew under `TIERCE_UPDATE=1`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tierce_hidden::{Hidden, TABLE, Trigger};
use tierce_manifest::{
    BASE_KEYS, BUILDER_KEYS, CargoToml, DIRECTORY_KEYS, FILE_KEYS, GROUP_KEYS, HEALTHCHECK_KEYS, HOOK_KEYS, HTTP_KEYS,
    INPUT_KEYS, KEYS, Key, Member, Merge, PRESETS, PackageFacts, REPOSITORY_KEYS, SYMLINK_KEYS, Scope, Shape,
    TEST_FILE_KEYS, TEST_KEYS, TEXT_KEYS, USER_KEYS, WorkspaceText,
};

const START: &str = "<!-- keys";
const END: &str = "<!-- /keys -->";

/// Where a new heading begins in [`KEYS`].
const GROUPS: [(&str, &str); 6] = [
    ("name", "What it is called"),
    ("packages", "What Portage builds"),
    ("bins", "What cargo builds"),
    ("include", "What goes into the image"),
    ("entrypoint", "How the image is run"),
    ("builder", "What the workspace says once"),
];

/// The keys of tables within tables, each with the key that holds them.
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
    ("`stdout`, `stderr`, `body` and `content` of a test, where they are a table", TEXT_KEYS),
    ("`stdin` and `send` of a test, where they are a table", INPUT_KEYS),
    ("An item of `repositories`", REPOSITORY_KEYS),
    ("`builder`, where it is a table, which has one of", BUILDER_KEYS),
    ("`base`, where it is a table", BASE_KEYS),
];

#[test]
fn the_readme_has_every_key() {
    let path = repository().join("README.md");
    let readme = std::fs::read_to_string(&path).expect("a README");
    let (before, rest) = readme.split_once(START).expect("a mark where the keys begin");
    let (comment, rest) = rest.split_once("-->").expect("the mark is a comment");
    let (_, after) = rest.split_once(END).expect("a mark where the keys end");
    compare(&path, &format!("{before}{START}{comment}-->\n\n{}{END}{after}", section()));
}

#[test]
fn the_schema_has_every_key() {
    let schema = serde_json::to_string_pretty(&tierce_manifest::schema()).expect("JSON") + "\n";
    compare(&repository().join("schema/image.schema.json"), &schema);
}

/// What a reader copies is a table that is read.
#[test]
fn the_examples_are_read() {
    let readme = std::fs::read_to_string(repository().join("README.md")).expect("a README");
    let first = readme.lines().skip_while(|line| line.trim() != "[package.metadata.image]");
    let first: Vec<&str> =
        first.take_while(|line| line.is_empty() || line.starts_with("    ")).map(str::trim).collect();
    assert!(first.len() > 2, "the first image has a table of several keys");
    read(&first.join("\n"));
    for (_, keys) in groups() {
        read(&block(&keys));
    }
}

/// The repository that the README describes.
fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Fails where the file says something else, or writes it.
fn compare(path: &Path, expected: &str) {
    if std::env::var_os("TIERCE_UPDATE").is_some() {
        std::fs::write(path, expected).expect("writable");
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().display();
    let different = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(
        found == expected,
        "{name} is not what the list of keys says; `TIERCE_UPDATE=1 cargo test -p tierce-manifest` writes it anew\n{different:#?}"
    );
}

/// All headings with their keys, but those of later versions.
fn groups() -> Vec<(&'static str, Vec<&'static Key>)> {
    let starts =
        GROUPS.map(|(first, _)| KEYS.iter().position(|key| key.name == first).expect("a key begins each group"));
    assert!(starts[0] == 0 && starts.is_sorted(), "every key has a heading, in the order of the list");
    let ends = starts.iter().skip(1).copied().chain([KEYS.len()]);
    let keys =
        starts.into_iter().zip(ends).map(|(start, end)| KEYS[start..end].iter().filter(|key| key.later.is_none()));
    GROUPS.iter().zip(keys).map(|((_, heading), keys)| (*heading, keys.collect())).collect()
}

fn section() -> String {
    let mut text = String::new();
    for (heading, keys) in groups() {
        let in_both = keys.iter().any(|key| matches!(key.scope, Scope::Image | Scope::Program));
        writeln!(text, "### {heading}\n\n```toml\n{}```\n", block(&keys)).expect("a String");
        text.push_str(&table(&keys, in_both));
    }
    text.push_str("### Tables within\n\n");
    for (holder, keys) in INNER {
        writeln!(text, "{holder}:\n").expect("a String");
        text.push_str(&inner_table(keys));
    }
    text.push_str("### Presets\n\nAn image of packages leaves these out; `keep` has their names or globs for what it is to hold all the same.\n\n");
    let code_list = |globs: &[&str]| globs.iter().map(|glob| code(glob)).collect::<Vec<_>>().join(", ");
    let rows = PRESETS.iter().map(|preset| [code(preset.name), code_list(preset.globs), preset.doc.to_owned()]);
    let rows: Vec<_> = [["preset", "leaves out", "what these are"].map(String::from)].into_iter().chain(rows).collect();
    text.push_str(&markdown(rows.iter().map(|row| row.iter().map(String::as_str).collect())));
    text.push_str(
        "### Hidden dependencies\n\nWhat programs need at run time and no library names. What gives one away, in any ELF file of an image: that it \
         calls a function, is a library, or has a path in its bytes. `allow-missing` has the name of one that an image can do without.\n\n",
    );
    let triggers = |hidden: &Hidden| {
        let words = hidden.triggers.iter().map(|trigger| match trigger {
            Trigger::Symbol(symbol) => code(symbol),
            Trigger::Soname(start) => code(&format!("{start}*")),
            Trigger::Text(path) => format!("the path {}", code(path)),
        });
        words.collect::<Vec<_>>().join(", ")
    };
    let rows = TABLE.iter().map(|hidden| [code(hidden.name), triggers(hidden), hidden.doc.to_owned()]);
    let rows: Vec<_> =
        [["dependency", "given away by", "what it is"].map(String::from)].into_iter().chain(rows).collect();
    text.push_str(&markdown(rows.iter().map(|row| row.iter().map(String::as_str).collect())));
    text.push_str("### Not supported yet\n\nThese are refused, with what to do instead today:\n\n");
    for key in KEYS {
        if let Some(instead) = key.later {
            writeln!(text, "- `{}`: {instead}.", key.name).expect("a String");
        }
        for (word, instead) in later_words(&key.shape) {
            writeln!(text, "- `{} = \"{word}\"`: {instead}.", key.name).expect("a String");
        }
    }
    text + "\n"
}

/// The examples of these keys as one table of a Cargo.toml.
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
            (_, Merge::Image) => "the image's holds",
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
        let default = if key.required { "must be there".into() } else { default(key.default) };
        rows.push([code(key.name), key.shape.describe(), default, code(key.example), key.doc.into()]);
    }
    markdown(rows.iter().map(|row| row.iter().map(String::as_str).collect()))
}

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

/// A default is a value, or a few words.
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

/// Reads a table as that of a package `thumbnailer`, or of its workspace.
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
    // One that an example names.
    let root = format!("{root}\n[workspace.metadata.images.codegen]\ncmd = [\"/x\"]\n");
    let workspace = WorkspaceText { root: file("Cargo.toml", &root), members: vec![member] };
    if let Err(errors) = tierce_manifest::read(&workspace) {
        panic!("{table}\n{errors}");
    }
}
