//! `new`: looks at what is there, has it drafted, and writes all of it or nothing.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::NamedTempFile;
use tierce_manifest::{CargoToml, Member, PackageFacts, WorkspaceText};
use tierce_process::cargo::{self, Outline};
use tierce_scaffold::{
    Content, Draft, DraftFile, Found, Home, LOOKED_AT, NewBuilder, NewImage, Source, is_workspace, package_folder,
};

use crate::files::temporary_beside;
use crate::options::Options;
use crate::progress::{Event, Observer};
use crate::workspace_text::workspace_text;
use crate::{Error, files};

/// A draft, and the workspace that it is for.
#[derive(Debug)]
pub struct Drafted {
    /// The folder of its Cargo.toml.
    pub root: Utf8PathBuf,
    /// What would be written.
    pub draft: Draft,
}

impl Drafted {
    /// A workspace in a folder, which need not be there, or what the one that is there lacks.
    ///
    /// # Errors
    /// A folder of a package that belongs to a workspace elsewhere, or files into which nothing can be inserted.
    pub fn workspace(
        options: &Options,
        folder: &Utf8Path,
        source: &Source,
        observer: &Observer<'_>,
    ) -> Result<Drafted, Error> {
        let found = found(folder, LOOKED_AT.map(Utf8PathBuf::from))?;
        // A package may belong to a workspace above it; cargo knows nothing to say of a workspace without members.
        if found.0.get(Utf8Path::new("Cargo.toml")).is_some_and(|text| !is_workspace(text)) {
            let root = outline(options, folder, observer)?.root;
            if root.canonicalize_utf8().ok() != folder.canonicalize_utf8().ok() {
                return Err(Error::Draft {
                    message: format!("{folder} belongs to the workspace in {root}"),
                    help: Some(format!("run `cargo xtask new workspace {root}`")),
                });
            }
        }
        let draft = tierce_scaffold::workspace(&found, source)?;
        Ok(Drafted { root: folder.to_owned(), draft })
    }

    /// An image of the workspace that the options name.
    ///
    /// # Errors
    /// A workspace whose tables have mistakes, or would have: two images of one name, values that are none.
    pub fn image(options: &Options, new: &NewImage, observer: &Observer<'_>) -> Result<Drafted, Error> {
        let outline = outline(options, &options.folder, observer)?;
        let text = workspace_text(&outline.root, &outline.members)?;
        let spec = tierce_manifest::read(&text)?;
        if let Some(image) = spec.image(new.name()) {
            return Err(Error::Table {
                place: image.place.clone(),
                message: format!("the workspace has an image `{}` already", new.name()),
                help: None,
            });
        }
        let member = outline.members.iter().find(|member| member.name == new.name());
        let manifest =
            member.map(|member| member.manifest_path.strip_prefix(&outline.root).unwrap_or(&member.manifest_path));
        let home = match (new.content(), manifest) {
            (Content::Packages(_), _) => Home::Workspace,
            (Content::Program, Some(manifest)) => Home::Package(manifest),
            (Content::Program, None) => Home::NewPackage,
        };
        let folder = package_folder(new.name());
        let paths = ["Cargo.toml".into(), folder.join("Cargo.toml"), folder.join("src/main.rs")];
        let found = found(&outline.root, paths.into_iter().chain(manifest.map(Utf8Path::to_owned)))?;
        let drafted = Drafted { draft: tierce_scaffold::image(&found, new, home)?, root: outline.root };
        drafted.check(text, (home == Home::NewPackage).then_some(new))?;
        Ok(drafted)
    }

    /// What Portage runs in, or ebuilds of one's own, for the workspace that the options name.
    ///
    /// # Errors
    /// As for an image.
    pub fn builder(options: &Options, new: &NewBuilder, observer: &Observer<'_>) -> Result<Drafted, Error> {
        let outline = outline(options, &options.folder, observer)?;
        let text = workspace_text(&outline.root, &outline.members)?;
        tierce_manifest::read(&text)?;
        let mut paths: Vec<Utf8PathBuf> = vec!["Cargo.toml".into()];
        if let NewBuilder::Repository { path, .. } = new {
            paths.extend(["metadata/layout.conf", "profiles/repo_name"].map(|file| path.join(file)));
        }
        let found = found(&outline.root, paths)?;
        let drafted = Drafted { draft: tierce_scaffold::builder(&found, new)?, root: outline.root };
        drafted.check(text, None)?;
        Ok(drafted)
    }

    /// What the next run would say of the tables.
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
            // The file that the place is in is not written.
            Err(errors) => {
                let messages: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
                let help = errors.iter().find_map(|error| error.help.clone());
                Err(Error::Draft { message: format!("this would be refused: {}", messages.join("; ")), help })
            }
        }
    }

    /// Writes all files, or none of them.
    ///
    /// # Errors
    /// What the file system refuses, and a file that is another one than when the draft was made.
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
            // A link stays one, and what it leads to is changed.
            let path = path.canonicalize().unwrap_or(path);
            made.folders_above(&path);
            ready.push((temporary(file, &path)?, file, path));
        }
        for (temporary, file, path) in ready {
            let failed = |source| Error::File { verb: "write", path: path.clone(), source };
            let now = match fs::read_to_string(&path) {
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

/// The text of a file under a temporary name beside it, with the mode that it is to have.
fn temporary(file: &DraftFile, path: &Path) -> Result<NamedTempFile, Error> {
    let mut temporary = temporary_beside(path)?;
    let mode = fs::metadata(path).map_or(Permissions::from_mode(0o644), |metadata| metadata.permissions());
    let written = temporary.write_all(file.after.as_bytes()).and_then(|()| temporary.as_file().set_permissions(mode));
    written.map_err(|error| Error::file("write", path, error))?;
    Ok(temporary)
}

/// What was made so far, to be taken back.
#[derive(Default)]
struct Made {
    /// The outermost first.
    folders: Vec<PathBuf>,
    /// Each with its text before.
    files: Vec<(PathBuf, Option<String>)>,
}

impl Made {
    /// Takes down which folders above a path are not there yet.
    fn folders_above(&mut self, path: &Path) {
        let missing: Vec<PathBuf> =
            path.ancestors().skip(1).take_while(|folder| !folder.exists()).map(Path::to_owned).collect();
        self.folders.extend(missing.into_iter().rev());
    }

    /// What cannot be taken back stays: the error that leads here is told.
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

/// The texts of those of these files that are there.
fn found(root: &Utf8Path, paths: impl IntoIterator<Item = Utf8PathBuf>) -> Result<Found, Error> {
    let mut found = Found::default();
    for path in paths {
        let full = root.join(&path);
        // A link that leads nowhere is there as well: it is not to be replaced.
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
        Drafted { root: root.to_owned(), draft: Draft { files: files.collect(), left: Vec::new() } }
    }

    /// Every path below a folder.
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
    fn files_are_written_with_their_modes_and_through_links() {
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
    fn all_is_written_or_nothing() {
        let (_scratch, root) = folder();
        fs::write(root.join("old"), "old").expect("writable");
        fs::write(root.join("last"), "of somebody else").expect("writable");
        let before = below(&root);
        let files = [("a/b/new", None, "text"), ("old", Some("old"), "new"), ("last", None, "text")];
        let error = drafted(&root, &files).write().expect_err("a file is there already");
        assert!(matches!(&error, Error::File { path, .. } if path.ends_with("last")), "{error}");
        assert_eq!(below(&root), before);
        assert_eq!(fs::read_to_string(root.join("old")).expect("there"), "old");
        // A folder that cannot be made.
        let files = [("a/new", None, "text"), ("last/new", None, "text")];
        drafted(&root, &files).write().expect_err("a file is no folder");
        assert_eq!(below(&root), before);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_not_replaced() {
        let (_scratch, root) = folder();
        symlink("nowhere", root.join("Cargo.toml")).expect("a link");
        assert!(found(&root, ["Cargo.toml".into()]).is_err());
    }
}
