//! ARCHITECTURE.md and the documents agree with the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::repository;

/// Libraries that only one crate may use, behind its interface.
const KEPT_APART: [(&[&str], &[&str]); 4] = [
    (&["xshell", "duct"], &["tierce-process"]),
    (&["bollard", "hyper", "hyper-util", "tokio"], &["tierce-docker", "thumbnailer"]),
    (&["ureq", "reqwest", "curl", "attohttpc"], &["tierce-fetch"]),
    (&["seccompiler"], &["tierce-sandbox"]),
];

/// Parts of the standard library by which a crate would learn where and when it runs.
const EFFECTS: [&str; 8] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::os",
    "std::thread",
    "std::time::SystemTime",
    "std::time::Instant",
];

/// A line at which a file is two things.
const LONGEST_FILE: usize = 600;

#[test]
fn architecture_table_lists_every_crate() {
    let documented: BTreeSet<String> = crates().into_keys().collect();
    let present: BTreeSet<String> = fs::read_dir(repository().join("workspace-crates"))
        .expect("a folder of crates")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("a crate's name"))
        .collect();
    assert_eq!(documented, present);
}

#[test]
fn pure_crates_depend_on_pure_crates() {
    let kinds = crates();
    for (name, kind) in &kinds {
        let manifest = Manifest::read(&format!("workspace-crates/{name}"));
        for dependency in manifest.dependencies_of(|kind| kind != "dev-dependencies") {
            let Some(other) = kinds.get(dependency.strip_prefix("tierce-").unwrap_or("tierce")) else { continue };
            let own = dependency.starts_with("tierce");
            assert!(
                !(own && is_pure(kind) && !is_pure(other)),
                "{name} is {kind}, and depends on {dependency}, which is {other}"
            );
        }
    }
}

#[test]
fn pure_crates_have_no_effects() {
    for (name, _) in crates().iter().filter(|(_, kind)| is_pure(kind)) {
        for path in files_below(&format!("workspace-crates/{name}/src")) {
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|end| end == "rs") && stem != "tests" && !stem.ends_with("_tests") {
                let text = fs::read_to_string(&path).expect("source");
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                for used in paths_of_std(code) {
                    let effect =
                        EFFECTS.iter().find(|effect| used == **effect || used.starts_with(&format!("{effect}::")));
                    assert_eq!(effect, None, "{} uses {used}", path.display());
                }
            }
        }
    }
}

#[test]
fn effectful_libraries_have_one_user() {
    for manifest in Manifest::all() {
        for (libraries, allowed) in KEPT_APART {
            let used = manifest.dependencies_of(|_| true).find(|name| libraries.contains(name));
            assert!(used.is_none() || allowed.contains(&manifest.name()), "{} uses {used:?}", manifest.name());
        }
    }
}

#[test]
fn dependencies_are_declared_once_and_used() {
    let root = Manifest::read(".");
    let declared: BTreeSet<&str> =
        root.table["workspace"]["dependencies"].as_table().expect("a table").keys().map(String::as_str).collect();
    let mut used = BTreeSet::new();
    for manifest in Manifest::all() {
        for (kind, name, value) in manifest.dependencies() {
            let inherited = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
            assert!(inherited, "{} declares {name} in {kind} itself", manifest.name());
            used.insert(name.to_owned());
        }
    }
    let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
    assert_eq!(declared.difference(&used).collect::<Vec<_>>(), Vec::<&&str>::new(), "declared and unused");
}

/// `cargo package` holds the rest: a package without a file that its crate embeds does not compile.
#[test]
fn crates_can_be_published() {
    for name in crates().keys() {
        let manifest = Manifest::read(&format!("workspace-crates/{name}"));
        let package = &manifest.table["package"];
        let length = |key: &str| package.get(key).and_then(toml::Value::as_array).map_or(0, Vec::len);
        assert!(package.get("description").is_some(), "{name} has no description");
        assert!((1..=5).contains(&length("keywords")), "{name} needs one to five keywords");
        assert!((1..=5).contains(&length("categories")), "{name} needs one to five categories");
        assert!(length("include") > 0, "{name} has no list of files to include");
        assert_eq!(package["readme"]["workspace"].as_bool(), Some(true), "{name} has no readme");
        for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
            assert_eq!(document(&format!("workspace-crates/{name}/{licence}")), document(licence), "{name}");
        }
    }
}

#[test]
fn files_are_short() {
    for path in source_files() {
        if path.extension().is_some_and(|end| end == "rs" || end == "sh") {
            let lines = fs::read_to_string(&path).expect("source").lines().count();
            assert!(lines <= LONGEST_FILE, "{} has {lines} lines", path.display());
        }
    }
}

/// The host's own configuration chooses registries, so neither code nor documents name one.
#[test]
fn no_registry_is_named() {
    let hosts: Vec<String> = [
        (&["deb", "ftp", "security", "snapshot"][..], "debian", "org"),
        (&["", "static", "index"], "crates", "io"),
        (&["", "test"], "pypi", "org"),
        (&["files"], "pythonhosted", "org"),
    ]
    .into_iter()
    .flat_map(|(hosts, domain, top)| hosts.iter().map(move |host| format!("{host}.{domain}.{top}")))
    .map(|host| host.trim_start_matches('.').to_owned())
    .collect();
    for path in source_files() {
        // cargo itself writes its registry's address into locks.
        let Some(text) = fs::read_to_string(&path).ok().filter(|_| !path.ends_with("Cargo.lock")) else { continue };
        let named = hosts.iter().find(|host| text.contains(host.as_str()));
        assert_eq!(named, None, "in {}", path.display());
    }
}

#[test]
fn documented_steps_match_the_planner() {
    let documented: BTreeSet<String> =
        rows(&document("ARCHITECTURE.md"), "## Steps").flat_map(|row| codes(&row[0])).collect();
    let mut planned = BTreeSet::new();
    for path in files_below("workspace-crates/plan/src") {
        let text = fs::read_to_string(path).expect("source");
        for call in ["image_step(\"", "workspace_step(\""] {
            let names = text.split(call).skip(1).filter_map(|rest| rest.split('"').next());
            planned.extend(names.map(str::to_owned));
        }
    }
    assert_eq!(documented, planned);
}

/// `new workspace` writes the files of this repository, and the guide shows them.
#[test]
fn templates_match_repository_and_guide() {
    let template: toml::Table = document("workspace-crates/scaffold/templates/profile.toml").parse().expect("TOML");
    let own: toml::Table = document(".cargo/config.toml").parse().expect("TOML");
    assert_eq!(template["profile"], own["profile"]);
    let main = document("workspace-crates/scaffold/templates/main.rs");
    assert_eq!(main, document("xtask/src/main.rs"));

    let readme = document("docs/src/guide/by-hand.md");
    let block = |first: &str| -> toml::Table {
        let lines = readme.lines().skip_while(|line| line.trim() != first);
        let block = lines.take_while(|line| line.is_empty() || line.starts_with("       "));
        block.collect::<Vec<_>>().join("\n").parse().expect("TOML")
    };
    assert_eq!(block("[package]")["profile"], template["profile"]);
    let code = main.lines().skip_while(|line| !line.starts_with("fn main"));
    for line in code {
        assert!(readme.contains(&format!("       {line}\n")), "{line}");
    }
}

/// The crates of ARCHITECTURE.md's table, each with its kind.
fn crates() -> BTreeMap<String, String> {
    let text = document("ARCHITECTURE.md");
    let crates = rows(&text, "## The crates").map(|row| (row[0].trim_matches('`').to_owned(), row[1].clone()));
    let crates: BTreeMap<String, String> = crates.collect();
    let kinds: BTreeSet<&str> = crates.values().map(String::as_str).collect();
    assert_eq!(kinds, BTreeSet::from(["data", "effects", "pure", "top"]));
    crates
}

fn is_pure(kind: &str) -> bool {
    ["pure", "data"].contains(&kind)
}

pub(super) fn document(name: &str) -> String {
    fs::read_to_string(repository().join(name)).expect("a document")
}

/// The rows of the first table after a text, without its head.
pub(super) fn rows<'t>(text: &'t str, after: &str) -> impl Iterator<Item = Vec<String>> + use<'t> {
    let start = text.find(after).unwrap_or_else(|| panic!("{after} is not there"));
    let lines = text[start..].lines().skip_while(|line| !line.starts_with("|---"));
    let lines = lines.skip(1).take_while(|line| line.starts_with('|'));
    lines.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
}

/// The texts between backticks.
pub(super) fn codes(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A Cargo.toml of this workspace.
pub(super) struct Manifest {
    table: toml::Table,
}

impl Manifest {
    pub(super) fn read(folder: &str) -> Manifest {
        let path = repository().join(folder).join("Cargo.toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Manifest { table: text.parse().expect("TOML") }
    }

    fn all() -> Vec<Manifest> {
        let below = |folder: &str| -> Vec<String> {
            let entries = fs::read_dir(repository().join(folder)).expect("a folder").flatten();
            let with_manifest = entries.filter(|entry| entry.path().join("Cargo.toml").is_file());
            with_manifest.map(|entry| format!("{folder}/{}", entry.file_name().display())).collect()
        };
        let single = ["dev", "dev/ebuilds", "tests", "xtask"].map(str::to_owned).to_vec();
        let folders = [single, below("images"), below("workspace-crates")].concat();
        folders.iter().map(|folder| Manifest::read(folder)).collect()
    }

    fn name(&self) -> &str {
        self.table["package"]["name"].as_str().expect("a name")
    }

    /// Every dependency with the table that it stands in.
    fn dependencies(&self) -> impl Iterator<Item = (&str, &str, &toml::Value)> {
        let targets =
            self.table.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
        let tables = std::iter::once(&self.table).chain(targets.filter_map(toml::Value::as_table));
        let kinds = tables.flatten().filter(|(kind, _)| kind.ends_with("dependencies"));
        kinds.flat_map(|(kind, table)| {
            let entries = table.as_table().into_iter().flatten();
            entries.map(move |(name, value)| (kind.as_str(), name.as_str(), value))
        })
    }

    pub(super) fn dependencies_of(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &str> {
        self.dependencies().filter(move |(kind, _, _)| wanted(kind)).map(|(_, name, _)| name)
    }
}

/// Every file below a folder of the repository.
pub(super) fn files_below(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![repository().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if entry.file_type().expect("a type").is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

/// Every file that is written by hand.
pub(super) fn source_files() -> Vec<PathBuf> {
    let made = |path: &Path| {
        ["target", "corpus", "artifacts"].iter().any(|name| path.components().any(|part| part.as_os_str() == *name))
    };
    let inside =
        |path: &PathBuf| path.strip_prefix(repository()).is_ok_and(|path| !path.starts_with(".git") && !made(path));
    let top = fs::read_dir(repository()).expect("the repository").flatten();
    let folders = top.filter(|entry| entry.path().is_dir() && inside(&entry.path()));
    let below = folders.flat_map(|entry| files_below(&entry.file_name().to_string_lossy()));
    let top = fs::read_dir(repository()).expect("the repository").flatten().map(|entry| entry.path());
    below.chain(top.filter(|path| path.is_file())).filter(inside).collect()
}

/// The paths of the standard library in a source, those of nested `use` trees written out.
fn paths_of_std(code: &str) -> Vec<String> {
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    let mut found = Vec::new();
    for (at, _) in code.match_indices("std::") {
        let standalone = !code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        if standalone {
            tree("std", &code[at + "std::".len()..], &mut found);
        }
    }
    found
}

/// Reads one use tree and returns the text after it.
pub(super) fn tree<'c>(prefix: &str, code: &'c str, found: &mut Vec<String>) -> &'c str {
    let code = code.trim_start();
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = tree(prefix, rest, found).trim_start().trim_start_matches(',').trim_start();
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            if rest.is_empty() {
                return rest;
            }
        }
    }
    let end = code.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(code.len());
    let path = format!("{prefix}::{}", &code[..end]);
    match code[end..].strip_prefix("::") {
        Some(rest) => tree(&path, rest, found),
        None => {
            found.push(path);
            // Skips `as NAME`, and text that is not a use tree.
            let rest = &code[end..];
            rest.find([',', '}', ';']).map_or("", |at| &rest[at..])
        }
    }
}

#[test]
fn trees_of_paths_are_written_out() {
    let cases = [
        ("use std::fs;", vec!["std::fs"]),
        ("use std::{fmt, fs::{self, File}, io};", vec!["std::fmt", "std::fs::self", "std::fs::File", "std::io"]),
        ("std::env::var(\"X\")", vec!["std::env::var"]),
        ("// std::fs\nlet x = my_std::fs;", vec![]),
    ];
    for (code, expected) in cases {
        assert_eq!(paths_of_std(code), expected, "{code}");
    }
}
