//! Images between their loading and their naming: written down before the one and struck out after the other, so that what a
//! killed run has loaded for nothing does not stay in the daemon.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tierce_docker::Docker;

use crate::places::Places;
use crate::{Error, files};

/// The label with the name of an image that Tierce has made.
pub(crate) const IMAGE: &str = "dev.tierce.image";

/// Writes down that an image of this name is about to be loaded.
pub(crate) fn note(places: &Places, name: &str, id: &str) -> Result<(), Error> {
    let path = path(places, name);
    let mut ids: BTreeSet<String> = files::read_json(&path).unwrap_or_default();
    if ids.insert(id.to_owned()) { files::write_json(&path, &ids) } else { Ok(()) }
}

/// Strikes an image out that has its names now.
pub(crate) fn forget(places: &Places, name: &str, id: &str) -> Result<(), Error> {
    let path = path(places, name);
    let Some(mut ids) = files::read_json::<BTreeSet<String>>(&path) else { return Ok(()) };
    match (ids.remove(id), ids.is_empty()) {
        (_, true) => fs::remove_file(&path).map_err(|error| Error::file("remove", &path, error)),
        (true, false) => files::write_json(&path, &ids),
        (false, false) => Ok(()),
    }
}

/// Removes from the daemon what was loaded by runs before and still has no name. What a container uses stays, as any image
/// that is superseded while it is used. The daemon is asked for only if there is something to ask about.
pub(crate) fn remove(places: &Places, docker: impl FnOnce() -> Result<Docker, Error>) -> Result<(), Error> {
    let entries: Vec<_> = fs::read_dir(places.own(FOLDER)).into_iter().flatten().flatten().collect();
    if entries.is_empty() {
        return Ok(());
    }
    let docker = docker()?;
    for path in entries.into_iter().map(|entry| entry.path()) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for id in files::read_json::<BTreeSet<String>>(&path).unwrap_or_default() {
            let image = docker.image(&id)?.filter(|image| image.tags.is_empty());
            if image.is_some_and(|image| image.labels.get(IMAGE) == Some(&name)) {
                docker.remove_image(&id)?;
            }
        }
        fs::remove_file(&path).map_err(|error| Error::file("remove", &path, error))?;
    }
    Ok(())
}

const FOLDER: &str = "untagged";

fn path(places: &Places, name: &str) -> PathBuf {
    places.own(FOLDER).join(format!("{name}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::UserFolders;

    #[test]
    fn what_is_named_is_struck_out() {
        let scratch = tempfile::tempdir().expect("a folder");
        let places = Places::choose(scratch.path(), &UserFolders::default()).expect("writable");
        for id in ["sha256:a", "sha256:b", "sha256:a"] {
            note(&places, "web", id).expect("written");
        }
        forget(&places, "web", "sha256:a").expect("written");
        let left: BTreeSet<String> = files::read_json(&path(&places, "web")).expect("there");
        assert_eq!(left.into_iter().collect::<Vec<_>>(), ["sha256:b"]);
        forget(&places, "web", "sha256:b").expect("removed");
        assert!(!path(&places, "web").exists());
        forget(&places, "web", "sha256:b").expect("nothing to do");
        // No daemon is asked.
        remove(&places, || Err(Error::Interrupted)).expect("nothing to do");
    }
}
