//! Folders outside of the workspace that cargo reads.
//!
//! Cargo reads the manifests of all packages, also of those that a program is not compiled from, such as the xtask's. For them the builder
//! gets a skeleton: the manifests, and empty files in place of sources.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use tierce_bounded::TABLE;
use tierce_plan::digest_of;
use tierce_process::cargo::{Package, Workspace};
use tierce_store::written_paths::is_cache;
use tierce_store::{Error, files};

/// A folder outside of the workspace: a package, or its workspace, which packages may inherit from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Its path on this host.
    pub folder: Utf8PathBuf,
    /// The skeleton that stands for it, if the program is not compiled from it.
    pub skeleton: Option<Utf8PathBuf>,
    /// The packages in it that cargo reads.
    packages: BTreeSet<Utf8PathBuf>,
    /// The ids of the local packages that these depend on.
    pub dependencies: BTreeSet<String>,
    /// Whether manifests and links name it by relative paths only.
    pub is_relative: bool,
}

impl Outside {
    /// A folder of crates.
    pub fn source(folder: Utf8PathBuf) -> Outside {
        Outside { folder, skeleton: None, packages: BTreeSet::new(), dependencies: BTreeSet::new(), is_relative: true }
    }

    /// Finds the folders outside of a workspace. `needed` are the ids of the packages that the program is compiled from.
    pub fn find(workspace: &Workspace, needed: Option<&BTreeSet<String>>, skeletons: &Utf8Path) -> Vec<Outside> {
        let mut found: BTreeMap<Utf8PathBuf, Outside> = BTreeMap::new();
        let packages: Vec<&Package> = workspace.members.iter().chain(&workspace.outside).collect();
        let texts: Vec<String> =
            manifests(workspace).filter_map(|path| tierce_bounded::text(path, &TABLE).ok()).collect();
        for (folder, is_linked) in folders(workspace, &packages) {
            let holder = workspace_of(&folder).to_owned();
            let package = packages.iter().find(|package| package.folder() == folder || is_linked_to(package, &folder));
            let is_needed = needed.is_none_or(|needed| package.is_some_and(|package| needed.contains(&package.id)));
            let entry = found.entry(holder.clone()).or_insert_with(|| Outside {
                skeleton: Some(skeletons.join(&digest_of(&[holder.as_str()])[..16])),
                ..Outside::source(holder)
            });
            if is_needed {
                entry.skeleton = None;
            }
            entry.is_relative &= !is_linked && !texts.iter().any(|text| names(text, &folder));
            entry.dependencies.extend(package.iter().flat_map(|package| package.local_dependencies.iter().cloned()));
            entry.packages.insert(folder);
        }
        found.into_values().collect()
    }

    /// The folder of this host that the builder gets.
    pub fn host(&self) -> &Utf8Path {
        self.skeleton.as_ref().unwrap_or(&self.folder)
    }

    /// Whether a path lies in it.
    pub fn has(&self, path: &Utf8Path) -> bool {
        path.starts_with(&self.folder)
    }

    /// Writes its skeleton, if it needs one.
    pub fn write_skeleton(&self) -> Result<(), Error> {
        let Some(skeleton) = &self.skeleton else { return Ok(()) };
        copy_manifest(&self.folder, skeleton)?;
        self.packages.iter().try_for_each(|package| {
            let inside = package.strip_prefix(&self.folder).unwrap_or(package);
            copy_package(package, &skeleton.join(inside))
        })
    }
}

/// Whether a manifest names a folder by its absolute path.
fn names(text: &str, folder: &Utf8Path) -> bool {
    ["\"", "'"]
        .iter()
        .any(|quote| text.contains(&format!("{quote}{folder}{quote}")) || text.contains(&format!("{quote}{folder}/")))
}

/// The packages outside, each with whether the workspace reaches it by an absolute link of its own.
fn folders(workspace: &Workspace, packages: &[&Package]) -> Vec<(Utf8PathBuf, bool)> {
    let named = workspace.folders_outside.iter().map(|folder| (folder.clone(), false));
    let Ok(root) = workspace.root.canonicalize_utf8() else { return named.collect() };
    let inside = packages.iter().map(|package| package.folder()).filter(|folder| folder.starts_with(&workspace.root));
    let real =
        inside.filter_map(|folder| Some((folder.canonicalize_utf8().ok()?, links_absolutely(folder, &workspace.root))));
    named.chain(real.filter(|(folder, _)| !folder.starts_with(&root))).collect()
}

/// Whether one of the folders from the workspace to a package is a link to an absolute path.
fn links_absolutely(package: &Utf8Path, root: &Utf8Path) -> bool {
    let mut folders = package.ancestors().take_while(|folder| *folder != root);
    folders.any(|folder| folder.read_link_utf8().is_ok_and(|target| target.is_absolute()))
}

fn is_linked_to(package: &Package, folder: &Utf8Path) -> bool {
    package.folder().canonicalize_utf8().is_ok_and(|real| real == folder)
}

/// All local manifests.
fn manifests(workspace: &Workspace) -> impl Iterator<Item = Utf8PathBuf> {
    let members = workspace.members.iter().map(|member| member.manifest_path.clone());
    let root = workspace.root.join("Cargo.toml");
    members.chain(workspace.local_manifests.iter().cloned()).chain([root])
}

/// Returns the folder of a package's workspace, which it may inherit from, or the package's own folder without one.
fn workspace_of(package: &Utf8Path) -> &Utf8Path {
    let has_workspace = |folder: &&Utf8Path| {
        tierce_bounded::text(folder.join("Cargo.toml"), &TABLE)
            .is_ok_and(|text| text.lines().any(|line| line.trim_start().starts_with("[workspace")))
    };
    package.ancestors().find(has_workspace).unwrap_or(package)
}

/// Copies a package's manifest, and makes an empty file for each of its Rust files: cargo looks whether they exist.
fn copy_package(package: &Utf8Path, to: &Utf8Path) -> Result<(), Error> {
    copy_manifest(package, to)?;
    for entry in package.read_dir_utf8().into_iter().flatten().flatten() {
        copy_entry(entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn copy_entry(path: &Utf8Path, to: &Utf8Path) -> Result<(), Error> {
    if path.is_dir() {
        let is_other = path.join("Cargo.toml").exists() || path.file_name().is_some_and(|name| name.starts_with('.'));
        if path.is_symlink() || is_other || is_cache(path.as_std_path()) {
            return Ok(());
        }
        for entry in path.read_dir_utf8().into_iter().flatten().flatten() {
            copy_entry(entry.path(), &to.join(entry.file_name()))?;
        }
    } else if path.extension() == Some("rs") && !to.exists() {
        files::write(to.as_std_path(), "")?;
    }
    Ok(())
}

fn copy_manifest(folder: &Utf8Path, to: &Utf8Path) -> Result<(), Error> {
    match tierce_bounded::bytes(folder.join("Cargo.toml"), &TABLE) {
        Ok(text) => files::write_changed(to.join("Cargo.toml").as_std_path(), &text),
        // A folder of packages need not be one.
        Err(_) => files::create_dir(to.as_std_path()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_names_and_links_are_found() {
        for (text, expected) in [
            ("lib = { path = \"/h/lib\" }", true),
            ("lib = { path = '/h/lib/sub' }", true),
            ("lib = { path = \"/h/lib2\" }", false),
            ("lib = { path = \"../lib\" }", false),
        ] {
            assert_eq!(names(text, "/h/lib".into()), expected, "{text}");
        }
        let scratch = tempfile::tempdir().expect("a folder");
        let root = Utf8Path::from_path(scratch.path()).expect("UTF-8");
        std::os::unix::fs::symlink("../lib", root.join("relative")).expect("a link");
        std::os::unix::fs::symlink("/h/lib", root.join("absolute")).expect("a link");
        assert!(links_absolutely(&root.join("absolute/inner"), root));
        assert!(!links_absolutely(&root.join("relative"), root));
    }

    #[test]
    fn skeleton_has_manifests_and_empty_sources() {
        let scratch = tempfile::tempdir().expect("a folder");
        let base = Utf8Path::from_path(scratch.path()).expect("UTF-8");
        for (path, text) in [
            ("outer/Cargo.toml", "[workspace]\n"),
            ("outer/secret.txt", "secret"),
            ("outer/lib/Cargo.toml", "[package]\n"),
            ("outer/lib/src/lib.rs", "mod x;"),
            ("outer/lib/target/CACHEDIR.TAG", ""),
            ("outer/lib/target/x.rs", ""),
            ("outer/lib/nested/Cargo.toml", "[package]\n"),
        ] {
            files::write(base.join(path).as_std_path(), text).expect("writable");
        }
        assert_eq!(workspace_of(&base.join("outer/lib")), base.join("outer"));
        let skeleton = base.join("skeleton");
        let outside = Outside {
            skeleton: Some(skeleton.clone()),
            packages: [base.join("outer/lib")].into(),
            ..Outside::source(base.join("outer"))
        };
        outside.write_skeleton().expect("written");
        let text = |path: &str| std::fs::read_to_string(skeleton.join(path)).ok();
        assert_eq!(text("Cargo.toml").as_deref(), Some("[workspace]\n"));
        assert_eq!(text("lib/Cargo.toml").as_deref(), Some("[package]\n"));
        assert_eq!(text("lib/src/lib.rs").as_deref(), Some(""));
        for absent in ["secret.txt", "lib/target", "lib/nested"] {
            assert!(!skeleton.join(absent).exists(), "{absent}");
        }
    }
}
