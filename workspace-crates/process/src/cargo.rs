//! cargo: what a workspace consists of, and fetching its dependencies.
//!
//! Both are the host's part of a build, for the builder has no network.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId, TargetKind};

use crate::{Error, run};

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// A package whose source is a folder of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
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
    Ok(convert(&metadata))
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

fn metadata(cargo: &PathBuf, folder: &Utf8Path, options: &Options) -> Result<Metadata, Error> {
    const NAME: &str = "cargo metadata";
    let mut arguments = vec!["--frozen".to_owned(), "--all-features".to_owned()];
    if let Some(target) = &options.target {
        arguments.extend(["--filter-platform".to_owned(), target.clone()]);
    }
    MetadataCommand::new().cargo_path(cargo).current_dir(folder).other_options(arguments).exec().map_err(|error| {
        match error {
            cargo_metadata::Error::CargoMetadata { stderr } => run::failed(NAME, None, stderr.lines()),
            cargo_metadata::Error::Io(source) => Error::Start { program: NAME.to_owned(), source },
            other => Error::Output { program: NAME.to_owned(), reason: other.to_string() },
        }
    })
}

fn convert(metadata: &Metadata) -> Workspace {
    let members: BTreeSet<&PackageId> = metadata.workspace_members.iter().collect();
    let graph = local_graph(metadata);
    let local = metadata.packages.iter().filter(|package| package.source.is_none());
    let folders = local.clone().filter_map(|package| package.manifest_path.parent());
    let mut folders_outside: Vec<Utf8PathBuf> =
        folders.filter(|folder| !folder.starts_with(&metadata.workspace_root)).map(Utf8Path::to_owned).collect();
    folders_outside.sort();
    let mut local: Vec<(bool, Package)> =
        local.map(|package| (members.contains(&package.id), self::package(package, &graph))).collect();
    local.sort_by(|(_, one), (_, other)| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    let (members, outside): (Vec<_>, Vec<_>) = local.into_iter().partition(|(member, _)| *member);
    // Of the rest, what only tests need is no part of any image.
    let needed: BTreeSet<&String> = members.iter().flat_map(|(_, package)| &package.local_dependencies).collect();
    let outside =
        outside.into_iter().map(|(_, package)| package).filter(|package| needed.contains(&package.id)).collect();
    Workspace {
        root: metadata.workspace_root.clone(),
        target_directory: metadata.target_directory.clone(),
        outside,
        folders_outside,
        members: members.into_iter().map(|(_, package)| package).collect(),
    }
}

type Graph<'a> = BTreeMap<&'a PackageId, Vec<&'a PackageId>>;

/// Which packages with a source on this host each package is compiled from directly. Only such ones have `path`
/// dependencies that lie on this host, so nothing is lost by leaving the others out.
fn local_graph(metadata: &Metadata) -> Graph<'_> {
    let local: BTreeSet<&PackageId> =
        metadata.packages.iter().filter(|package| package.source.is_none()).map(|package| &package.id).collect();
    let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
    nodes
        .map(|node| {
            let compiled = node
                .deps
                .iter()
                .filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development));
            (&node.id, compiled.map(|dependency| &dependency.pkg).filter(|id| local.contains(id)).collect())
        })
        .collect()
}

fn package(package: &cargo_metadata::Package, graph: &Graph<'_>) -> Package {
    let mut reached = BTreeSet::new();
    let mut open = vec![&package.id];
    while let Some(id) = open.pop() {
        for &next in graph.get(id).into_iter().flatten() {
            if next != &package.id && reached.insert(next) {
                open.push(next);
            }
        }
    }
    let binaries = package.targets.iter().filter(|target| target.kind.contains(&TargetKind::Bin));
    let mut binaries: Vec<_> = binaries
        .map(|target| Binary { name: target.name.clone(), required_features: target.required_features.clone() })
        .collect();
    binaries.sort();
    Package {
        id: package.id.repr.clone(),
        name: package.name.to_string(),
        version: package.version.to_string(),
        manifest_path: package.manifest_path.clone(),
        binaries,
        features: package.features.keys().cloned().collect(),
        description: package.description.clone(),
        license: package.license.clone(),
        license_file: package.license_file.clone(),
        repository: package.repository.clone(),
        homepage: package.homepage.clone(),
        documentation: package.documentation.clone(),
        authors: package.authors.clone(),
        local_dependencies: reached.into_iter().map(|id| id.repr.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Writes files below a new folder, whose name is not an easy one.
    fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        // cargo resolves links, as the temporary folder of some systems is.
        let path = Utf8PathBuf::from_path_buf(folder.path().canonicalize().unwrap()).unwrap().join("wörk space");
        for (name, text) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        (folder, path)
    }

    fn read(folder: &Utf8Path, options: &Options) -> Result<Workspace, Error> {
        workspace(folder, options, &AtomicBool::new(false), |_| {})
    }

    const PACKAGE: &str = "edition = \"2021\"\nversion = \"1.2.3\"\n";

    #[test]
    fn a_workspace_is_found_from_a_folder_inside_with_all_that_it_is_compiled_from() {
        let outside = format!(
            "[package]\nname = \"outside\"\n{PACKAGE}[dependencies]\nfar = {{ path = \"../far\" }}\n[workspace]\n"
        );
        let far = format!("[package]\nname = \"far\"\n{PACKAGE}[workspace]\n");
        let server = format!(
            "[package]\nname = \"server\"\n{PACKAGE}description = \"Serves\"\nlicense = \"MIT\"\nauthors = [\"A\", \"B\"]\n\
             [features]\ndefault = []\nextra = [\"dep:outside\"]\n[[bin]]\nname = \"tool\"\nrequired-features = [\"extra\"]\n\
             [dependencies]\noutside = {{ path = \"../../outside\", optional = true }}\n\
             [dev-dependencies]\ntesting = {{ path = \"../testing\" }}\n\
             outer-testing = {{ path = \"../../testing\" }}\n[build-dependencies]\nbase = {{ path = \"../base\" }}\n",
        );
        let (_folder, path) = folder(&[
            ("work/Cargo.toml", "[workspace]\nresolver = \"2\"\nmembers = [\"server\", \"base\", \"testing\"]\n"),
            ("work/server/Cargo.toml", &server),
            ("work/server/src/main.rs", "fn main() {}"),
            ("work/server/src/bin/tool.rs", "fn main() {}"),
            ("work/base/Cargo.toml", &format!("[package]\nname = \"base\"\n{PACKAGE}")),
            ("work/base/src/lib.rs", ""),
            ("work/testing/Cargo.toml", &format!("[package]\nname = \"testing\"\n{PACKAGE}")),
            ("work/testing/src/lib.rs", ""),
            ("outside/Cargo.toml", &outside),
            ("outside/src/lib.rs", ""),
            ("far/Cargo.toml", &far),
            ("far/src/lib.rs", ""),
            ("testing/Cargo.toml", &format!("[package]\nname = \"outer-testing\"\n{PACKAGE}[workspace]\n")),
            ("testing/src/lib.rs", ""),
        ]);
        let options = Options { offline: true, ..Options::default() };
        let workspace = read(&path.join("work/server/src"), &options).unwrap();

        assert_eq!(workspace.root, path.join("work"));
        let names = |packages: &[Package]| packages.iter().map(|package| package.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&workspace.members), ["base", "server", "testing"]);
        assert_eq!(names(&workspace.outside), ["far", "outside"]);
        assert_eq!(workspace.folders_outside, ["far", "outside", "testing"].map(|name| path.join(name)));

        let server = &workspace.members[1];
        assert_eq!(server.folder(), path.join("work/server"));
        assert_eq!((server.version.as_str(), server.license.as_deref()), ("1.2.3", Some("MIT")));
        assert_eq!(server.description.as_deref(), Some("Serves"));
        assert_eq!(server.authors, ["A", "B"]);
        assert_eq!(server.features, ["default", "extra"]);
        let binaries: Vec<_> =
            server.binaries.iter().map(|binary| (&*binary.name, &binary.required_features[..])).collect();
        assert_eq!(binaries, [("server", [].as_slice()), ("tool", &["extra".to_owned()])]);
        let local = server.local_dependencies.iter().map(|id| workspace.package(id).unwrap().name.as_str());
        assert_eq!(BTreeSet::from_iter(local), BTreeSet::from(["base", "far", "outside"]));

        // The lock file is written by now, and `locked` is content with it.
        assert_eq!(read(&path.join("work"), &Options { locked: true, ..options }).unwrap(), workspace);
    }

    #[test]
    fn cargo_says_what_is_wrong() {
        let package = format!("[package]\nname = \"one\"\n{PACKAGE}");
        let (_folder, path) = folder(&[
            ("none/file", ""),
            ("broken/Cargo.toml", "[package\n"),
            ("unlocked/Cargo.toml", &package),
            ("unlocked/src/lib.rs", ""),
        ]);
        let locked = Options { locked: true, offline: true, ..Options::default() };
        let cases = [("none", "error: could not find `Cargo.toml`"), ("broken", "error: ")];
        for (name, expected) in cases {
            let mut lines = Vec::new();
            let on_line = |line: &str| lines.push(line.to_owned());
            let result = super::workspace(&path.join(name), &locked, &AtomicBool::new(false), on_line);
            let Err(Error::Failed { program, code, .. }) = result else { panic!("{name}: no error") };
            assert_eq!((program.as_str(), code), ("cargo fetch", Some(101)), "{name}");
            assert!(lines[0].starts_with(expected), "{name}: {lines:?}");
        }
        assert!(matches!(read(&path.join("unlocked"), &locked), Err(Error::CargoLock)));
        assert!(!path.join("unlocked/Cargo.lock").exists());
    }

    #[test]
    fn a_fetch_can_be_interrupted() {
        let (_folder, path) =
            folder(&[("Cargo.toml", &format!("[package]\nname = \"one\"\n{PACKAGE}")), ("src/lib.rs", "")]);
        let result = fetch(&path, &Options::default(), &AtomicBool::new(true), |_| {});
        assert!(matches!(result, Err(Error::Interrupted { .. })));
    }
}
