//! The revision in version control, for programs whose build asks git for it. It is an ingredient of these programs alone.
//!
//! The `git` of a builder leaves a file for each package that asked, in the target folder: cargo keeps results of build scripts there.
//! Build scripts can write there too, so nothing here follows a link below it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use camino::{Utf8Path, Utf8PathBuf};
use tierce_bounded::TEXT;
use tierce_builders::workspace::Workspace;
use tierce_manifest::ImageSpec;
use tierce_plan::digest;
use tierce_store::{Error, files, untrusted};

use crate::gather::crates;

/// The file that says that the program of an image depends on the revision.
fn note(workspace: &Workspace, image: &ImageSpec) -> PathBuf {
    workspace.paths.of_image("images", image.name.as_str()).join("asks-revision")
}

/// Git's answers about the workspace.
pub(crate) fn answers(workspace: &Workspace) -> Result<String, Error> {
    Ok(tierce_process::git::answers(workspace.root())?)
}

/// The digest of the answers, if the last build of the image's program asked for one.
pub(super) fn of_program(workspace: &Workspace, image: &ImageSpec) -> Result<Option<String>, Error> {
    match note(workspace, image).exists() {
        true => Ok(Some(digest(&answers(workspace)?))),
        false => Ok(None),
    }
}

/// The folder with a file for each package that asked.
const ASKED: &str = "asked-revision";
/// The file in it with the digest of the answers that the last build had.
const ANSWERS: &str = ".answers";

fn asked(target: &Utf8Path) -> Utf8PathBuf {
    target.join(ASKED)
}

/// The names of the packages that asked.
fn packages(target: &Utf8Path) -> BTreeSet<String> {
    let folder = Some(asked(target)).filter(|folder| folder.symlink_metadata().is_ok_and(|found| found.is_dir()));
    let files = folder.into_iter().flat_map(|folder| folder.read_dir_utf8()).flatten().flatten();
    files.map(|file| file.file_name().to_owned()).filter(|name| !name.starts_with('.')).collect()
}

/// Notes the digest of the answers.
fn note_answers(target: &Utf8Path, digest: String) -> Result<(), Error> {
    let folder = asked(target);
    untrusted::own_folder(folder.as_std_path())?;
    let path = folder.join(ANSWERS);
    untrusted::remove(path.as_std_path())?;
    files::write(path.as_std_path(), digest)
}

/// Keeps whether the program that was just compiled depends on the revision.
pub(crate) fn keep(workspace: &Workspace, image: &ImageSpec, target: &Utf8Path) -> Result<(), Error> {
    let packages = packages(target);
    // Another image of the workspace may have asked.
    let asks =
        !packages.is_empty() && crates::compiled(workspace, image)?.iter().any(|one| packages.contains(&one.name));
    if !packages.is_empty() {
        // The answers that this build had.
        let given = tierce_bounded::bytes(workspace.paths.own("revision"), &TEXT).unwrap_or_default();
        note_answers(target, digest(given))?;
    }
    match asks {
        true => files::write(&note(workspace, image), ""),
        false => files::remove(&note(workspace, image)),
    }
}

/// Lets cargo compile the packages again that asked for another revision: it does not know that they did.
pub(crate) fn forget_old(workspace: &Workspace, target: &Utf8Path) -> Result<(), Error> {
    let packages = packages(target);
    if packages.is_empty() {
        return Ok(());
    }
    let now = digest(&answers(workspace)?);
    let seen = untrusted::read_text(target.as_std_path(), &format!("{ASKED}/{ANSWERS}"), TEXT.bytes);
    if seen.is_ok_and(|seen| seen.as_ref() == Some(&now)) {
        return Ok(());
    }
    forget(target, &packages)?;
    note_answers(target, now)
}

/// Removes cargo's records of these packages, for every profile and platform.
fn forget(target: &Utf8Path, packages: &BTreeSet<String>) -> Result<(), Error> {
    for profile in folders(target).into_iter().flat_map(|folder| [folders(&folder), vec![folder]].concat()) {
        let records = folders(&profile).into_iter().filter(|folder| folder.file_name() == Some(".fingerprint"));
        for record in records.flat_map(|folder| folders(&folder)) {
            let name = record.file_name().and_then(|name| name.rsplit_once('-')).map_or("", |(name, _)| name);
            if packages.contains(name) {
                untrusted::remove(record.as_std_path())?;
            }
        }
    }
    Ok(())
}

/// The folders in a folder, without links to others.
fn folders(of: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = of.read_dir_utf8().into_iter().flatten().flatten();
    let real = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    real.map(|entry| entry.into_path()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_of_build_scripts_lead_nowhere() {
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = Utf8Path::from_path(scratch.path()).expect("UTF-8");
        let (target, host) = (folder.join("target"), folder.join("host"));
        let record = host.join(".fingerprint/app-0123");
        fs::create_dir_all(&record).expect("writable");
        fs::create_dir_all(target.join("release")).expect("writable");
        fs::create_dir_all(target.join("debug/.fingerprint")).expect("writable");
        symlink(host.join(".fingerprint"), target.join("release/.fingerprint")).expect("writable");
        symlink(&record, target.join("debug/.fingerprint/app-0123")).expect("writable");
        symlink(&host, target.join("linked")).expect("writable");
        symlink(&host, asked(&target)).expect("writable");
        fs::write(host.join("app"), "").expect("writable");
        assert_eq!(packages(&target), BTreeSet::new());
        forget(&target, &["app".to_owned()].into()).expect("nothing to do");
        note_answers(&target, "digest".into()).expect("writable");
        assert!(record.is_dir());
        assert!(!host.join(ANSWERS).exists(), "written outside");
        assert_eq!(fs::read_to_string(asked(&target).join(ANSWERS)).expect("there"), "digest");
        // A link or a folder in place of the file.
        for leave in [
            |path: &Utf8Path| symlink("/dev/null", path).expect("writable"),
            |path: &Utf8Path| {
                fs::create_dir(path).expect("writable");
            },
        ] {
            fs::remove_file(asked(&target).join(ANSWERS)).expect("there");
            leave(&asked(&target).join(ANSWERS));
            note_answers(&target, "digest".into()).expect("writable");
        }
    }

    #[test]
    fn records_of_asking_packages_are_removed() {
        let scratch = tempfile::tempdir().expect("a folder");
        let target = Utf8Path::from_path(scratch.path()).expect("UTF-8");
        let records = [
            "x86_64-unknown-linux-gnu/release/.fingerprint/app-0123",
            "x86_64-unknown-linux-gnu/release/.fingerprint/app-core-0123",
            "release/.fingerprint/app-4567",
        ];
        for record in records {
            fs::create_dir_all(target.join(record)).expect("writable");
        }
        fs::create_dir_all(asked(target)).expect("writable");
        fs::write(asked(target).join("app"), "").expect("writable");
        fs::write(asked(target).join(".answers"), "").expect("writable");
        assert_eq!(packages(target), ["app".to_owned()].into());
        forget(target, &packages(target)).expect("removed");
        let left: Vec<bool> = records.iter().map(|record| target.join(record).exists()).collect();
        assert_eq!(left, [false, true, false]);
    }
}
