//! Modules import in one direction: the folders of a crate in the order of ARCHITECTURE.md, and no module of any crate imports
//! itself through others. The order of crates is that of their dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::architecture::{Manifest, codes, document, files_below, rows, tree};
use crate::support::repository;

/// A line count at which a crate is two things.
const LARGEST_CRATE: usize = 7000;

/// A module of a crate and the modules that it names, each as the path from the crate's root.
struct Module {
    path: Vec<String>,
    imports: Vec<Vec<String>>,
}

#[test]
fn folders_import_only_folders_above() {
    for (name, order) in folders() {
        let modules = modules(&name);
        for folder in &order {
            assert!(modules.iter().any(|module| module.path[0] == *folder), "{name} has no folder {folder}");
        }
        let wrong: Vec<String> = modules.iter().flat_map(|module| against_order(&order, module)).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{name}");
    }
}

/// A crate that others build on stays small enough to be read.
#[test]
fn layered_crates_stay_small() {
    for name in folders().into_keys() {
        let files = files_below(&format!("workspace-crates/{name}"));
        let sources = files.iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
        let lines: usize = sources.map(|path| fs::read_to_string(path).expect("source").lines().count()).sum();
        assert!(lines <= LARGEST_CRATE, "{name} has {lines} lines");
    }
}

#[test]
fn crates_depend_on_crates_above() {
    let order: Vec<String> = rows(&document("ARCHITECTURE.md"), "## Layers").flat_map(|row| codes(&row[0])).collect();
    let rank = |name: &str| order.iter().position(|one| one == name);
    for name in &order {
        let dependencies = Manifest::read(&format!("workspace-crates/{name}"));
        for other in dependencies.dependencies_of(|_| true).filter_map(|other| other.strip_prefix("tierce-")) {
            assert!(rank(other) < rank(name), "{name} depends on {other}");
        }
    }
}

#[test]
fn modules_import_in_no_circle() {
    let mut found: Vec<String> = Vec::new();
    for folder in fs::read_dir(repository().join("workspace-crates")).expect("a folder of crates").flatten() {
        let name = folder.file_name().into_string().expect("a crate's name");
        found.extend(circles(&modules(&name)).into_iter().map(|circle| format!("{name}: {circle}")));
    }
    assert_eq!(found, Vec::<String>::new());
}

/// A second engine needs an interface that names none of the daemon's types. Steps may name them that load, test and pull images.
#[test]
fn builders_are_opened_through_one_interface() {
    let daemon = ["container/daemon_engine.rs", "container/warm.rs", "steps/load.rs", "steps/pull.rs"];
    for (name, folder) in [("builders", "container"), ("steps", "steps")] {
        for path in files_below(&format!("workspace-crates/{name}/src/{folder}")) {
            let name = format!("{folder}/{}", path.file_name().expect("a file").display());
            let names_docker = fs::read_to_string(&path).expect("source").contains("tierce_docker");
            assert_eq!(names_docker, daemon.contains(&name.as_str()), "{name}");
        }
    }
}

#[test]
fn import_against_the_order_is_named() {
    let order: Vec<String> = ["store", "steps"].map(String::from).to_vec();
    for (path, code, expected) in [
        ("steps::pack", "use crate::store::files;", vec![]),
        ("steps::pack", "use crate::{Error, store::{files, locks}};", vec![]),
        ("store::files", "use crate::steps::pack::assemble;", vec!["store::files imports steps::pack"]),
        ("store::files", "fn f() { super::super::steps::pack::g() }", vec!["store::files imports steps::pack"]),
        ("store::files", "// use crate::steps::pack::g;", vec![]),
        ("store::files", "use crate::session;", vec!["store::files imports session"]),
        ("session", "use crate::{steps::pack, store};", vec![]),
    ] {
        let known = ["store::files", "store::locks", "steps::pack", "session"].map(path_of);
        let module = Module { path: path_of(path), imports: imports(code, &path_of(path), &known) };
        assert_eq!(against_order(&order, &module), expected, "{code}");
    }
}

#[test]
fn circle_between_siblings_is_named() {
    let known = ["a", "a::x", "a::y", "b"].map(path_of);
    let module =
        |path: &str, code: &str| Module { path: path_of(path), imports: imports(code, &path_of(path), &known) };
    let cases = [
        // A module and the files below it are one thing.
        (vec![module("a", "use self::x::f;"), module("a::x", "use super::T; use crate::a::U;")], vec![]),
        (vec![module("a::x", "use super::y::f;"), module("a::y", "use crate::b;")], vec![]),
        (vec![module("a::x", "use super::y::f;"), module("a::y", "use super::x::g;")], vec!["a::{x, y}"]),
        (vec![module("a::x", "use crate::b::f;"), module("b", "use crate::a::y::g;")], vec!["{a, b}"]),
    ];
    for (modules, expected) in cases {
        assert_eq!(circles(&modules), expected);
    }
}

/// The folders of each crate that has layers, lowest first.
fn folders() -> BTreeMap<String, Vec<String>> {
    let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows(&document("ARCHITECTURE.md"), "## Layers") {
        folders.entry(codes(&row[0]).concat()).or_default().extend(codes(&row[1]));
    }
    folders
}

/// The imports of a module of folders that come after its own.
fn against_order(order: &[String], module: &Module) -> Vec<String> {
    // A module beside the folders may import all of them.
    let rank = |path: &[String]| order.iter().position(|folder| *folder == path[0]).unwrap_or(order.len());
    let wrong = module.imports.iter().filter(|import| rank(import) > rank(&module.path));
    wrong.map(|import| format!("{} imports {}", module.path.join("::"), import.join("::"))).collect()
}

/// The circles of modules, folder by folder; a module is one with what lies below it.
fn circles(modules: &[Module]) -> Vec<String> {
    let mut folders: BTreeMap<&[String], BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
    for module in modules {
        for import in &module.imports {
            let common = module.path.iter().zip(import).take_while(|(one, other)| one == other).count();
            if let (Some(from), Some(to)) = (module.path.get(common), import.get(common)) {
                folders.entry(&module.path[..common]).or_default().entry(from).or_default().insert(to);
            }
        }
    }
    let mut found = Vec::new();
    for (folder, mut left) in folders {
        // Removes modules that import nothing that is left, and those that nothing imports that is left.
        loop {
            let before = left.len();
            let imported: BTreeSet<&str> = left.values().flatten().copied().collect();
            let leaves: BTreeSet<&str> = left.keys().copied().filter(|name| !imported.contains(name)).collect();
            left.retain(|name, _| !leaves.contains(name));
            let names: BTreeSet<&str> = left.keys().copied().collect();
            left.values_mut().for_each(|imports| imports.retain(|import| names.contains(import)));
            left.retain(|_, imports| !imports.is_empty());
            if left.len() == before {
                break;
            }
        }
        if !left.is_empty() {
            let names: Vec<&str> = left.into_keys().collect();
            let above: String = folder.iter().map(|name| format!("{name}::")).collect();
            found.push(format!("{above}{{{}}}", names.join(", ")));
        }
    }
    found
}

/// The modules of a crate, but for its tests and its root.
fn modules(name: &str) -> Vec<Module> {
    let source = repository().join("workspace-crates").join(name).join("src");
    let files = files_below(&format!("workspace-crates/{name}/src"));
    let of_code = |path: &std::path::PathBuf| {
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        path.extension().is_some_and(|end| end == "rs") && stem != "tests" && !stem.ends_with("_tests")
    };
    let paths: Vec<(std::path::PathBuf, Vec<String>)> =
        files.into_iter().filter(of_code).map(|file| (file.clone(), module_path(&source, &file))).collect();
    let known: Vec<Vec<String>> = paths.iter().map(|(_, path)| path.clone()).collect();
    let modules = paths.into_iter().filter(|(_, path)| !["lib", "main"].contains(&path[0].as_str()));
    modules
        .map(|(file, path)| {
            let text = fs::read_to_string(file).expect("source");
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            Module { imports: imports(code, &path, &known), path }
        })
        .collect()
}

fn module_path(source: &Path, file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(source).expect("it is below").with_extension("");
    let mut path: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.len() > 1 && path.last().is_some_and(|name| name == "mod") {
        path.pop();
    }
    path
}

fn path_of(text: &str) -> Vec<String> {
    text.split("::").map(str::to_owned).collect()
}

/// The modules that a source names in its `use` trees and paths, among the known ones, except itself.
fn imports(code: &str, own: &[String], known: &[Vec<String>]) -> Vec<Vec<String>> {
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    let mut named = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|char| char.is_alphanumeric() || "_:$".contains(char)) {
                tree(start.trim_end_matches("::"), &code[at + start.len()..], &mut named);
            }
        }
    }
    let resolved = named.iter().filter_map(|path| resolve(&path_of(path), own, known));
    let mut imports: Vec<Vec<String>> = resolved.filter(|module| *module != own).collect();
    imports.sort();
    imports.dedup();
    imports
}

/// The module that a path leads into.
fn resolve(path: &[String], own: &[String], known: &[Vec<String>]) -> Option<Vec<String>> {
    let up = path.iter().take_while(|part| *part == "super").count();
    let mut absolute = match up {
        0 => Vec::new(),
        up => own[..own.len().checked_sub(up)?].to_vec(),
    };
    absolute.extend(path.iter().skip(up.max(1)).filter(|part| *part != "self").cloned());
    while !absolute.is_empty() && !known.contains(&absolute) {
        absolute.pop();
    }
    (!absolute.is_empty()).then_some(absolute)
}
