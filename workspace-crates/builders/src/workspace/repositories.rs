//! Ebuild repositories: the embedded one, unpacked into the cache, and those of the workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tierce_manifest::{RepositorySpec, WorkspaceSpec};
use tierce_plan::LockedRepository;
use tierce_store::digests::FileDigests;
use tierce_store::paths::Paths;
use tierce_store::{Error, digests, files, locks};

/// A repository that builders see.
#[derive(Clone, Debug)]
pub struct RepositoryFolder {
    /// Its name and what it holds.
    pub locked: LockedRepository,
    /// Its folder on the host.
    pub folder: PathBuf,
}

impl RepositoryFolder {
    /// Whether it has an ebuild of a package, `category/name`.
    pub fn has(&self, package: &str) -> bool {
        let entries = std::fs::read_dir(self.folder.join(package)).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|end| end == "ebuild"))
    }
}

/// All repositories of a workspace, the embedded one first.
pub(super) fn gather(
    spec: &WorkspaceSpec,
    root: &Path,
    paths: &Paths,
    digests: &FileDigests,
) -> Result<Vec<RepositoryFolder>, Error> {
    let mut all = vec![embedded(paths, digests)?];
    for repository in &spec.repositories {
        all.push(own(repository, root, digests)?);
    }
    Ok(all)
}

/// The embedded repository, unpacked under its digest. A folder with other files is replaced.
fn embedded(paths: &Paths, digests: &FileDigests) -> Result<RepositoryFolder, Error> {
    let digest = digests::of_texts(tierce_ebuilds::files().flat_map(|(path, content)| [path.as_bytes(), content]));
    let folder = paths.shared("repositories").join(format!("{}-{}", tierce_ebuilds::NAME, &digest[..16]));
    let line = |(path, content): (&str, &[u8])| (path.to_owned(), format!("file {}", tierce_plan::digest(content)));
    let files: BTreeMap<String, String> = tierce_ebuilds::files().map(line).collect();
    let is_whole = || digests.files_of(&folder).is_ok_and(|found| found == files);
    if !is_whole() {
        // Another run must not discard the folder that this one has just unpacked.
        let lock = paths.shared("locks").join("repositories.lock");
        let _alone = locks::take(&lock, "", &AtomicBool::new(false), &|_| {})?;
        if !is_whole() {
            files::discard_folder(&folder)?;
            unpack(&folder)?;
        }
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
    let blame = |message: String, help: &str| Error::table(&repository.path.place, message).with_help(help);
    if !folder.is_dir() {
        return Err(blame(
            format!("the ebuild repository `{}` is not there", repository.path.value),
            "`path` is a folder, from the workspace's root on",
        ));
    }
    let own_name =
        tierce_bounded::text(folder.join("profiles/repo_name"), &tierce_bounded::SETTINGS).unwrap_or_default();
    let own_name = own_name.trim();
    if own_name != repository.name.value.as_ref() {
        let message = match own_name {
            "" => format!("`{}` is no ebuild repository: it has no profiles/repo_name", repository.path.value),
            other => format!("the ebuild repository `{}` calls itself `{other}`", repository.path.value),
        };
        return Err(blame(message, "`name` is what its profiles/repo_name says"));
    }
    let digest = digests.of_folder(&folder)?;
    Ok(RepositoryFolder { locked: LockedRepository { name: repository.name.value.to_string(), digest }, folder })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierce_store::paths::UserFolders;

    #[test]
    fn changed_repository_is_unpacked_again() {
        let scratch = tempfile::tempdir().expect("a folder");
        let paths = Paths::choose(scratch.path(), &UserFolders::default()).expect("writable");
        let gather = || {
            let digests = FileDigests::load(scratch.path().join("digests.json"), Default::default());
            let folder = embedded(&paths, &digests).expect("unpacked").folder;
            digests.files_of(&folder).map(|files| (folder, files)).expect("readable")
        };
        let (folder, whole) = gather();
        let profile = folder.join("profiles").join(tierce_ebuilds::default_profile("trixie"));
        type Change = fn(&Path) -> std::io::Result<()>;
        let changes: [Change; 4] = [
            |profile| std::fs::write(profile.join("make.defaults"), "CC=other"),
            |profile| std::fs::write(profile.join("profile.bashrc"), "die"),
            |profile| std::fs::remove_dir_all(profile),
            |profile| std::os::unix::fs::symlink("/etc/hostname", profile.join("package.use")),
        ];
        for change in changes {
            change(&profile).expect("writable");
            assert_eq!(gather(), (folder.clone(), whole.clone()));
        }
    }
}
