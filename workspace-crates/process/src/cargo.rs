//! cargo: describes a workspace and fetches its dependencies.
//!
//! The host does both, since a builder has no network. [`outline`] is quick. [`workspace`] is slow, since cargo reads every
//! dependency: keep its result as long as the outline is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, run};

mod convert;
mod tree;

pub use tree::{Compiled, compiled, crates};

/// Enough for a clone of a large git dependency over a slow line.
const FETCH_TIME: Duration = Duration::from_secs(60 * 60);

const HELP: &str = "install Rust with rustup, and add cargo to PATH";

/// Options of cargo for the lock file, the network and its output.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--locked`: a missing or stale Cargo.lock is an error.
    pub locked: bool,
    /// `--offline`: cargo does not use the network.
    pub offline: bool,
    /// The target triple whose dependencies count; all platforms if none.
    pub target: Option<String>,
    /// `--color always` instead of `never`.
    pub colour: bool,
    /// `--quiet`: cargo writes only errors and warnings.
    pub quiet: bool,
}

impl Options {
    fn arguments(&self) -> Vec<String> {
        let flags = [(self.locked, "--locked"), (self.offline, "--offline"), (self.quiet, "--quiet")];
        let flags = flags.into_iter().filter(|flag| flag.0).map(|flag| flag.1.to_owned());
        flags.chain(["--color".to_owned(), if self.colour { "always" } else { "never" }.to_owned()]).collect()
    }
}

/// The parts of a Cargo workspace that images need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// The folder of its Cargo.toml and Cargo.lock.
    pub root: Utf8PathBuf,
    /// Cargo's target folder, by environment and configuration.
    pub target_directory: Utf8PathBuf,
    /// Cargo's folder for intermediate files; none for a cargo before 1.91, which has them in the target folder.
    pub build_directory: Option<Utf8PathBuf>,
    /// Its members, by name.
    pub members: Vec<Package>,
    /// Local packages that are no members and that members depend on by `path`, by name.
    pub outside: Vec<Package>,
    /// The folders outside of the root that cargo reads: those of members and of test dependencies too.
    pub folders_outside: Vec<Utf8PathBuf>,
    /// `package.rust-version` of every package that has one, by `name version`.
    pub rust_versions: BTreeMap<String, String>,
    /// The Cargo.toml of every local package that is no member, sorted.
    pub local_manifests: Vec<Utf8PathBuf>,
    /// The Cargo.toml of every downloaded package, sorted.
    pub downloaded_manifests: Vec<Utf8PathBuf>,
}

/// A package whose source is a folder of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// cargo's package ID, unique in a build: `-p ID` works where names are ambiguous.
    pub id: String,
    /// `package.name`
    pub name: String,
    /// `package.version`
    pub version: String,
    /// Its Cargo.toml.
    pub manifest_path: Utf8PathBuf,
    /// `package.rust-version`
    pub rust_version: Option<String>,
    /// Its programs, by name.
    pub binaries: Vec<Binary>,
    /// The names of its features, sorted.
    pub features: Vec<String>,
    /// `package.description`
    pub description: Option<String>,
    /// `package.license`: an SPDX expression.
    pub license: Option<String>,
    /// `package.license-file`
    pub license_file: Option<Utf8PathBuf>,
    /// `package.repository`
    pub repository: Option<String>,
    /// `package.homepage`
    pub homepage: Option<String>,
    /// `package.documentation`
    pub documentation: Option<String>,
    /// `package.authors`
    pub authors: Vec<String>,
    /// The ids of the local packages that it is compiled from, directly or not, without itself and dev-dependencies; sorted.
    /// Includes optional dependencies and those of every platform.
    pub local_dependencies: Vec<String>,
}

impl Package {
    /// The folder of its Cargo.toml.
    pub fn folder(&self) -> &Utf8Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

/// A binary target of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Binary {
    /// The name of its file.
    pub name: String,
    /// The features without which cargo skips it.
    pub required_features: Vec<String>,
}

impl Workspace {
    /// Finds a member or outside package by its id.
    pub fn package(&self, id: &str) -> Option<&Package> {
        self.members.iter().chain(&self.outside).find(|package| package.id == id)
    }
}

/// Cargo's description of a workspace and its members, without dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// The folder of its Cargo.toml and Cargo.lock.
    pub root: Utf8PathBuf,
    /// Cargo's target folder, by environment and configuration.
    pub target_directory: Utf8PathBuf,
    /// Its members, by name, without dependencies.
    pub members: Vec<Package>,
    /// A digest of the whole description, and of cargo's settings in the environment. The result of [`workspace`] depends on it, on
    /// cargo itself, its home and configuration files, the workspace's Cargo.toml and Cargo.lock, and the listed manifests.
    pub basis: String,
}

/// Reads the outline of a folder's workspace, in about 20 ms. If that fails, runs [`fetch`], which explains an invalid manifest.
///
/// # Errors
/// `Error::NotFound`, `Error::Failed`, `Error::Output`, and those of [`fetch`].
pub fn outline(
    folder: &Utf8Path,
    options: &Options,
    interrupted: &AtomicBool,
    on_line: impl FnMut(&str),
) -> Result<Outline, Error> {
    let cargo = program()?;
    let mut command = MetadataCommand::new();
    command.cargo_path(&cargo).current_dir(folder).no_deps();
    let description = match describe(&command) {
        Err(Error::Failed { .. }) => {
            fetch(folder, options, interrupted, on_line)?;
            describe(&command)?
        }
        other => other?,
    };
    let metadata = parse(&description)?;
    let members = convert::workspace(&metadata).members;
    let variables = env::vars_os().filter(|(name, _)| configures(&name.to_string_lossy()));
    // Sorted: the parent process decides the order of the environment.
    let variables: BTreeSet<String> = variables.map(|variable| format!("{variable:?}\n")).collect();
    let basis: String = variables.into_iter().chain([description]).collect();
    Ok(Outline {
        root: metadata.workspace_root,
        target_directory: metadata.target_directory,
        members,
        basis: hex::encode(Sha256::digest(basis)),
    })
}

/// Reads the workspace of a folder's Cargo.toml, or of a parent's.
///
/// Runs cargo once without the network if Cargo.lock and the downloaded dependencies are complete. Otherwise runs [`fetch`]
/// first, which writes Cargo.lock unless `locked` is set. Afterwards all dependencies for the platform are downloaded.
///
/// # Errors
/// `Error::NotFound`, `Error::Failed`, `Error::Output`, and those of [`fetch`].
pub fn workspace(
    folder: &Utf8Path,
    options: &Options,
    interrupted: &AtomicBool,
    on_line: impl FnMut(&str),
) -> Result<Workspace, Error> {
    let cargo = program()?;
    let metadata = match metadata(&cargo, folder, options) {
        // A fetch repairs any failure, or explains it better than `--frozen`.
        Err(Error::Failed { .. }) => {
            fetch(folder, options, interrupted, on_line)?;
            metadata(&cargo, folder, options)?
        }
        other => other?,
    };
    Ok(convert::workspace(&metadata))
}

/// Downloads the dependencies of a folder's workspace with the host's network, credentials and configuration. `on_line` gets
/// each line of cargo.
///
/// # Errors
/// `Error::NotFound`, `Error::Failed` without the lines that `on_line` got, `Error::CargoLock`, `Error::Interrupted`,
/// `Error::TimedOut` after an hour.
pub fn fetch(
    folder: &Utf8Path,
    options: &Options,
    interrupted: &AtomicBool,
    on_line: impl FnMut(&str),
) -> Result<(), Error> {
    let mut arguments = vec!["fetch".to_owned()];
    arguments.extend(options.arguments());
    if let Some(target) = &options.target {
        arguments.extend(["--target".to_owned(), target.clone()]);
    }
    let command = duct::cmd(program()?, arguments).dir(folder);
    let ended = run::stream("cargo fetch", &command, FETCH_TIME, interrupted, on_line)?;
    match ended.code {
        Some(0) => Ok(()),
        _ if options.locked && ended.lines.iter().any(|line| line.contains("--locked")) => Err(Error::CargoLock),
        code => Err(Error::Failed { program: "cargo fetch".to_owned(), code, lines: Vec::new() }),
    }
}

/// The cargo that runs this process, if any, since it is the workspace's own; else the one in PATH.
pub(crate) fn program() -> Result<PathBuf, Error> {
    match env::var_os("CARGO").map(PathBuf::from) {
        Some(cargo) if cargo.is_file() => Ok(cargo),
        _ => run::find("cargo", HELP),
    }
}

fn metadata(cargo: &Path, folder: &Utf8Path, options: &Options) -> Result<Metadata, Error> {
    let mut arguments = vec!["--frozen".to_owned(), "--all-features".to_owned()];
    if let Some(target) = &options.target {
        arguments.extend(["--filter-platform".to_owned(), target.clone()]);
    }
    let mut command = MetadataCommand::new();
    parse(&describe(command.cargo_path(cargo).current_dir(folder).other_options(arguments))?)
}

/// Whether a variable may be a setting of cargo. Cargo also sets variables for the programs that it starts.
fn configures(variable: &str) -> bool {
    let others = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_HOME"];
    variable.starts_with("CARGO_") && !others.iter().any(|other| variable.starts_with(other))
}

const METADATA: &str = "cargo metadata";

/// Returns the stdout of `cargo metadata`.
fn describe(command: &MetadataCommand) -> Result<String, Error> {
    let output = run::output(METADATA, command.cargo_command())?;
    if !output.status.success() {
        return Err(run::failed(METADATA, output.status.code(), String::from_utf8_lossy(&output.stderr).lines()));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Error::Output { program: METADATA.to_owned(), reason: "it is not UTF-8".to_owned() })
}

fn parse(description: &str) -> Result<Metadata, Error> {
    MetadataCommand::parse(description)
        .map_err(|error| Error::Output { program: METADATA.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests;
