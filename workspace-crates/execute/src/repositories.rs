//! Ebuild repositories: the embedded one, unpacked into the cache, and those of the workspace.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tierce_manifest::{RepositorySpec, WorkspaceSpec};
use tierce_plan::LockedRepository;

use crate::Error;
use crate::files::{self, hex};
use crate::places::Places;
use crate::tree_digest::FileDigests;

/// A repository that builders see.
#[derive(Clone, Debug)]
pub(crate) struct RepositoryFolder {
    /// Its name and what it holds.
    pub(crate) locked: LockedRepository,
    /// Where it lies on the host.
    pub(crate) folder: PathBuf,
}

/// All repositories of a workspace, the embedded one first.
pub(crate) fn gather(
    spec: &WorkspaceSpec,
    root: &Path,
    places: &Places,
    digests: &FileDigests,
) -> Result<Vec<RepositoryFolder>, Error> {
    let mut all = vec![embedded(places)?];
    for repository in &spec.repositories {
        all.push(own(repository, root, digests)?);
    }
    Ok(all)
}

/// The embedded repository, unpacked under its digest.
fn embedded(places: &Places) -> Result<RepositoryFolder, Error> {
    let mut hasher = Sha256::new();
    for (path, content) in tierce_ebuilds::files() {
        hasher.update((path.len() as u64).to_le_bytes());
        hasher.update(path);
        hasher.update((content.len() as u64).to_le_bytes());
        hasher.update(content);
    }
    let digest = hex(&hasher.finalize());
    let folder = places.shared("repositories").join(format!("{}-{}", tierce_ebuilds::NAME, &digest[..16]));
    if !folder.exists() {
        unpack(&folder)?;
    }
    Ok(RepositoryFolder { locked: LockedRepository { name: tierce_ebuilds::NAME.to_owned(), digest }, folder })
}

fn unpack(folder: &Path) -> Result<(), Error> {
    let parent = folder.parent().unwrap_or(folder);
    let (scratch, _held) = files::temporary_folder_in(parent)?;
    for (path, content) in tierce_ebuilds::files() {
        files::write(&scratch.path().join(path), content)?;
    }
    files::persist_folder(scratch, folder)
}

/// A repository of the workspace: a folder whose `profiles/repo_name` is the name in the table.
fn own(repository: &RepositorySpec, root: &Path, digests: &FileDigests) -> Result<RepositoryFolder, Error> {
    let folder = root.join(repository.path.value.as_std_path());
    let blame = |message: String, help: &str| Error::Table {
        place: repository.path.place.clone(),
        message,
        help: Some(help.to_owned()),
    };
    if !folder.is_dir() {
        return Err(blame(
            format!("the ebuild repository `{}` is not there", repository.path.value),
            "`path` is a folder, from the workspace's root on",
        ));
    }
    let said = std::fs::read_to_string(folder.join("profiles/repo_name")).unwrap_or_default();
    let said = said.trim();
    if said != repository.name.value.as_ref() {
        let message = match said {
            "" => format!("`{}` is no ebuild repository: it has no profiles/repo_name", repository.path.value),
            other => format!("the ebuild repository `{}` calls itself `{other}`", repository.path.value),
        };
        return Err(blame(message, "`name` is what its profiles/repo_name says"));
    }
    let digest = digests.of_folder(&folder)?;
    Ok(RepositoryFolder { locked: LockedRepository { name: repository.name.value.to_string(), digest }, folder })
}
