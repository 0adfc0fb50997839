//! Removes damaged files, so that the next plan rebuilds them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tierce_builders::workspace::Workspace;
use tierce_store::damage::Damage;
use tierce_store::paths::Paths;
use tierce_store::{Error, Event, Observer, files};

/// The most files that one run repairs. A disk that damages more is of no use.
const MOST: usize = 32;

/// The damaged files that a run has removed.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    removed: BTreeSet<PathBuf>,
}

impl Repairs {
    /// Removes the damaged file that an error reports. Fails with this error if it reports none, or if this run has made the file
    /// again already.
    pub(super) fn repair(&mut self, workspace: &Workspace, error: Error, observer: &Observer<'_>) -> Result<(), Error> {
        let Some(Damage { path }) = Damage::of(&error).cloned() else { return Err(error) };
        if self.removed.len() == MOST || !self.removed.insert(path.clone()) {
            let help = "check the disk, and that no other program writes there";
            return Err(error.with_message(format!("`{}` is damaged again", path.display())).with_help(help));
        }
        if is_kept(&workspace.paths, &path) {
            for part in parts(&path) {
                files::remove(&part)?;
            }
            observer(Event::Warning { message: format!("`{}` is damaged; Tierce rebuilds it", path.display()) });
        } else {
            // A file of the user's, which is not what its remembered digest says.
            workspace.digests.forget(&path);
            observer(Event::Warning { message: format!("`{}` has changed; Tierce reads it again", path.display()) });
        }
        Ok(())
    }
}

/// The damaged file and the files that describe it.
fn parts(path: &Path) -> Vec<PathBuf> {
    let (folder, name) = (path.parent().unwrap_or(path), path.file_name().unwrap_or_default().to_string_lossy());
    let others = match folder.file_name().and_then(|folder| folder.to_str()) {
        Some("roots") => {
            let key = name.split('.').next().unwrap_or_default();
            vec![format!("{key}.tar"), format!("{key}.json")]
        }
        Some("blobs") => vec![format!("{name}.index")],
        Some("binpkgs") => vec![format!("{}.sha256", name.trim_end_matches(".gpkg.tar"))],
        _ => Vec::new(),
    };
    others.into_iter().map(|other| folder.join(other)).chain([path.to_owned()]).collect()
}

/// Whether Tierce has made this file, in the cache or in the workspace's folder of results.
fn is_kept(paths: &Paths, path: &Path) -> bool {
    [paths.cache().to_owned(), paths.own(""), paths.downloads("")].iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_file_goes_with_its_description() {
        for (path, expected) in [
            ("/c/roots/k.tar", &["/c/roots/k.tar", "/c/roots/k.json", "/c/roots/k.tar"][..]),
            ("/c/roots/k.json", &["/c/roots/k.tar", "/c/roots/k.json", "/c/roots/k.json"]),
            ("/c/blobs/ab", &["/c/blobs/ab.index", "/c/blobs/ab"]),
            ("/c/binpkgs/k.gpkg.tar", &["/c/binpkgs/k.sha256", "/c/binpkgs/k.gpkg.tar"]),
            ("/c/debs/ab.deb", &["/c/debs/ab.deb"]),
        ] {
            assert_eq!(parts(path.as_ref()), expected.iter().map(PathBuf::from).collect::<Vec<_>>());
        }
    }
}
