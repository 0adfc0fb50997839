//! `new`: reads the existing files, drafts the changes, and writes all of them or none.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;
use tierce_builders::workspace::options::Options;
use tierce_builders::workspace::tables;
use tierce_manifest::{CargoToml, Member, PackageFacts, WorkspaceText};
use tierce_process::cargo::{self, Outline};
use tierce_scaffold::{
    Content, Draft, DraftFile, Found, Home, LOOKED_AT, NewBuilder, NewImage, Source, is_workspace, package_folder,
    repository_files,
};
use tierce_store::{Error, ErrorKind, Event, Observer, files};

use crate::commands::new::programs::{existing, next};

mod programs;

/// A draft and its workspace.
#[derive(Debug)]
pub struct Drafted {
    /// The folder of the workspace's Cargo.toml.
    pub root: Utf8PathBuf,
    /// The files to write.
    pub draft: Draft,
    /// The command to run next, in the workspace's folder.
    pub next: Option<String>,
}

impl Drafted {
    /// Drafts a workspace in `folder`, or the missing parts of an existing one. The folder need not exist.
    ///
    /// # Errors
    /// Fails if the folder's package belongs to a workspace elsewhere, or if nothing can be inserted into a file.
    pub fn workspace(
        options: &Options,
        folder: &Utf8Path,
        source: &Source,
        observer: &Observer<'_>,
    ) -> Result<Drafted, Error> {
        let found = found(folder, LOOKED_AT.map(Utf8PathBuf::from))?;
        // A package may belong to a workspace above it. cargo reports nothing for a workspace without members.
        if found.0.get(Utf8Path::new("Cargo.toml")).is_some_and(|text| !is_workspace(text)) {
            let root = outline(options, folder, observer)?.root;
            if root.canonicalize_utf8().ok() != folder.canonicalize_utf8().ok() {
                let error = Error::new(ErrorKind::Table, format!("{folder} belongs to the workspace in {root}"));
                return Err(error.with_help(format!("run `cargo xtask new workspace {root}`")));
            }
        }
        let new = tierce_scaffold::workspace(&found, source).map_err(not_drafted)?;
        let arguments = match new.has_image {
            true => "image".to_owned(),
            false => outline(options, folder, observer).map_or_else(|_| "image".to_owned(), |outline| next(&outline)),
        };
        Ok(Drafted { root: folder.to_owned(), draft: new.draft, next: Some(format!("{} {arguments}", new.command)) })
    }

    /// Drafts an image of the workspace in `options.folder`.
    ///
    /// # Errors
    /// Fails if the tables have mistakes or would have them: two images with one name, invalid values.
    pub fn image(options: &Options, new: &NewImage, observer: &Observer<'_>) -> Result<Drafted, Error> {
        let outline = outline(options, &options.folder, observer)?;
        let text = tables::workspace_text(&outline.root, &outline.members)?;
        let spec = tierce_manifest::read(&text)?;
        if let Some(image) = spec.image(new.name()) {
            return Err(Error::table(&image.place, format!("the workspace has an image `{}` already", new.name())));
        }
        let existing = existing(&outline, new.name());
        let home = match (new.content(), existing) {
            (Content::Packages(_), _) => Home::Workspace,
            (Content::Program, Some(existing)) => Home::Package(existing),
            (Content::Program, None) => Home::NewPackage,
        };
        let folder = package_folder(new.name());
        let paths = ["Cargo.toml".into(), folder.join("Cargo.toml"), folder.join("src/main.rs")];
        let manifest = existing.map(|existing| existing.manifest.to_owned());
        let found = found(&outline.root, paths.into_iter().chain(manifest))?;
        let draft = tierce_scaffold::image(&found, new, home).map_err(not_drafted)?;
        let next = Some(format!("cargo xtask image {}", new.name()));
        let drafted = Drafted { draft, next, root: outline.root.clone() };
        drafted.check(text, (home == Home::NewPackage).then_some(new))?;
        Ok(drafted)
    }

    /// Drafts the builder's base, or a repository of ebuilds, for the workspace in `options.folder`.
    ///
    /// # Errors
    /// Fails if the tables have mistakes or would have them.
    pub fn builder(options: &Options, new: &NewBuilder, observer: &Observer<'_>) -> Result<Drafted, Error> {
        let outline = outline(options, &options.folder, observer)?;
        let text = tables::workspace_text(&outline.root, &outline.members)?;
        tierce_manifest::read(&text)?;
        let mut paths: Vec<Utf8PathBuf> = vec!["Cargo.toml".into()];
        if let NewBuilder::Repository { path, .. } = new {
            paths.extend(repository_files().map(|file| path.join(file)));
        }
        let found = found(&outline.root, paths)?;
        let draft = tierce_scaffold::builder(&found, new).map_err(not_drafted)?;
        let drafted = Drafted { draft, next: None, root: outline.root };
        drafted.check(text, None)?;
        Ok(drafted)
    }

    /// Checks the tables with the draft's changes. Fails with the messages that the next run would report.
    fn check(&self, mut text: WorkspaceText, new: Option<&NewImage>) -> Result<(), Error> {
        let after: BTreeMap<Utf8PathBuf, Arc<str>> =
            self.draft.files.iter().map(|file| (self.root.join(&file.path), file.after.as_str().into())).collect();
        let manifests = text.members.iter_mut().map(|member| &mut member.manifest).chain([&mut text.root]);
        for manifest in manifests {
            if let Some(after) = after.get(&manifest.path) {
                manifest.text = Arc::clone(after);
            }
        }
        if let Some(new) = new {
            let path = self.root.join(package_folder(new.name())).join("Cargo.toml");
            let package =
                PackageFacts { name: new.name().to_owned(), version: "0.1.0".into(), ..PackageFacts::default() };
            let manifest = CargoToml { text: after.get(&path).cloned().unwrap_or_default(), path };
            text.members.push(Member {
                manifest,
                package,
                binaries: vec![new.name().to_owned()],
                features: Vec::new(),
            });
        }
        match tierce_manifest::read(&text) {
            Ok(_) => Ok(()),
            // The place of an error is in a file that is not written yet, so only the messages remain.
            Err(errors) => {
                let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
                let help = errors.iter().find_map(|error| error.help.as_deref());
                let message = format!("this would be refused: {}", messages.join("; "));
                Err(Error::new(ErrorKind::Table, message).with_help_if(help))
            }
        }
    }

    /// Writes all files or none.
    ///
    /// # Errors
    /// Fails if a file changed since the draft, or with the error of the file system.
    pub fn write(&self) -> Result<(), Error> {
        let mut made = Made::default();
        let done = self.write_through(&mut made);
        if done.is_err() {
            made.undo();
        }
        done
    }

    fn write_through(&self, made: &mut Made) -> Result<(), Error> {
        let mut ready = Vec::new();
        for file in &self.draft.files {
            let path = self.root.join(&file.path).into_std_path_buf();
            // A link stays a link; its target changes.
            let path = path.canonicalize().unwrap_or(path);
            made.folders_above(&path);
            ready.push((temporary(file, &path)?, file, path));
        }
        for (temporary, file, path) in ready {
            let failed = |error| Error::file("write", &path, error);
            let now = match tierce_bounded::text(&path, &tierce_bounded::TEXT) {
                Ok(text) => Some(text),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(failed(error)),
            };
            if now != file.before {
                return Err(failed(io::Error::other("somebody else has written it meanwhile")));
            }
            match &file.before {
                None => temporary.persist_noclobber(&path).map_err(|error| failed(error.error))?,
                Some(_) => temporary.persist(&path).map_err(|error| failed(error.error))?,
            };
            made.files.push((path, file.before.clone()));
        }
        Ok(())
    }
}

/// Returns the address from which the checkout of a folder was cloned, if other machines reach it.
///
/// # Errors
/// Fails if git cannot be started.
pub fn origin(folder: &Utf8Path) -> Result<Option<String>, Error> {
    Ok(tierce_process::git::origin(folder)?)
}

/// Returns the error for invalid names, values or files of a draft.
pub fn not_drafted(error: tierce_scaffold::Error) -> Error {
    let help = error.help();
    Error::from_source(ErrorKind::Table, error).with_help_if(help)
}

/// Writes the new text of a file to a temporary file beside it, with the mode of the existing file or 0644.
fn temporary(file: &DraftFile, path: &Path) -> Result<NamedTempFile, Error> {
    let mut temporary = files::temporary_beside(path)?;
    let mode = fs::metadata(path).map_or(Permissions::from_mode(0o644), |metadata| metadata.permissions());
    let written = temporary.write_all(file.after.as_bytes()).and_then(|()| temporary.as_file().set_permissions(mode));
    written.map_err(|error| Error::file("write", path, error))?;
    Ok(temporary)
}

/// The changes so far, for undoing them.
#[derive(Default)]
struct Made {
    /// Outermost first.
    folders: Vec<PathBuf>,
    /// Each with its previous text.
    files: Vec<(PathBuf, Option<String>)>,
}

impl Made {
    /// Records the missing folders above a path.
    fn folders_above(&mut self, path: &Path) {
        let missing: Vec<PathBuf> =
            path.ancestors().skip(1).take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
        self.folders.extend(missing.into_iter().rev());
    }

    /// Ignores errors: the caller reports the one that made it undo the changes.
    fn undo(self) {
        for (path, before) in self.files.into_iter().rev() {
            let _ = match before {
                Some(text) => files::write(&path, text).is_ok(),
                None => fs::remove_file(&path).is_ok(),
            };
        }
        for folder in self.folders.into_iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn outline(options: &Options, folder: &Utf8Path, observer: &Observer<'_>) -> Result<Outline, Error> {
    let cargo_options = cargo::Options {
        locked: options.locked,
        offline: options.offline,
        target: None,
        colour: options.colour,
        quiet: options.quiet,
    };
    let on_line = |line: &str| observer(Event::Output { bytes: format!("{line}\n").into_bytes() });
    Ok(cargo::outline(folder, &cargo_options, &options.interrupted, on_line)?)
}

/// Reads those of these files that exist.
fn found(root: &Utf8Path, paths: impl IntoIterator<Item = Utf8PathBuf>) -> Result<Found, Error> {
    let mut found = Found::default();
    for path in paths {
        let full = root.join(&path);
        // A dangling link exists too. Reading it fails, so `new` does not replace it.
        if full.symlink_metadata().is_ok() {
            found.0.insert(path, files::read_text(full.as_std_path())?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = Utf8PathBuf::from_path_buf(scratch.path().canonicalize().expect("it is there")).expect("UTF-8");
        (scratch, path)
    }

    fn drafted(root: &Utf8Path, files: &[(&str, Option<&str>, &str)]) -> Drafted {
        let files = files.iter().map(|(path, before, after)| DraftFile {
            path: (*path).into(),
            before: before.map(str::to_owned),
            after: (*after).to_owned(),
        });
        Drafted { root: root.to_owned(), draft: Draft { files: files.collect(), left: Vec::new() }, next: None }
    }

    /// Returns every path in a folder, recursively.
    fn below(folder: &Utf8Path) -> Vec<String> {
        let mut all = Vec::new();
        for entry in folder.read_dir_utf8().expect("a folder").flatten() {
            all.push(entry.path().as_str().to_owned());
            if entry.path().is_dir() {
                all.extend(below(entry.path()));
            }
        }
        all.sort();
        all
    }

    #[test]
    fn written_files_keep_modes_and_links() {
        let (_scratch, root) = folder();
        fs::write(root.join("real"), "old").expect("writable");
        fs::set_permissions(root.join("real"), Permissions::from_mode(0o600)).expect("a mode");
        symlink("real", root.join("link")).expect("a link");
        drafted(&root, &[("a/b/new", None, "text"), ("link", Some("old"), "new")]).write().expect("written");
        assert_eq!(fs::read_to_string(root.join("a/b/new")).expect("there"), "text");
        assert_eq!(fs::read_to_string(root.join("real")).expect("there"), "new");
        assert!(root.join("link").is_symlink());
        assert_eq!(fs::metadata(root.join("real")).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn failed_write_changes_nothing() {
        let (_scratch, root) = folder();
        fs::write(root.join("old"), "old").expect("writable");
        fs::write(root.join("last"), "of somebody else").expect("writable");
        let before = below(&root);
        let files = [("a/b/new", None, "text"), ("old", Some("old"), "new"), ("last", None, "text")];
        let error = drafted(&root, &files).write().expect_err("a file is there already");
        assert_eq!(error.to_string(), format!("failed to write `{}`", root.join("last")));
        assert_eq!(below(&root), before);
        assert_eq!(fs::read_to_string(root.join("old")).expect("there"), "old");
        // The folder `last` cannot be created.
        let files = [("a/new", None, "text"), ("last/new", None, "text")];
        drafted(&root, &files).write().expect_err("a file is no folder");
        assert_eq!(below(&root), before);
    }

    #[test]
    fn dangling_link_is_not_replaced() {
        let (_scratch, root) = folder();
        symlink("nowhere", root.join("Cargo.toml")).expect("a link");
        assert!(found(&root, ["Cargo.toml".into()]).is_err());
    }
}
