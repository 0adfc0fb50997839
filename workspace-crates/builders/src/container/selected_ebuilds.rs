//! The part of a workspace's ebuild repository that some packages are made of. Portage reads every ebuild of a name that it meets, as
//! root: a container that has no other ebuild runs no code that the keys of the packages lack.

use std::fs;
use std::path::Path;

use tierce_plan::digest;
use tierce_portage::{ConfigContent, ConfigFile, ResolvedPackage};

use crate::workspace::repositories::RepositoryFolder;
use tierce_store::{Error, ErrorKind};

/// Returns the profiles, the ebuilds of these packages with the files beside them, and their eclasses.
pub(super) fn files(repository: &RepositoryFolder, packages: &[ResolvedPackage]) -> Result<Vec<ConfigFile>, Error> {
    let mut all = Vec::new();
    add_below(&repository.folder, "profiles", &mut all)?;
    let layout = read(&repository.folder, LAYOUT)?.unwrap_or_default();
    all.push(file(LAYOUT.to_owned(), thin_layout(&layout)));
    for package in packages {
        for (name, sha256) in &package.eclasses {
            let path = format!("eclass/{name}.eclass");
            // Another repository may have an eclass of this name.
            let content = read(&repository.folder, &path)?.filter(|content| digest(content) == sha256.as_str());
            all.extend(content.map(|content| file(path, content)));
        }
        if package.repository.as_ref() != repository.locked.name {
            continue;
        }
        let folder = package.package().to_string();
        let manifest = format!("{folder}/Manifest");
        all.extend(read(&repository.folder, &manifest)?.map(|content| file(manifest, lines(&content, is_source))));
        let ebuild = (format!("{folder}/{}.ebuild", package.cpv().full_name()), package.ebuild.as_str());
        let beside = package.files.iter().map(|(path, sha256)| (format!("{folder}/{path}"), sha256.as_str()));
        for (path, sha256) in beside.chain([ebuild]) {
            match read(&repository.folder, &path)? {
                Some(content) if digest(&content) == sha256 => all.push(file(path, content)),
                _ => return Err(changed(&repository.folder.join(path))),
            }
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all.dedup();
    Ok(all)
}

/// The configuration of a repository.
const LAYOUT: &str = "metadata/layout.conf";

/// Whether a line of a Manifest is about a source. The others may be about files that are left out.
fn is_source(line: &str) -> bool {
    line.starts_with("DIST ")
}

/// Lets Portage expect Manifests that have sources alone.
fn thin_layout(layout: &[u8]) -> Vec<u8> {
    let mut text = lines(layout, |line| !line.trim_start().starts_with("thin-manifests"));
    text.extend_from_slice(b"thin-manifests = true\n");
    text
}

/// Returns the lines of a text that `keeps` accepts.
fn lines(text: &[u8], keeps: impl Fn(&str) -> bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    text.lines().filter(|line| keeps(line)).flat_map(|line| [line, "\n"]).collect::<String>().into_bytes()
}

fn file(path: String, content: Vec<u8>) -> ConfigFile {
    ConfigFile { path, content: ConfigContent::File(content) }
}

fn changed(path: &Path) -> Error {
    let message = format!("`{}` changed while Tierce ran", path.display());
    Error::new(ErrorKind::Other, message).with_help("run again; Tierce then resolves the packages again")
}

/// Adds all files below a folder.
fn add_below(root: &Path, folder: &str, all: &mut Vec<ConfigFile>) -> Result<(), Error> {
    let path = root.join(folder);
    let failed = |error| Error::file("read the folder", &path, error);
    for entry in fs::read_dir(&path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let inner = format!("{folder}/{}", entry.file_name().to_string_lossy());
        // A link to a folder above would have no end.
        if entry.file_type().map_err(failed)?.is_dir() {
            add_below(root, &inner, all)?;
        } else {
            add_if_there(root, &inner, all)?;
        }
    }
    Ok(())
}

fn add_if_there(root: &Path, path: &str, all: &mut Vec<ConfigFile>) -> Result<(), Error> {
    all.extend(read(root, path)?.map(|content| file(path.to_owned(), content)));
    Ok(())
}

/// Returns the bytes of a file, or None if it does not exist.
fn read(root: &Path, path: &str) -> Result<Option<Vec<u8>>, Error> {
    let path = root.join(path);
    if !path.is_file() {
        return Ok(None);
    }
    tierce_bounded::bytes(&path, &tierce_bounded::ARTIFACT).map(Some).map_err(|error| Error::file("read", &path, error))
}

#[cfg(test)]
mod tests {
    use tierce_plan::LockedRepository;

    use super::*;

    #[test]
    fn other_ebuilds_stay_outside() {
        let scratch = tempfile::tempdir().expect("a folder");
        let all = [
            ("profiles/repo_name", "mine"),
            ("profiles/x/make.defaults", ""),
            ("metadata/layout.conf", "masters = tierce"),
            ("metadata/md5-cache/a/b-1", ""),
            ("eclass/used.eclass", "used"),
            ("eclass/other.eclass", "other"),
            ("eclass/hidden.eclass", "of another repository"),
            ("a/b/b-1.ebuild", "one"),
            ("a/b/b-2.ebuild", "two"),
            ("a/b/files/x.patch", "patch"),
            ("a/b/Manifest", "DIST"),
            ("a/c/c-1.ebuild", "c"),
        ];
        for (path, content) in all {
            tierce_store::files::write(&scratch.path().join(path), content).expect("writable");
        }
        let locked = LockedRepository { name: "mine".into(), digest: String::new() };
        let repository = RepositoryFolder { locked, folder: scratch.path().to_owned() };
        let package = |repository: &str, ebuild: &str| -> ResolvedPackage {
            let text = serde_json::json!({
                "category": "a", "name": "b", "version": "1", "slot": "0", "subslot": "0", "repository": repository,
                "use": [], "iuse": [], "license": "", "description": "", "homepage": "", "ebuild": digest(ebuild),
                "builder": true, "root": true, "files": { "files/x.patch": digest("patch") },
                "eclasses": { "used": digest("used"), "hidden": digest("another content") },
            });
            serde_json::from_value(text).expect("a package")
        };
        let paths = |packages: &[ResolvedPackage]| {
            let files = files(&repository, packages).map_err(|error| error.to_string())?;
            Ok(files.into_iter().map(|file| file.path).collect::<Vec<_>>().join(" "))
        };
        let always = "metadata/layout.conf profiles/repo_name profiles/x/make.defaults";
        assert_eq!(paths(&[package("tierce", "of tierce")]), Ok(format!("eclass/used.eclass {always}")));
        let ebuild = "a/b/Manifest a/b/b-1.ebuild a/b/files/x.patch eclass/used.eclass";
        assert_eq!(paths(&[package("mine", "one")]), Ok(format!("{ebuild} {always}")));
        let path = scratch.path().join("a/b/b-1.ebuild");
        let thin = |text: &str| String::from_utf8(thin_layout(text.as_bytes())).expect("UTF-8");
        assert_eq!(thin("masters = a\nthin-manifests = false"), "masters = a\nthin-manifests = true\n");
        let manifest = "EBUILD b-2.ebuild 3 SHA512 0\nDIST b.tar 3 SHA512 0\nMISC metadata.xml 3 SHA512 0\n";
        assert_eq!(lines(manifest.as_bytes(), is_source), b"DIST b.tar 3 SHA512 0\n");
        let expected: Result<String, String> = Err(format!("`{}` changed while Tierce ran", path.display()));
        assert_eq!(paths(&[package("mine", "edited")]), expected);
    }
}
