//! Images between loading and naming. A run notes an image before it loads it, and forgets it once the image has its names. A later
//! run removes from the daemon what a killed run left unnamed.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::paths::{Paths, file_name, image_of};
use crate::{Error, sealed};

/// Notes that an image of this name is about to be loaded.
pub fn note(paths: &Paths, name: &str, id: &str) -> Result<(), Error> {
    let path = path(paths, name);
    let mut ids: BTreeSet<String> = sealed::read(&path).unwrap_or_default();
    if ids.insert(id.to_owned()) { sealed::write(&path, &ids) } else { Ok(()) }
}

/// Forgets an image that has its names.
pub fn forget(paths: &Paths, name: &str, id: &str) -> Result<(), Error> {
    let path = path(paths, name);
    let Some(mut ids) = sealed::read::<BTreeSet<String>>(&path) else { return Ok(()) };
    match (ids.remove(id), ids.is_empty()) {
        (_, true) => fs::remove_file(&path).map_err(|error| Error::file("remove", &path, error)),
        (true, false) => sealed::write(&path, &ids),
        (false, false) => Ok(()),
    }
}

/// The images that are noted.
pub fn all(paths: &Paths) -> Vec<Pending> {
    let entries = fs::read_dir(paths.own(FOLDER)).into_iter().flatten().flatten();
    let read = |path: PathBuf| Pending {
        image: image_of(&path.file_stem().unwrap_or_default().to_string_lossy()),
        ids: sealed::read(&path).unwrap_or_default(),
        path,
    };
    entries.map(|entry| read(entry.path())).collect()
}

/// Images of one name that have no name in the daemon yet.
#[derive(Debug)]
pub struct Pending {
    /// The image's name in its workspace.
    pub image: String,
    /// The daemon's ids.
    pub ids: BTreeSet<String>,
    /// The file that notes them.
    pub path: PathBuf,
}

const FOLDER: &str = "untagged";

fn path(paths: &Paths, name: &str) -> PathBuf {
    paths.own(FOLDER).join(format!("{}.json", file_name(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::UserFolders;

    #[test]
    fn named_image_is_forgotten() {
        let scratch = tempfile::tempdir().expect("a folder");
        let paths = Paths::choose(scratch.path(), &UserFolders::default()).expect("writable");
        for id in ["sha256:a", "sha256:b", "sha256:a"] {
            note(&paths, "web", id).expect("written");
        }
        forget(&paths, "web", "sha256:a").expect("written");
        let left: BTreeSet<String> = sealed::read(&path(&paths, "web")).expect("there");
        assert_eq!(left.into_iter().collect::<Vec<_>>(), ["sha256:b"]);
        forget(&paths, "web", "sha256:b").expect("removed");
        assert!(!path(&paths, "web").exists());
        forget(&paths, "web", "sha256:b").expect("nothing to do");
        assert!(all(&paths).is_empty());
    }
}
