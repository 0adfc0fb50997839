//! Where a workspace and what it refers to outside of itself stand in the builder: at fixed places, in the same relation to
//! each other as on the host.

use camino::{Utf8Path, Utf8PathBuf};
use tierce_docker::Mount;
use tierce_process::cargo::Workspace;
use tierce_process::cargo_config::CargoConfig;

use crate::steps::cargo_call::{CARGO_HOME, TARGET};

/// The folder that stands for the deepest one above all that is mounted.
const SOURCE: &str = "/tierce/source";

/// The folders of cargo's home that hold what it has downloaded.
pub(crate) const CRATES: [&str; 2] = ["registry", "git"];

/// The mounts of a workspace.
#[derive(Debug)]
pub(crate) struct SourceMounts {
    /// The deepest folder above all others; they stand below [`SOURCE`] as they stand below it.
    base: Utf8PathBuf,
    workspace: Utf8PathBuf,
    /// Folders of packages outside of the workspace: those of their workspaces, which they may inherit from.
    outside: Vec<Utf8PathBuf>,
    /// Folders of crates that cargo's configuration names by their whole path.
    absolute: Vec<Utf8PathBuf>,
    /// Configuration files of cargo's above the workspace.
    configs: Vec<Utf8PathBuf>,
    /// That of cargo's home, and what it includes there.
    home_configs: Vec<Utf8PathBuf>,
    cargo_home: Utf8PathBuf,
    target: Utf8PathBuf,
}

impl SourceMounts {
    pub(crate) fn new(
        workspace: &Workspace,
        config: &CargoConfig,
        cargo_home: &Utf8Path,
        target: &Utf8Path,
    ) -> SourceMounts {
        let root = &workspace.root;
        let is_outside = |folder: &Utf8Path| !folder.starts_with(root);
        let packages = workspace.folders_outside.iter().map(|folder| workspace_of(folder).to_owned());
        let named = config.source_folders.iter().filter(|folder| is_outside(&folder.path) && folder.path.is_dir());
        let (relative, absolute): (Vec<_>, Vec<_>) = named.partition(|folder| folder.relative);
        let packages = packages.chain(linked_outside(workspace));
        let mut outside: Vec<_> = packages.chain(relative.into_iter().map(|folder| folder.path.clone())).collect();
        outside.sort();
        outside.dedup();
        let paths = config.files.iter().map(|file| &file.path).filter(|path| is_outside(path));
        let (home_configs, configs): (Vec<_>, Vec<_>) = paths.cloned().partition(|path| path.starts_with(cargo_home));
        // A configuration file `X/.cargo/config.toml` holds for X.
        let configured = configs.iter().filter_map(|path| path.parent()?.parent());
        let folders = outside.iter().map(Utf8PathBuf::as_path).chain(configured);
        SourceMounts {
            base: folders.fold(root.clone(), |base, folder| common(&base, folder)),
            workspace: root.clone(),
            outside,
            absolute: absolute.into_iter().map(|folder| folder.path.clone()).collect(),
            configs,
            home_configs,
            cargo_home: cargo_home.to_owned(),
            target: target.to_owned(),
        }
    }

    /// The workspace's folder in the builder.
    pub(crate) fn workspace(&self) -> String {
        below(&self.base, &self.workspace)
    }

    /// Where a Cargo.toml of the host stands in the builder, if it is mounted.
    pub(crate) fn inside(&self, path: &Utf8Path) -> Option<String> {
        let mut folders = std::iter::once(&self.workspace).chain(&self.outside);
        folders.any(|folder| path.starts_with(folder)).then(|| below(&self.base, path))
    }

    /// Where a file of the builder stands on the host, if it is one of the user's sources.
    pub(crate) fn outside_of_builder(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        if let Ok(rest) = path.strip_prefix(SOURCE) {
            return Some(self.base.join(rest));
        }
        // At its own place: what is mounted there, too.
        let mut folders = self.outside.iter().chain(&self.absolute);
        folders.any(|folder| path.starts_with(folder)).then(|| path.to_owned())
    }

    pub(crate) fn mounts(&self) -> Vec<Mount> {
        let bind = |host: &Utf8Path, target: String, read_only| Mount::Bind { host: host.into(), target, read_only };
        let mut mounts = vec![bind(&self.target, TARGET.to_owned(), false)];
        // Build scripts may write into their own package, as they may outside of the builder.
        for folder in std::iter::once(&self.workspace).chain(&self.outside) {
            mounts.push(bind(folder, below(&self.base, folder), false));
        }
        // Also where they stand on the host, for a path that is written absolutely.
        for folder in self.outside.iter().filter(|folder| !hides_builder(folder)) {
            mounts.push(bind(folder, folder.to_string(), false));
        }
        for folder in self.absolute.iter().filter(|folder| !hides_builder(folder)) {
            mounts.push(bind(folder, folder.to_string(), true));
        }
        mounts.extend(self.configs.iter().map(|file| bind(file, below(&self.base, file), true)));
        for file in &self.home_configs {
            let name = file.strip_prefix(&self.cargo_home).unwrap_or(file);
            mounts.push(bind(file, format!("{CARGO_HOME}/{name}"), true));
        }
        mounts
    }

    /// The sources alone, for whoever only reads them where debug information says that they are.
    pub(crate) fn readable(&self) -> Vec<Mount> {
        let bind = |host: &Utf8Path, target: String| Mount::Bind { host: host.into(), target, read_only: true };
        let mut mounts: Vec<Mount> = std::iter::once(&self.workspace)
            .chain(&self.outside)
            .map(|folder| bind(folder, below(&self.base, folder)))
            .chain(
                self.absolute
                    .iter()
                    .filter(|folder| !hides_builder(folder))
                    .map(|folder| bind(folder, folder.to_string())),
            )
            .collect();
        for name in CRATES {
            let host = self.cargo_home.join(name);
            if host.is_dir() {
                mounts.push(bind(&host, format!("{CARGO_HOME}/{name}")));
            }
        }
        mounts
    }

    /// What cargo says, with the places of the builder replaced by those of the host.
    pub(crate) fn host_paths(&self, bytes: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
        if !text.contains("/tierce/") {
            return bytes.to_vec();
        }
        let base = self.base.as_str().trim_end_matches('/');
        let places = [(SOURCE, base), (TARGET, self.target.as_str()), (CARGO_HOME, self.cargo_home.as_str())];
        places.into_iter().fold(text.to_owned(), |text, (inside, host)| text.replace(inside, host)).into_bytes()
    }
}

/// The folders outside of the workspace that packages stand in which it reaches through a link of its own.
fn linked_outside(workspace: &Workspace) -> Vec<Utf8PathBuf> {
    let Ok(root) = workspace.root.canonicalize_utf8() else { return Vec::new() };
    let packages = workspace.members.iter().chain(&workspace.outside);
    let inside =
        packages.map(tierce_process::cargo::Package::folder).filter(|folder| folder.starts_with(&workspace.root));
    let folders = inside.filter_map(|folder| folder.canonicalize_utf8().ok());
    folders.filter(|folder| !folder.starts_with(&root)).map(|folder| workspace_of(&folder).to_owned()).collect()
}

/// The folder of the workspace that a package belongs to: it may inherit from there. The package's own where there is none.
fn workspace_of(package: &Utf8Path) -> &Utf8Path {
    let has_workspace = |folder: &&Utf8Path| {
        std::fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|text| text.lines().any(|line| line.trim_start().starts_with("[workspace")))
    };
    package.ancestors().find(has_workspace).unwrap_or(package)
}

/// The deepest folder above both.
fn common(a: &Utf8Path, b: &Utf8Path) -> Utf8PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
}

fn below(base: &Utf8Path, path: &Utf8Path) -> String {
    match path.strip_prefix(base) {
        Ok(rest) if rest.as_str().is_empty() => SOURCE.to_owned(),
        Ok(rest) => format!("{SOURCE}/{rest}"),
        Err(_) => path.to_string(),
    }
}

/// Whether a folder of the host, mounted at its own path, would hide what the builder has there: the folders of a system and
/// those right below them. What lies deeper, as `/var/lib/ci/workspace`, is the host's own.
fn hides_builder(path: &Utf8Path) -> bool {
    let system = "bin boot destination dev etc lib lib64 proc run sbin sys tierce usr var";
    let mut parts = path.components().skip(1).map(|part| part.as_str());
    parts.next().is_none_or(|first| system.split(' ').any(|name| name == first) && parts.count() < 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_process::cargo_config::ConfigFile;

    fn mounts(root: &str, configs: &[&str]) -> SourceMounts {
        let workspace = Workspace {
            root: root.into(),
            target_directory: "/t".into(),
            members: Vec::new(),
            outside: Vec::new(),
            folders_outside: Vec::new(),
            local_manifests: Vec::new(),
            downloaded_manifests: Vec::new(),
        };
        let files = configs.iter().map(|path| ConfigFile { path: (*path).into(), text: String::new() }).collect();
        let config = CargoConfig { files, ..CargoConfig::default() };
        SourceMounts::new(&workspace, &config, "/home/u/.cargo".into(), "/home/u/target/tierce/cargo".into())
    }

    #[test]
    fn a_workspace_stands_where_its_relations_hold() {
        for (configs, expected) in [
            (&[][..], "/tierce/source"),
            (&["/home/u/code/ws/.cargo/config.toml"], "/tierce/source"),
            (&["/home/u/.cargo/config.toml"], "/tierce/source"),
            (&["/home/u/code/.cargo/config.toml"], "/tierce/source/ws"),
        ] {
            assert_eq!(mounts("/home/u/code/ws", configs).workspace(), expected, "{configs:?}");
        }
    }

    #[test]
    fn whoever_debugs_reads_the_sources_and_writes_nowhere() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("registry")).unwrap();
        let mut mounts = mounts("/home/u/code/ws", &["/home/u/code/.cargo/config.toml"]);
        mounts.cargo_home = Utf8PathBuf::from_path_buf(home.path().to_owned()).unwrap();
        let bind =
            |host: Utf8PathBuf, target: &str| Mount::Bind { host: host.into(), target: target.into(), read_only: true };
        let registry = mounts.cargo_home.join("registry");
        assert_eq!(
            mounts.readable(),
            [bind("/home/u/code/ws".into(), "/tierce/source/ws"), bind(registry, "/tierce/cargo-home/registry")]
        );
    }

    #[test]
    fn messages_name_places_of_the_host() {
        let mounts = mounts("/home/u/code/ws", &["/home/u/code/.cargo/config.toml"]);
        for (said, expected) in [
            ("  --> /tierce/source/ws/src/main.rs:1:1", "  --> /home/u/code/ws/src/main.rs:1:1"),
            ("  --> /tierce/source/lib/src/lib.rs:1:1", "  --> /home/u/code/lib/src/lib.rs:1:1"),
            ("/tierce/cargo-home/registry/src/x", "/home/u/.cargo/registry/src/x"),
            ("/tierce/target/debug", "/home/u/target/tierce/cargo/debug"),
        ] {
            assert_eq!(mounts.host_paths(said.as_bytes()), expected.as_bytes());
        }
        assert_eq!(mounts.host_paths(b"\xff/tierce/source"), b"\xff/tierce/source");
    }

    #[test]
    fn the_builders_own_folders_stay_as_they_are() {
        for (path, expected) in [
            ("/", true),
            ("/usr", true),
            ("/usr/lib", true),
            ("/var/lib/ci/workspace", false),
            ("/home", false),
            ("/root/lib", false),
            ("/tmp/lib", false),
            ("/opt/lib", false),
        ] {
            assert_eq!(hides_builder(path.into()), expected, "{path}");
        }
    }
}
