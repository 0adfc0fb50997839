//! The inputs of an outline and a toolchain: while they are the same, cargo and rustc would answer as before.
//!
//! [`of`] reads files and folders and starts no program. It covers more than the programs read, since asking again is cheap and
//! an outdated answer is wrong. It gives up where it cannot know what a program reads: a cargo that is a script, a pattern of
//! members with `**`, an unreadable file.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};
use toml::{Table, Value};

use crate::cargo::{self, Outline};
use crate::rustc::Toolchain;
use crate::{cargo_config, run, rustc};

/// Folders that patterns of members may match, before this module gives up.
const MAX_FOLDERS: usize = 10_000;

/// Returns a digest of everything that decides an outline and a toolchain in `folder`; none if that is unknown.
pub fn of(folder: &Utf8Path, cargo_home: &Utf8Path, outline: &Outline, toolchain: &Toolchain) -> Option<String> {
    let rustc = match rustc::sysroot_of_rustup() {
        Some(sysroot) => sysroot.join("bin/rustc").into(),
        None => run::find("rustc", "").ok()?,
    };
    let host = Host { variables: env::vars_os().collect(), cargo: cargo::program().ok()?, rustc };
    digest(&host, folder, cargo_home, outline, toolchain)
}

/// The environment of the programs.
#[derive(Clone)]
struct Host {
    variables: BTreeMap<OsString, OsString>,
    /// The programs that would be asked.
    cargo: PathBuf,
    rustc: PathBuf,
}

fn digest(
    host: &Host,
    folder: &Utf8Path,
    cargo_home: &Utf8Path,
    outline: &Outline,
    toolchain: &Toolchain,
) -> Option<String> {
    // cargo resolves links in its current folder.
    let folder = folder.canonicalize_utf8().ok()?;
    let mut inputs = Inputs::default();
    inputs.add_environment(host);
    inputs.add_programs(host, toolchain)?;
    inputs.add_rustup(host, &folder, toolchain)?;
    for file in cargo_config::load(&folder, cargo_home).ok()? {
        inputs.add(&[file.path.as_str(), &file.text]);
    }
    let members = || outline.members.iter().map(cargo::Package::folder);
    // cargo looks for the workspace in the parents of each package.
    let starts = members().chain([folder.as_path(), &outline.root]);
    for folder in starts.flat_map(Utf8Path::ancestors).collect::<BTreeSet<_>>() {
        inputs.add_text(&folder.join("Cargo.toml"))?;
    }
    inputs.add_member_patterns(&outline.root)?;
    members().try_for_each(|folder| inputs.add_targets(folder, &outline.target_directory))?;
    Some(hex::encode(inputs.0.finalize()))
}

/// Returns the folders that may be cargo's target folder in `folder`, without asking cargo. A wrong one only lacks the files of earlier
/// runs.
pub fn possible_target_folders(folder: &Utf8Path, cargo_home: &Utf8Path) -> Vec<Utf8PathBuf> {
    let Ok(folder) = folder.canonicalize_utf8() else { return Vec::new() };
    let variables = ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR"];
    let variables = variables.into_iter().filter_map(|name| Some((name.to_owned(), env::var(name).ok()?))).collect();
    let config = cargo_config::effective(&folder, cargo_home, &variables, "");
    match config.map(|config| config.target_dir) {
        Err(_) => Vec::new(),
        Ok(None) => folder.ancestors().map(|folder| folder.join("target")).collect(),
        Ok(Some(setting)) => {
            // A path in a file is relative to the folder that holds `.cargo`.
            let of_file = Utf8Path::new(&setting.source).parent().and_then(Utf8Path::parent);
            vec![of_file.unwrap_or(&folder).join(setting.value)]
        }
    }
}

/// A digest that grows.
#[derive(Default)]
struct Inputs(Sha256);

impl Inputs {
    /// Adds one input; lengths keep `["ab", "c"]` and `["a", "bc"]` apart.
    fn add(&mut self, words: &[&str]) {
        self.0.update(words.len().to_le_bytes());
        for word in words {
            self.0.update(word.len().to_le_bytes());
            self.0.update(word);
        }
    }

    /// Adds the variables that cargo, rustc, rustup and the dynamic linker read.
    fn add_environment(&mut self, host: &Host) {
        let variables = host.variables.iter().filter(|(name, _)| decides(&name.to_string_lossy()));
        variables.for_each(|variable| self.add(&[&format!("{variable:?}")]));
        // The user's home may be named by the account alone.
        self.add(&[&format!("{:?}", rustix::process::geteuid())]);
    }

    /// Adds the programs that would be asked, if they are those of the toolchain or rustup's proxies.
    fn add_programs(&mut self, host: &Host, toolchain: &Toolchain) -> Option<()> {
        let own_rustc = toolchain.sysroot.join("bin/rustc").into_std_path_buf();
        let own_cargo = toolchain.cargo.clone().into_std_path_buf();
        for (asked, own) in [(&host.cargo, &own_cargo), (&host.rustc, &own_rustc)] {
            let real = asked.canonicalize().ok()?;
            if real != own.canonicalize().ok()? && !is_rustup(&real) {
                return None;
            }
            // A script could answer by anything.
            if ![asked, own].into_iter().all(is_elf) {
                return None;
            }
            [asked, &real, own].into_iter().try_for_each(|program| self.add_stamp(program))?;
        }
        // rustc itself is in its libraries.
        let libraries = toolchain.sysroot.join("lib");
        for (name, kind) in listing(&libraries)? {
            if kind == "file" {
                self.add_stamp(libraries.join(name).as_std_path())?;
            }
        }
        Some(())
    }

    /// Adds the files by which rustup selects a toolchain.
    fn add_rustup(&mut self, host: &Host, folder: &Utf8Path, toolchain: &Toolchain) -> Option<()> {
        self.add(&[toolchain.sysroot.as_str()]);
        for folder in folder.ancestors() {
            for name in ["rust-toolchain", "rust-toolchain.toml"] {
                let text = self.add_text(&folder.join(name))?;
                // A toolchain of its own may be replaced under its path.
                if text.contains("path") {
                    return None;
                }
            }
        }
        let variable = |name: &str| host.variables.get(OsStr::new(name))?.to_str();
        let home = match variable("RUSTUP_HOME") {
            Some(home) => folder.join(home),
            None => Utf8Path::new(variable("HOME")?).join(".rustup"),
        };
        for path in ["/etc/rustup/settings.toml".into(), home.join("settings.toml")] {
            self.add_text(&path)?;
        }
        let toolchains = home.join("toolchains");
        for (name, kind) in listing(&toolchains)? {
            let real = toolchains.join(&name).canonicalize().ok();
            self.add(&[&name, kind, &format!("{real:?}")]);
        }
        Some(())
    }

    /// Adds the folders that the workspace's patterns can match, and whether they are packages. Any folder at the place of a wildcard
    /// counts.
    fn add_member_patterns(&mut self, root: &Utf8Path) -> Option<()> {
        let manifest: Table = read(&root.join("Cargo.toml")).ok()??.parse().ok()?;
        let workspace = manifest.get("workspace").and_then(Value::as_table);
        let lists = ["members", "default-members"].into_iter().filter_map(|key| workspace?.get(key)?.as_array());
        for pattern in lists.flatten().filter_map(Value::as_str).filter(|pattern| has_wildcard(pattern)) {
            if pattern.starts_with('/') || pattern.contains("**") {
                return None;
            }
            let mut folders = vec![root.to_owned()];
            for part in pattern.split('/') {
                if !has_wildcard(part) {
                    folders.iter_mut().for_each(|folder| folder.push(part));
                    continue;
                }
                let mut matched = Vec::new();
                for folder in &folders {
                    let names = self.add_listing(folder)?.into_iter();
                    matched.extend(names.filter(|(_, kind)| *kind == "folder").map(|(name, _)| folder.join(name)));
                }
                folders = matched;
                if folders.len() > MAX_FOLDERS {
                    return None;
                }
            }
            for folder in folders {
                let is_package = folder.join("Cargo.toml").exists().to_string();
                self.add(&[folder.as_str(), &is_package]);
            }
        }
        Some(())
    }

    /// Adds the files from which cargo infers a package's targets and its readme.
    fn add_targets(&mut self, package: &Utf8Path, target_directory: &Utf8Path) -> Option<()> {
        for (name, kind) in listing(package)? {
            // A run creates these in the workspace's folder.
            let is_result =
                ["Cargo.lock", "Tierce.lock"].contains(&name.as_str()) || package.join(&name) == target_directory;
            if !is_result {
                self.add(&[package.as_str(), &name, kind]);
            }
        }
        self.add_listing(&package.join("src"))?;
        for name in ["src/bin", "tests", "examples", "benches"] {
            let folder = package.join(name);
            for (name, kind) in self.add_listing(&folder)? {
                if kind == "folder" {
                    let main = folder.join(name).join("main.rs");
                    self.add(&[main.as_str(), &main.exists().to_string()]);
                }
            }
        }
        Some(())
    }

    /// Adds a text, or its absence. Returns it.
    fn add_text(&mut self, path: &Utf8Path) -> Option<String> {
        let text = read(path).ok()?;
        self.add(&[path.as_str(), if text.is_some() { "text" } else { "absent" }]);
        let text = text.unwrap_or_default();
        self.add(&[&text]);
        Some(text)
    }

    /// Adds the names in a folder with their kinds. Returns them.
    fn add_listing(&mut self, folder: &Utf8Path) -> Option<Vec<(String, &'static str)>> {
        let names = listing(folder)?;
        self.add(&[folder.as_str(), &names.len().to_string()]);
        names.iter().for_each(|(name, kind)| self.add(&[name, kind]));
        Some(names)
    }

    /// Adds a file that is too large to read, by its number, size and times.
    fn add_stamp(&mut self, path: &Path) -> Option<()> {
        let file = fs::metadata(path).ok()?;
        let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
        self.add(&[&format!("{path:?} {} {} {} {times:?}", file.dev(), file.ino(), file.len())]);
        Some(())
    }
}

/// Whether a variable may change an answer. cargo also sets variables for the programs that it starts.
fn decides(variable: &str) -> bool {
    let of_started_program = ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| variable.starts_with(start));
    let of_programs = variable.contains("CARGO") || variable.contains("RUST") || variable.starts_with("LD_");
    ["PATH", "HOME"].contains(&variable) || (of_programs && !of_started_program)
}

/// Whether a program is rustup, which its proxies are links to: symbolic ones, or of the same file.
fn is_rustup(program: &Path) -> bool {
    let number = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    number(program).is_some_and(|own| number(&program.with_file_name("rustup")) == Some(own))
}

fn is_elf(program: &PathBuf) -> bool {
    let mut start = [0; 4];
    tierce_bounded::open(program).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *b"\x7fELF"
}

/// cargo's patterns are those of the crate `glob`.
fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// The text of a file; none if it does not exist.
fn read(path: &Utf8Path) -> io::Result<Option<String>> {
    match tierce_bounded::text(path, &tierce_bounded::SETTINGS) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names in a folder with their kinds, sorted; none of a folder that does not exist. Follows links.
fn listing(folder: &Utf8Path) -> Option<Vec<(String, &'static str)>> {
    let entries = match folder.read_dir_utf8() {
        Ok(entries) => entries,
        Err(error) if is_absence(&error) => return Some(Vec::new()),
        Err(_) => return None,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.ok()?;
        let kind = entry.file_type().ok()?;
        let kind =
            if kind.is_symlink() { entry.path().metadata().ok().map(|file| file.file_type()) } else { Some(kind) };
        let kind = match kind {
            Some(kind) if kind.is_dir() => "folder",
            Some(kind) if kind.is_file() => "file",
            _ => "other",
        };
        names.push((entry.file_name().to_owned(), kind));
    }
    names.sort();
    Some(names)
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;
