//! Ebuild repositories: the embedded one, unpacked into the cache, and those of the workspace.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tierce_manifest::{RepositorySpec, WorkspaceSpec};
use tierce_plan::{BaseRepository, LockedRepository};
use tierce_portage::{RelativePath, Repository};

use crate::Error;
use crate::files::{self, hex};
use crate::places::Places;
use crate::session::Session;
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

/// Those of the host that builders see: not the embedded one where the builder's base has a repository itself.
pub(crate) fn counting<'a>(
    session: &'a Session,
    base: Option<&BaseRepository>,
) -> Result<Vec<&'a RepositoryFolder>, Error> {
    let Some(base) = base else { return Ok(session.repositories.iter().collect()) };
    match session.spec.repositories.iter().find(|own| own.name.value.as_ref() == base.name) {
        None => Ok(session.repositories.iter().skip(1).collect()),
        Some(own) => Err(Error::Table {
            place: own.name.place.clone(),
            message: format!("the builder has an ebuild repository `{}` itself", base.name),
            help: Some("give this one another name, in its profiles/repo_name too".into()),
        }),
    }
}

/// The main repository as builders see it, and its profile for a workspace that names none.
pub(crate) fn main(session: &Session, base: Option<&BaseRepository>) -> Result<(Repository, RelativePath), Error> {
    let name = base.map_or(tierce_ebuilds::NAME, |base| &base.name);
    let mut main = Repository::mounted(name.parse().map_err(tierce_portage::Error::from)?);
    let path = match base {
        None => tierce_ebuilds::DEFAULT_PROFILE,
        Some(base) => {
            main.location = BaseRepository::LOCATION.parse().map_err(tierce_portage::Error::from)?;
            match (&base.profile, &session.spec.portage_profile) {
                (Some(profile), _) => profile,
                // Never used.
                (None, Some(_)) => tierce_ebuilds::DEFAULT_PROFILE,
                (None, None) => {
                    return Err(Error::Table {
                        place: session.base_place()?,
                        message: format!("the builder has not chosen a profile of its ebuild repository `{name}`"),
                        help: Some(format!(
                            "name one by `portage-profile = \"{name}:PATH\"`, or by its link /etc/portage/make.profile"
                        )),
                    });
                }
            }
        }
    };
    Ok((main, path.parse().map_err(tierce_portage::Error::from)?))
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
