//! Paths that cargo and Tierce write. They are no sources, wherever they lie: a program whose key had them would never be fresh.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::{Error, files};

/// Folders and files that cargo and Tierce write.
#[derive(Debug, Default)]
pub struct WrittenPaths {
    paths: Mutex<Vec<PathBuf>>,
    /// The file that keeps the places of delivered images, a path a line.
    note: Option<PathBuf>,
}

impl WrittenPaths {
    /// These paths, and those of the delivered images that the file `note` has.
    pub fn load(mut paths: Vec<PathBuf>, note: PathBuf) -> WrittenPaths {
        paths.extend(tierce_bounded::text(&note, &tierce_bounded::TEXT).unwrap_or_default().lines().map(PathBuf::from));
        WrittenPaths { paths: Mutex::new(paths), note: Some(note) }
    }

    /// Adds the place of an image, for this run and later ones.
    ///
    /// # Errors
    /// The file system's.
    pub fn add(&self, path: &Path) -> Result<(), Error> {
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if paths.iter().any(|known| known == path) {
            return Ok(());
        }
        paths.push(path.to_owned());
        let Some(note) = &self.note else { return Ok(()) };
        let noted = tierce_bounded::text(note, &tierce_bounded::TEXT).unwrap_or_default();
        files::write(note, format!("{noted}{}\n", path.display()))
    }

    /// Whether this is one of the paths, also under another name of its folder. A folder with a Cargo.toml is a source.
    pub fn has(&self, path: &Path) -> bool {
        if files::is_unfinished(path) {
            return true;
        }
        let paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        let mut named = paths.iter().filter(|known| known.file_name() == path.file_name());
        let is_same = |known: &PathBuf| {
            known == path || path.canonicalize().is_ok_and(|path| known.canonicalize().is_ok_and(|known| known == path))
        };
        named.any(is_same) && !path.join("Cargo.toml").exists()
    }

    /// Whether a path is one of these or lies in one.
    pub fn contain(&self, path: &Path) -> bool {
        path.ancestors().any(|folder| self.has(folder))
    }
}

/// Whether a folder is a cache by its content: CACHEDIR.TAG marks one, and cargo writes `.rustc_info.json` into a target folder
/// that others have created.
pub fn is_cache(folder: &Path) -> bool {
    folder.join("CACHEDIR.TAG").exists() || folder.join(".rustc_info.json").exists()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn written_paths_are_found_by_any_name() {
        let scratch = tempfile::tempdir().expect("a folder");
        let base = scratch.path().canonicalize().expect("it is there");
        for folder in ["ws/out", "ws/target", "ws/src/target", "ws/crates"] {
            fs::create_dir_all(base.join(folder)).expect("writable");
        }
        fs::write(base.join("ws/crates/Cargo.toml"), "").expect("writable");
        std::os::unix::fs::symlink("ws", base.join("link")).expect("a link");
        let note = base.join("note");
        let written = WrittenPaths::load(vec![base.join("ws/target"), base.join("ws/crates")], note.clone());
        let has = |written: &WrittenPaths, path: &str| written.has(&base.join(path));
        for (path, expected) in [
            ("ws/target", true),
            ("link/target", true),
            ("ws/src/target", false),
            ("ws/out", false),
            ("ws/crates", false),
            ("ws/.tierce-abc.part", true),
        ] {
            assert_eq!(has(&written, path), expected, "{path}");
        }
        assert!(written.contain(&base.join("ws/target/debug/build/x.rs")));
        assert!(!written.contain(&base.join("ws/src/x.rs")));

        written.add(&base.join("ws/out")).expect("writable");
        assert!(has(&written, "ws/out"));
        assert!(has(&WrittenPaths::load(Vec::new(), note), "ws/out"), "later runs know it");
    }

    #[test]
    fn caches_are_known_by_their_content() {
        let scratch = tempfile::tempdir().expect("a folder");
        assert!(!is_cache(scratch.path()));
        fs::write(scratch.path().join(".rustc_info.json"), "{}").expect("writable");
        assert!(is_cache(scratch.path()));
    }
}
