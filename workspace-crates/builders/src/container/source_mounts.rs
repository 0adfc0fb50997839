//! The mounts of a workspace and the folders that it refers to. Their paths in the builder follow from the workspace's content: no name
//! of a folder above the workspace reaches a program.
//!
//! The workspace lies at `SOURCE`, and below it as many folders deeper as its packages refer upwards. A package at `../other` is
//! `SOURCE/other` then, on every host.

use std::collections::BTreeSet;
use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};
use tierce_process::cargo::Workspace;
use tierce_process::cargo_config::{CargoConfig, normalised};
use tierce_store::Error;

use crate::container::cargo_call::{CARGO_HOME, TARGET};
use crate::container::levels::{config_level, fits, hides_builder, levels_up};
use crate::container::opening::Mount;
use crate::container::outside::Outside;

/// The folder of all sources.
const SOURCE: &str = "/tierce/source";
/// The name of a folder above the workspace. No path of a user has it.
const ABOVE: &str = "_above_";
/// The folders above [`SOURCE`].
const ABOVE_SOURCE: usize = 2;

/// The folders of cargo's home that hold its downloads.
pub const CRATES: [&str; 2] = ["registry", "git"];

/// The mounts of a workspace.
#[derive(Debug)]
pub struct SourceMounts {
    workspace: Utf8PathBuf,
    /// The names of the folders from [`SOURCE`] to the workspace.
    names: Vec<String>,
    /// Folders outside of the workspace: packages, or their workspaces, which packages may inherit from.
    outside: Vec<Outside>,
    /// Folders of crates that cargo's configuration names by absolute path.
    absolute: Vec<Utf8PathBuf>,
    /// Files and folders outside of all packages that the table names.
    files: Vec<Utf8PathBuf>,
    /// cargo's configuration files: the written one, and its path in the builder.
    configs: Vec<(PathBuf, String)>,
    cargo_home: Utf8PathBuf,
    target: Utf8PathBuf,
}

/// The folders of this host that belong to a compilation.
#[derive(Clone, Copy, Debug)]
pub struct HostFolders<'a> {
    /// Cargo's home.
    pub cargo_home: &'a Utf8Path,
    /// Cargo's target folder of the builder.
    pub target: &'a Utf8Path,
    /// Copies of manifests; see [`Outside`].
    pub skeletons: &'a Utf8Path,
    /// The configuration files for the builder, in the order of [`CargoConfig::files`].
    pub configs: &'a Utf8Path,
}

impl SourceMounts {
    /// Returns the mounts of a workspace. `needed` are the ids of the packages that the program is compiled from; all without it.
    /// `files` are files and folders outside of all packages.
    pub fn new(
        workspace: &Workspace,
        config: &CargoConfig,
        folders: HostFolders<'_>,
        needed: Option<&BTreeSet<String>>,
        files: Vec<Utf8PathBuf>,
    ) -> SourceMounts {
        let root = &workspace.root;
        let is_outside = |folder: &Utf8Path| !folder.starts_with(root);
        let named = config.source_folders.iter().filter(|folder| is_outside(&folder.path) && folder.path.is_dir());
        let (relative, absolute): (Vec<_>, Vec<_>) = named.partition(|folder| folder.relative);
        let mut outside = Outside::find(workspace, needed, folders.skeletons);
        outside.extend(relative.into_iter().map(|folder| Outside::source(folder.path.clone())));
        let above = config.files.iter().map(|file| &file.path);
        let above: Vec<&Utf8PathBuf> =
            above.filter(|path| is_outside(path) && !path.starts_with(folders.cargo_home)).collect();
        let included = above.iter().filter(|path| config_level(root, path).is_none()).map(|path| path.as_path());
        let outside_paths = outside.iter().filter(|one| one.is_relative).map(|one| one.folder.as_path());
        let files = files.into_iter().filter(|file| is_outside(file) && !outside.iter().any(|one| one.has(file)));
        let files: Vec<Utf8PathBuf> = files.collect();
        let refers_up = outside_paths.chain(included).map(|path| levels_up(root, path)).max().unwrap_or(0);
        let mut depth = refers_up.max(above.len().saturating_sub(ABOVE_SOURCE));
        while !files.iter().all(|file| fits(root, file, depth)) {
            depth += 1;
        }
        let absolute = absolute.into_iter().map(|folder| folder.path.clone()).collect();
        let mut mounts = SourceMounts {
            workspace: root.clone(),
            names: names(workspace, &outside, depth),
            outside,
            absolute,
            files,
            configs: Vec::new(),
            cargo_home: folders.cargo_home.to_owned(),
            target: folders.target.to_owned(),
        };
        mounts.configs = mounts.config_mounts(config, folders.configs);
        mounts
    }

    /// Returns the workspace's folder in the builder.
    pub fn workspace(&self) -> String {
        self.level(0)
    }

    /// Returns the folder in the builder that is this many levels above the workspace.
    fn level(&self, up: usize) -> String {
        match self.names.len().checked_sub(up) {
            Some(depth) => std::iter::once(SOURCE)
                .chain(self.names[..depth].iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join("/"),
            None if up == self.names.len() + 1 => "/tierce".to_owned(),
            None => String::new(),
        }
    }

    /// Returns the builder's path of a path on the host; its position to the workspace is the same.
    fn in_builder(&self, path: &Utf8Path) -> String {
        let up = levels_up(&self.workspace, path);
        let above = self.workspace.ancestors().nth(up).unwrap_or(&self.workspace);
        match path.strip_prefix(above) {
            Ok(rest) if rest.as_str().is_empty() => self.level(up),
            Ok(rest) => format!("{}/{rest}", self.level(up)),
            Err(_) => path.to_string(),
        }
    }

    /// Returns the builder's path of a Cargo.toml on the host, or `None` if no mount has it.
    pub fn inside(&self, path: &Utf8Path) -> Option<String> {
        let is_mounted = path.starts_with(&self.workspace) || self.outside.iter().any(|one| one.has(path));
        is_mounted.then(|| self.in_builder(path))
    }

    /// Returns the host's path of a file in the builder, or `None` if it is not one of the user's sources.
    pub fn outside_of_builder(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        for up in 0..=self.names.len() {
            if let Ok(rest) = path.strip_prefix(self.level(up)) {
                let above = self.workspace.ancestors().nth(up)?;
                return Some(if rest.as_str().is_empty() { above.to_owned() } else { above.join(rest) });
            }
        }
        if let Some(file) = self.files.iter().find(|file| path.starts_with(self.in_builder(file))) {
            let rest = path.strip_prefix(self.in_builder(file)).ok()?;
            return Some(if rest.as_str().is_empty() { file.clone() } else { file.join(rest) });
        }
        // Some folders are also mounted at their own path.
        let mut folders = self.outside.iter().map(|one| &one.folder).chain(&self.absolute);
        folders.any(|folder| path.starts_with(folder)).then(|| path.to_owned())
    }

    /// Returns the mounts of a compilation. Cargo writes into its target folder, build scripts into `OUT_DIR` in it;
    /// `write_sources` lets them write into the sources too, as on the host.
    pub fn mounts(&self, write_sources: bool) -> Vec<Mount> {
        let bind = |host: &Utf8Path, target: String, read_only| Mount::Folder { host: host.into(), target, read_only };
        let mut mounts = vec![bind(&self.target, TARGET.to_owned(), false)];
        mounts.push(bind(&self.workspace, self.workspace(), !write_sources));
        for one in &self.outside {
            if levels_up(&self.workspace, &one.folder) <= self.names.len() {
                mounts.push(bind(one.host(), self.in_builder(&one.folder), !write_sources || one.skeleton.is_some()));
            }
            if !one.is_relative && !hides_builder(&one.folder) {
                mounts.push(bind(one.host(), one.folder.to_string(), !write_sources || one.skeleton.is_some()));
            }
        }
        for folder in self.absolute.iter().filter(|folder| !hides_builder(folder)) {
            mounts.push(bind(folder, folder.to_string(), true));
        }
        mounts.extend(self.files.iter().map(|file| bind(file, self.in_builder(file), true)));
        let configs = self.configs.iter();
        mounts.extend(configs.map(|(host, target)| Mount::Folder {
            host: host.clone(),
            target: target.clone(),
            read_only: true,
        }));
        mounts
    }

    /// Returns the sources read-only, at the paths in debug information; debuggers use them.
    pub fn readable(&self) -> Vec<Mount> {
        let bind = |host: &Utf8Path, target: String| Mount::Folder { host: host.into(), target, read_only: true };
        let mut mounts = vec![bind(&self.workspace, self.workspace())];
        mounts.extend(self.outside.iter().map(|one| match one.is_relative {
            true => bind(&one.folder, self.in_builder(&one.folder)),
            false => bind(&one.folder, one.folder.to_string()),
        }));
        let absolute = self.absolute.iter().filter(|folder| !hides_builder(folder));
        mounts.extend(absolute.map(|folder| bind(folder, folder.to_string())));
        for name in CRATES {
            let host = self.cargo_home.join(name);
            if host.is_dir() {
                mounts.push(bind(&host, format!("{CARGO_HOME}/{name}")));
            }
        }
        mounts
    }

    /// Writes the skeletons of the packages that the program is not compiled from.
    ///
    /// # Errors
    /// The file system's.
    pub fn write_skeletons(&self) -> Result<(), Error> {
        self.outside.iter().try_for_each(Outside::write_skeleton)
    }

    /// Returns the host's path that a message of a program in the builder names, whether it is mounted or not.
    pub fn meant(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        let inside = normalised(&Utf8Path::new(&self.workspace()).join(path));
        (0..=self.names.len() + ABOVE_SOURCE).find_map(|up| {
            let rest = inside.strip_prefix(format!("{}/", self.level(up))).ok()?;
            Some(self.workspace.ancestors().nth(up)?.join(rest))
        })
    }

    /// Whether the builder has a path of the host.
    pub fn has(&self, path: &Utf8Path) -> bool {
        let is_source = |one: &Outside| one.has(path) && one.skeleton.is_none();
        let named = self.files.iter().chain(&self.absolute).any(|file| path.starts_with(file));
        path.starts_with(&self.workspace) || named || self.outside.iter().any(is_source)
    }

    /// Returns the mounts of cargo's configuration files. Those above the workspace keep their order, and their level if there is a
    /// folder for it.
    fn config_mounts(&self, config: &CargoConfig, written: &Utf8Path) -> Vec<(PathBuf, String)> {
        let mut mounts = Vec::new();
        let mut limit = self.names.len() + ABOVE_SOURCE;
        // The farthest comes first: each nearer one has to lie below it.
        for (index, file) in config.files.iter().enumerate().rev() {
            let host = written.join(format!("{index}.toml")).into_std_path_buf();
            let target = match config_level(&self.workspace, &file.path) {
                _ if file.path.starts_with(&self.cargo_home) => {
                    let name = file.path.strip_prefix(&self.cargo_home).unwrap_or(&file.path);
                    format!("{CARGO_HOME}/{name}")
                }
                Some(0) | None => self.in_builder(&file.path),
                Some(level) => {
                    let level = level.min(limit);
                    limit = level.saturating_sub(1);
                    let name = file.path.file_name().unwrap_or("config.toml");
                    format!("{}/.cargo/{name}", self.level(level))
                }
            };
            mounts.push((host, target));
        }
        mounts
    }

    /// Replaces paths of the builder in cargo's output by those of the host.
    pub fn host_paths(&self, bytes: &[u8]) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
        if !text.contains("/tierce/") {
            return bytes.to_vec();
        }
        let levels = (0..=self.names.len()).map(|up| {
            let above = self.workspace.ancestors().nth(up).map_or("", Utf8Path::as_str);
            (self.level(up), above.trim_end_matches('/').to_owned())
        });
        let others = [(TARGET, &self.target), (CARGO_HOME, &self.cargo_home)];
        let others = others.into_iter().map(|(inside, host)| (inside.to_owned(), host.to_string()));
        levels.chain(others).fold(text.to_owned(), |text, (inside, host)| text.replace(&inside, &host)).into_bytes()
    }
}

/// Returns the names of the folders from [`SOURCE`] to the workspace. They are the host's only if a package outside refers back into
/// the workspace, by its name.
fn names(workspace: &Workspace, outside: &[Outside], depth: usize) -> Vec<String> {
    let members = workspace.members.iter().filter(|member| member.folder().starts_with(&workspace.root));
    let inside: BTreeSet<&String> = members.map(|member| &member.id).collect();
    let refers_back = |one: &Outside| one.dependencies.iter().any(|id| inside.contains(id));
    if !outside.iter().any(refers_back) {
        return vec![ABOVE.to_owned(); depth];
    }
    let parts: Vec<&str> = workspace.root.components().skip(1).map(|part| part.as_str()).collect();
    let missing = depth.saturating_sub(parts.len());
    let host = parts[parts.len().saturating_sub(depth)..].iter().map(|part| (*part).to_owned());
    std::iter::repeat_n(ABOVE.to_owned(), missing).chain(host).collect()
}

#[cfg(test)]
#[path = "source_mounts_tests.rs"]
mod tests;
