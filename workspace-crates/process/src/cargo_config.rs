//! The settings of `.cargo/config.toml` that matter to a builder.
//!
//! A builder runs the user's cargo with the user's settings, but lacks the user's linkers and wrappers. This module finds the
//! settings that a builder overrides. Each has the file or variable that set it, so that a warning can name it. See
//! "Configuration" in the Cargo book. [`load`] reads files; `parse` does not.
//!
//! The crate `cargo-config2` (0.1.45) cannot replace this module: it ignores `include` and `paths`, so it silently loses
//! settings. Its resolved values also drop the file that set them, which warnings and keys need.

use std::collections::BTreeMap;
use std::io;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::cargo_platform::{Cfg, Platform};

use crate::Error;

mod parse;
mod written;

pub use parse::{normalised, parse};

/// Levels of nested `include`s.
const MAX_DEPTH: usize = 8;

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its absolute path.
    pub path: Utf8PathBuf,
    /// Its content.
    pub text: String,
}

/// A value with its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The text as written; spaces join a list of words.
    pub value: String,
    /// The path of a configuration file, or the name of an environment variable.
    pub source: String,
}

/// A table `[target.…]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetConfig {
    /// `linker`
    pub linker: Option<Setting>,
    /// `runner`
    pub runner: Option<Setting>,
    /// `rustflags`, one setting for each flag, in rustc's order.
    pub rustflags: Vec<Setting>,
}

/// A variable of the table `[env]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its value.
    pub value: Setting,
    /// Whether it replaces a variable of the environment.
    pub force: bool,
    /// Whether the value is a path relative to the folder that holds the file's `.cargo`.
    pub relative: bool,
}

/// A folder of this host from which the configuration takes crates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFolder {
    /// Its absolute path.
    pub path: Utf8PathBuf,
    /// Whether the configuration names it by a relative path.
    pub relative: bool,
}

/// The merged configuration of cargo for one workspace and one platform.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CargoConfig {
    /// The files, highest precedence first.
    pub files: Vec<ConfigFile>,
    /// `build.rustc`, `RUSTC`
    pub rustc: Option<Setting>,
    /// `build.rustc-wrapper`, `RUSTC_WRAPPER`
    pub rustc_wrapper: Option<Setting>,
    /// `build.rustc-workspace-wrapper`, `RUSTC_WORKSPACE_WRAPPER`
    pub rustc_workspace_wrapper: Option<Setting>,
    /// `build.target`, `CARGO_BUILD_TARGET`
    pub build_target: Vec<Setting>,
    /// `build.target-dir`, `CARGO_TARGET_DIR`
    pub target_dir: Option<Setting>,
    /// `build.rustflags`, `CARGO_BUILD_RUSTFLAGS`, one setting for each flag.
    pub build_rustflags: Vec<Setting>,
    /// `CARGO_ENCODED_RUSTFLAGS` or `RUSTFLAGS`, one setting for each flag. If set, even to nothing, it replaces all other flags.
    pub environment_rustflags: Option<Vec<Setting>>,
    /// `[target.TRIPLE]` of the platform, and its environment variables.
    pub target: TargetConfig,
    /// `[target.'cfg(…)']` by its key: of all platforms until [`CargoConfig::keep_applying`] removes those of others.
    pub cfg_targets: BTreeMap<String, TargetConfig>,
    /// The folders that replace sources (`directory` and `local-registry` of `[source.…]`) and those of `paths`.
    pub source_folders: Vec<SourceFolder>,
    /// `[env]` by name.
    pub env: BTreeMap<String, Variable>,
}

impl CargoConfig {
    /// Removes the `[target.'cfg(…)']` that do not apply to a platform; `cfg` is the output of `rustc --print cfg`.
    pub fn keep_applying(&mut self, cfg: &str) {
        let known: Vec<Cfg> = cfg.lines().filter_map(|line| line.parse().ok()).collect();
        // Cargo cannot read an invalid key either.
        let applies = |key: &str| key.parse::<Platform>().is_ok_and(|platform| platform.matches("", &known));
        self.cfg_targets.retain(|key, _| applies(key));
    }

    /// The flags for rustc, by the Cargo book's ranks: those of the environment, else those of `target`, else those of `build`.
    pub fn rustflags(&self) -> Vec<&Setting> {
        if let Some(flags) = &self.environment_rustflags {
            return flags.iter().collect();
        }
        let targets = std::iter::once(&self.target).chain(self.cfg_targets.values());
        let flags: Vec<_> = targets.flat_map(|target| &target.rustflags).collect();
        if flags.is_empty() { self.build_rustflags.iter().collect() } else { flags }
    }

    /// Whether a flag selects the program that rustc calls as the linker, or its flavor: `-Clinker=…`, `-Clinker-flavor=…`.
    pub fn flags_name_linker(&self) -> bool {
        self.rustflags()
            .into_iter()
            .any(|flag| codegen_option(&flag.value).is_some_and(|(name, _)| matches!(name, "linker" | "linker-flavor")))
    }

    /// The settings that select a linker or its flavor: `linker` of a target, and rustc's flags `-Clinker=…`,
    /// `-Clinker-flavor=…` and `-Clink-arg=--ld-path=…`.
    pub fn linkers(&self) -> Vec<&Setting> {
        let targets = std::iter::once(&self.target).chain(self.cfg_targets.values());
        let linkers = targets.filter_map(|target| target.linker.as_ref());
        linkers.chain(self.rustflags().into_iter().filter(|flag| chooses_program(&flag.value))).collect()
    }

    /// The flags that select a linker by name in the C compiler (`-Clink-arg=-fuse-ld=mold`), each with that name.
    pub fn linkers_of_compiler(&self) -> Vec<(&str, &Setting)> {
        let flags = self.rustflags().into_iter();
        flags.filter_map(|flag| Some((linker_of_compiler(&flag.value)?, flag))).collect()
    }

    /// The flags that link a program without a dynamic linker although it needs libraries, or link no program at all.
    pub fn flags_without_dynamic_linker(&self) -> Vec<&Setting> {
        self.rustflags().into_iter().filter(|flag| drops_dynamic_linker(&flag.value)).collect()
    }

    /// The configured runners of programs for this platform.
    pub fn runners(&self) -> Vec<&Setting> {
        std::iter::once(&self.target)
            .chain(self.cfg_targets.values())
            .filter_map(|target| target.runner.as_ref())
            .collect()
    }

    /// The first of `build.target`, if that asks for other platforms than `host` alone. cargo builds for each platform of a list,
    /// and `host-tuple` is cargo's name of the host.
    pub fn other_build_target(&self, host: &str) -> Option<&Setting> {
        let is_host = |target: &&Setting| [host, "host-tuple"].contains(&target.value.as_str());
        if self.build_target.iter().any(|target| is_host(&target)) { None } else { self.build_target.first() }
    }

    /// The variables of `[env]` that `environment` hides, as they do not set `force`.
    pub fn hidden_variables<'c>(
        &'c self,
        environment: &'c BTreeMap<String, String>,
    ) -> impl Iterator<Item = (&'c str, &'c Setting)> {
        let hidden = self.env.iter().filter(|(name, variable)| !variable.force && environment.contains_key(*name));
        hidden.map(|(name, variable)| (name.as_str(), &variable.value))
    }

    /// The configured wrappers of rustc.
    pub fn wrappers(&self) -> Vec<&Setting> {
        [&self.rustc_wrapper, &self.rustc_workspace_wrapper].into_iter().flatten().collect()
    }
}

/// Whether a flag, with its argument, selects the program that links.
fn chooses_program(flag: &str) -> bool {
    match codegen_option(flag) {
        Some(("linker" | "linker-flavor", _)) => true,
        Some(("link-arg" | "link-args", value)) => value.split(' ').any(|argument| argument.starts_with("--ld-path")),
        _ => false,
    }
}

/// The name of the linker that a flag, with its argument, selects in the C compiler.
fn linker_of_compiler(flag: &str) -> Option<&str> {
    match codegen_option(flag)? {
        ("link-arg" | "link-args", value) => value.split(' ').find_map(|argument| argument.strip_prefix("-fuse-ld=")),
        _ => None,
    }
}

/// Whether a flag, with its argument, tells the C compiler or the linker to name no dynamic linker.
fn drops_dynamic_linker(flag: &str) -> bool {
    let drops = |argument: &str| {
        let alone = argument.strip_prefix("-Wl,").unwrap_or(argument).trim_start_matches('-');
        argument.starts_with('-')
            && (alone.split(',').any(|word| word.trim_start_matches('-') == "no-dynamic-linker")
                || ["static", "static-pie", "shared", "r", "nostartfiles"].contains(&alone))
    };
    match codegen_option(flag) {
        Some(("link-arg" | "link-args", value)) => value.split(' ').any(drops),
        _ => false,
    }
}

/// The name and the value of a flag `-C name=value`. [`mod@parse`] has joined `-C` and its argument.
fn codegen_option(flag: &str) -> Option<(&str, &str)> {
    let option = flag.strip_prefix("-C").or_else(|| flag.strip_prefix("--codegen"))?;
    option.trim_start_matches(['=', ' ']).split_once('=')
}

/// Finds, reads and merges the configuration of cargo in the folder `root`, for the platform `triple`.
///
/// `environment` has the variables that count. A file that is not UTF-8 is an error.
///
/// # Errors
/// `Error::File`, `Error::Config`
pub fn effective(
    root: &Utf8Path,
    cargo_home: &Utf8Path,
    environment: &BTreeMap<String, String>,
    triple: &str,
) -> Result<CargoConfig, Error> {
    parse(load(root, cargo_home)?, environment, triple)
}

/// Reads the configuration files of a folder, its parents and cargo's home, highest precedence first.
///
/// # Errors
/// `Error::File` for an unreadable file, `Error::Config` for an invalid `include`.
pub fn load(root: &Utf8Path, cargo_home: &Utf8Path) -> Result<Vec<ConfigFile>, Error> {
    let mut files = Vec::new();
    let folders = root.ancestors().map(|folder| folder.join(".cargo")).chain([cargo_home.to_owned()]);
    for folder in folders {
        // The name without a suffix is the older one, and wins if both exist.
        for name in ["config", "config.toml"] {
            let path = folder.join(name);
            // Cargo's home is often a parent of the workspace too.
            if files.iter().any(|file: &ConfigFile| file.path == path) {
                break;
            }
            if let Some(text) = read(&path)? {
                add(&mut files, ConfigFile { path, text }, 0)?;
                break;
            }
        }
    }
    Ok(files)
}

/// Adds a file and then its includes. The last include has the highest precedence.
fn add(files: &mut Vec<ConfigFile>, file: ConfigFile, depth: usize) -> Result<(), Error> {
    let includes = parse::includes(&file)?;
    let refuse = |reason: String| Err(Error::Config { file: file.path.clone(), reason });
    if depth == MAX_DEPTH && !includes.is_empty() {
        return refuse(format!("more than {MAX_DEPTH} files include one another"));
    }
    let folder = file.path.parent().unwrap_or(&file.path).to_owned();
    let mut included = Vec::new();
    for include in includes.iter().rev() {
        let path = folder.join(&include.path);
        match read(&path)? {
            Some(text) => included.push(ConfigFile { path, text }),
            None if include.optional => {}
            None => return refuse(format!("the included file `{path}` is missing")),
        }
    }
    files.push(file);
    included.into_iter().try_for_each(|file| add(files, file, depth + 1))
}

/// The text of a file; none if it does not exist.
fn read(path: &Utf8Path) -> Result<Option<String>, Error> {
    match tierce_bounded::text(path, &tierce_bounded::SETTINGS) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        // A home may hold a folder of that name.
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Ok(None),
        Err(source) => Err(Error::File { verb: "read", path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests;
