//! cargo: what a workspace consists of, and fetching its dependencies.
//!
//! Both are the host's part of a build, for the builder has no network. [`outline`] is quick, [`workspace`] is not: cargo reads
//! every dependency for it. Whoever keeps what the latter gave asks the former whether it still holds.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand};
use serde::{Deserialize, Serialize};

use crate::{Error, run};

mod convert;
mod tree;

pub use tree::{Crate, crates};

/// A clone of a large git dependency over a slow line has to fit.
const FETCH_TIME: Duration = Duration::from_secs(60 * 60);

const HELP: &str = "install Rust by rustup, and have cargo in PATH";

/// How cargo is to treat the lock file and the network.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--locked`: a Cargo.lock that is missing or not up to date is an error.
    pub locked: bool,
    /// `--offline`: the network is not used.
    pub offline: bool,
    /// The platform whose dependencies are wanted, as a target triple; all platforms if none.
    pub target: Option<String>,
    /// Whether cargo colours what it writes.
    pub colour: bool,
    /// Whether cargo writes nothing but errors and warnings.
    pub quiet: bool,
}

impl Options {
    fn arguments(&self) -> Vec<String> {
        let flags = [(self.locked, "--locked"), (self.offline, "--offline"), (self.quiet, "--quiet")];
        let flags = flags.into_iter().filter(|flag| flag.0).map(|flag| flag.1.to_owned());
        flags.chain(["--color".to_owned(), if self.colour { "always" } else { "never" }.to_owned()]).collect()
    }
}

/// A Cargo workspace, as far as images are concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// The folder of its Cargo.toml and Cargo.lock.
    pub root: Utf8PathBuf,
    /// Where cargo puts what it builds, environment and configuration considered.
    pub target_directory: Utf8PathBuf,
    /// Its members, by name.
    pub members: Vec<Package>,
    /// Packages in folders outside of the workspace that members depend on by `path`, by name.
    pub outside: Vec<Package>,
    /// The folders of all packages outside of the root that cargo reads: of members that lie there, of what only tests need.
    pub folders_outside: Vec<Utf8PathBuf>,
    /// The Cargo.toml of every package on this host that is no member, sorted.
    pub local_manifests: Vec<Utf8PathBuf>,
    /// The Cargo.toml of every package that was downloaded, sorted.
    pub downloaded_manifests: Vec<Utf8PathBuf>,
}

/// A package whose source is a folder of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// cargo's own name for it, unique in a build: takes the place of `-p NAME` where names are ambiguous.
    pub id: String,
    /// `package.name`
    pub name: String,
    /// `package.version`
    pub version: String,
    /// Its Cargo.toml.
    pub manifest_path: Utf8PathBuf,
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
    /// The ids of the packages with a source on this host that it is compiled from, directly or not, without itself and
    /// without dev-dependencies; sorted. Optional ones and those of every platform count.
    pub local_dependencies: Vec<String>,
}

impl Package {
    /// The folder of its Cargo.toml.
    pub fn folder(&self) -> &Utf8Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

/// A program that a package makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Binary {
    /// The name of its file.
    pub name: String,
    /// The features without which cargo does not make it.
    pub required_features: Vec<String>,
}

impl Workspace {
    /// The member or outside package of an id.
    pub fn package(&self, id: &str) -> Option<&Package> {
        self.members.iter().chain(&self.outside).find(|package| package.id == id)
    }
}

/// What cargo says of a workspace and its members without a look at their dependencies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The folder of its Cargo.toml and Cargo.lock.
    pub root: Utf8PathBuf,
    /// Where cargo puts what it builds, environment and configuration considered.
    pub target_directory: Utf8PathBuf,
    /// Its members, by name, without what they depend on.
    pub members: Vec<Package>,
    /// Everything that it says, and its settings in the environment. What [`workspace`] gives depends on this, on cargo itself,
    /// its home and configuration files, the workspace's own Cargo.toml and Cargo.lock, and on the manifests that it lists.
    pub basis: String,
}

/// Reads the outline of the workspace that a folder belongs to; about 20 ms.
///
/// # Errors
/// `Error::NotFound`, `Error::Failed`, `Error::Output`, and what [`fetch`] gives: it says what is wrong with a manifest.
pub fn outline(
    folder: &Utf8Path,
    options: &Options,
    interrupted: &AtomicBool,
    on_line: impl FnMut(&str),
) -> Result<Outline, Error> {
    let cargo = program()?;
    let mut command = MetadataCommand::new();
    command.cargo_path(&cargo).current_dir(folder).no_deps();
    let said = match describe(&command) {
        Err(Error::Failed { .. }) => {
            fetch(folder, options, interrupted, on_line)?;
            describe(&command)?
        }
        other => other?,
    };
    let metadata = parse(&said)?;
    let members = convert::workspace(&metadata).members;
    let variables = env::vars_os().filter(|(name, _)| configures(&name.to_string_lossy()));
    // The order of the environment is whoever's who started this process.
    let variables: BTreeSet<String> = variables.map(|variable| format!("{variable:?}\n")).collect();
    Ok(Outline {
        root: metadata.workspace_root,
        target_directory: metadata.target_directory,
        members,
        basis: variables.into_iter().chain([said]).collect(),
    })
}

/// Reads the workspace that a folder belongs to: its own Cargo.toml's, or that of a folder above it.
///
/// Where Cargo.lock is up to date and the dependencies are there, it costs one run of cargo without the network. Otherwise
/// [`fetch`] comes first (as it would before a build: Cargo.lock is written unless `locked` is set). Afterwards nothing is
/// left to fetch for the platform of the options.
///
/// # Errors
/// `Error::NotFound`, `Error::Failed`, `Error::Output`, and what [`fetch`] gives.
pub fn workspace(
    folder: &Utf8Path,
    options: &Options,
    interrupted: &AtomicBool,
    on_line: impl FnMut(&str),
) -> Result<Workspace, Error> {
    let cargo = program()?;
    let metadata = match metadata(&cargo, folder, options) {
        // Whatever is wrong, a fetch mends it or says it better than `--frozen` does.
        Err(Error::Failed { .. }) => {
            fetch(folder, options, interrupted, on_line)?;
            metadata(&cargo, folder, options)?
        }
        other => other?,
    };
    Ok(convert::workspace(&metadata))
}

/// Downloads the dependencies of the workspace that a folder belongs to, with the host's network, credentials and
/// configuration. `on_line` gets each line that cargo writes.
///
/// # Errors
/// `Error::NotFound`, `Error::Failed` without the lines, which `on_line` got, `Error::CargoLock`, `Error::Interrupted`,
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

/// The cargo that runs this process, if one does; it is the one that the workspace asks for.
fn program() -> Result<PathBuf, Error> {
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

/// Whether a variable may be one of cargo's settings, and not what cargo says to the programs that it starts.
fn configures(variable: &str) -> bool {
    let said = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_HOME"];
    variable.starts_with("CARGO_") && !said.iter().any(|said| variable.starts_with(said))
}

const METADATA: &str = "cargo metadata";

/// What `cargo metadata` writes to its stdout.
fn describe(command: &MetadataCommand) -> Result<String, Error> {
    let output = command.cargo_command().stdin(Stdio::null()).output();
    let output = output.map_err(|source| Error::Start { program: METADATA.to_owned(), source })?;
    if !output.status.success() {
        return Err(run::failed(METADATA, output.status.code(), String::from_utf8_lossy(&output.stderr).lines()));
    }
    String::from_utf8(output.stdout)
        .map_err(|_| Error::Output { program: METADATA.to_owned(), reason: "it is not UTF-8".to_owned() })
}

fn parse(said: &str) -> Result<Metadata, Error> {
    MetadataCommand::parse(said)
        .map_err(|error| Error::Output { program: METADATA.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests;
