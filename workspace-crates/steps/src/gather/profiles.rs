//! Portage's profiles: the settings for builds of a profile and its parents. Tierce.lock already has what they set for versions and USE
//! flags.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tierce_builders::workspace::repositories::RepositoryFolder;
use tierce_manifest::WorkspaceSpec;
use tierce_plan::{BaseRepository, Ingredients};
use tierce_store::{Error, files};

/// The files and folders of a profile that a build sees.
const SEEN_BY_BUILDS: [&str; 6] = ["bashrc", "env", "make.defaults", "package.bashrc", "package.env", "profile.bashrc"];

/// The digest of the chosen profile. A profile of the builder's base is part of the builder, whose digest enters every key.
pub(super) fn digest(
    spec: &WorkspaceSpec,
    repositories: &[&RepositoryFolder],
    base: Option<&BaseRepository>,
) -> Result<String, Error> {
    let Some(chosen) = &spec.portage_profile else {
        return match base {
            Some(base) => Ok(of_base(base.profile.as_deref().unwrap_or_default())),
            None => {
                let profile = tierce_ebuilds::default_profile(spec.debian_suite.codename());
                let folder = repositories[0].folder.join("profiles").join(profile);
                digest_of(&folder, repositories)
            }
        };
    };
    let profile = &chosen.value;
    if base.is_some_and(|base| base.name == profile.repository.as_ref()) {
        return Ok(of_base(profile.path.as_str()));
    }
    let repository = repositories.iter().find(|folder| folder.locked.name == profile.repository.as_ref());
    let folder = repository.map(|repository| repository.folder.join("profiles").join(&profile.path));
    match folder.filter(|folder| folder.is_dir()) {
        Some(folder) => digest_of(&folder, repositories),
        None => Err(Error::table(
            &chosen.place,
            format!("the profile `{}:{}` is not there", profile.repository, profile.path),
        )
        .with_help("it is REPOSITORY:PATH, where PATH is a folder below the repository's `profiles`")),
    }
}

/// Stands for the digest of a profile of the builder's base.
fn of_base(path: &str) -> String {
    format!("the builder's {path}")
}

fn digest_of(profile: &Path, repositories: &[&RepositoryFolder]) -> Result<String, Error> {
    let mut ingredients = Ingredients::default();
    for (depth, folder) in chain(profile, repositories).iter().enumerate() {
        for name in SEEN_BY_BUILDS {
            let mut files = Vec::new();
            files_of(&folder.join(name), &mut files)?;
            for file in files {
                let path = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
                ingredients.add(format!("{depth} {path}"), files::sha256_of(&file)?.0);
            }
        }
    }
    Ok(ingredients.key().to_string())
}

/// A profile and its parents, each once, in the order in which they are reached. Portage refuses a missing one, and names the file that
/// asks for it.
fn chain(profile: &Path, repositories: &[&RepositoryFolder]) -> Vec<PathBuf> {
    let mut chain = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![profile.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(folder) = folder.canonicalize() else { continue };
        if !seen.insert(folder.clone()) {
            continue;
        }
        let parents = tierce_bounded::text(folder.join("parent"), &tierce_bounded::SETTINGS).unwrap_or_default();
        let lines = parents.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        open.extend(lines.filter_map(|line| parent(&folder, line, repositories)));
        chain.push(folder);
    }
    chain
}

/// A line of `parent`: a path from the profile on, or `REPOSITORY:PATH`; without a name the profile's own repository.
fn parent(folder: &Path, line: &str, repositories: &[&RepositoryFolder]) -> Option<PathBuf> {
    let Some((name, path)) = line.split_once(':') else { return Some(folder.join(line)) };
    let is_meant = |repository: &&&RepositoryFolder| match name {
        "" => repository.folder.canonicalize().is_ok_and(|root| folder.starts_with(root)),
        name => repository.locked.name == name,
    };
    Some(repositories.iter().find(is_meant)?.folder.join("profiles").join(path))
}

/// A file, or all files below a folder; empty where there is neither.
fn files_of(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    if path.is_file() {
        files.push(path.to_owned());
    } else if path.is_dir() {
        let failed = |error| Error::file("read the folder", path, error);
        let mut entries = std::fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            files_of(&entry.path(), files)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tierce_plan::LockedRepository;

    #[test]
    fn profile_digest_covers_builds_only() {
        let scratch = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = scratch.path().join(path);
            fs::create_dir_all(path.parent().expect("below")).expect("writable");
            fs::write(path, text).expect("writable");
        };
        let repository = |name: &str| RepositoryFolder {
            locked: LockedRepository { name: name.into(), digest: String::new() },
            folder: scratch.path().join(name),
        };
        let repositories = ["main", "own"].map(repository);
        let repositories = repositories.each_ref();
        write("main/profiles/base/make.defaults", "A=1");
        write("own/profiles/common/profile.bashrc", "true");
        write("own/profiles/x/y/make.defaults", "B=1");
        write("own/profiles/x/y/parent", "# both\nmain:base\n:common\n..\n");
        write("own/profiles/x/parent", "y\n");
        let digest = || digest_of(&scratch.path().join("own/profiles/x/y"), &repositories).expect("readable");
        let mut seen = vec![digest()];
        for (path, counts) in [
            ("own/profiles/x/y/package.mask", false),
            ("own/profiles/z/make.defaults", false),
            ("main/profiles/base/make.defaults", true),
            ("own/profiles/common/profile.bashrc", true),
            ("own/profiles/x/make.defaults", true),
            ("own/profiles/x/y/env/fast", true),
        ] {
            write(path, "changed");
            let now = digest();
            assert_eq!(!seen.contains(&now), counts, "{path}");
            seen.push(now);
        }
    }
}
