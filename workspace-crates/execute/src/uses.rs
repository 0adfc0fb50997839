//! Which ROOTs are used: by a workspace, whose images were last built with them, or by a run, which holds a lock on them. What
//! neither uses is superseded, and goes.
//!
//! Each workspace has a file in the cache that names the ROOTs of its images. It counts as long as the workspace's own folder
//! is there. A run adds to it before it relies on a ROOT, and when it has succeeded puts in what it was made with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tierce_docker::{Docker, Removal};
use tierce_plan::{Action, Outcome, Root};

use crate::locks::{self, Held};
use crate::places::Places;
use crate::receipts::{Receipt, Receipts};
use crate::{Error, files, owner};

/// What a workspace's file holds.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// The workspace's folder of results.
    folder: PathBuf,
    /// The keys of the ROOTs of each image.
    roots: BTreeMap<String, BTreeSet<String>>,
}

/// What one run uses.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    held: BTreeMap<String, Held>,
    /// Whether there may be something that is superseded now.
    changed: bool,
}

impl Uses {
    /// Before a ROOT is looked at or merged for an image: from now on nobody removes it.
    pub(crate) fn root(&mut self, places: &Places, image: &str, key: &str) -> Result<(), Error> {
        if !self.held.contains_key(key) {
            // Whoever removes ROOTs is done in a moment.
            self.held.insert(key.to_owned(), locks::share_quietly(&lock_path(places, key))?);
        }
        let mut record = read(places);
        if record.roots.entry(image.to_owned()).or_default().insert(key.to_owned()) {
            self.changed = true;
            write(places, &record)?;
        }
        Ok(())
    }

    /// After a run has succeeded: these are the ROOTs of the images that it was for; the workspace has these images. Says whether
    /// something may be superseded.
    pub(crate) fn settle(
        &mut self,
        places: &Places,
        roots: &BTreeMap<String, BTreeSet<String>>,
        images: &BTreeSet<&str>,
    ) -> Result<bool, Error> {
        let before = read(places);
        let mut record = Record { folder: before.folder.clone(), roots: before.roots.clone() };
        record.roots.retain(|image, _| images.contains(image.as_str()));
        record.roots.extend(roots.clone());
        if record != before {
            self.changed = true;
            write(places, &record)?;
        }
        Ok(std::mem::take(&mut self.changed))
    }
}

/// Whose use of a ROOT counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Users {
    /// That of every workspace.
    AllWorkspaces,
    /// Not that of this one.
    OtherWorkspaces,
    /// Nobody's but that of runs.
    Nobody,
}

/// A ROOT of the cache that no workspace uses.
#[derive(Debug)]
pub(crate) struct Unused {
    /// Its key.
    pub(crate) key: String,
    /// Its volume; none of one whose receipt is lost.
    pub(crate) root: Option<Root>,
    /// Bytes of its archive.
    pub(crate) bytes: u64,
    users: Users,
}

/// The ROOTs of the cache that none of these users has, whether a run does or not.
pub(crate) fn unused(places: &Places, receipts: &Receipts, users: Users) -> Vec<Unused> {
    let used = used(places, users);
    let mut known: BTreeMap<String, Option<Root>> = BTreeMap::new();
    for path in actions()
        .iter()
        .flat_map(|action| entries(&receipts.shared_folder(action)))
        .chain(entries(&places.shared("roots")))
    {
        let (Some(key), Some(end)) = (stem(&path), path.extension()) else { continue };
        let entry = known.entry(key).or_default();
        if end == "json"
            && let Some(Receipt { outcome: Outcome::Root(root), .. }) = files::read_json(&path)
        {
            *entry = Some(root);
        }
    }
    let unused = known.into_iter().filter(|(key, _)| !used.contains(key));
    let bytes =
        |key: &str| files_of(places, key).iter().filter_map(|path| fs::metadata(path).ok()).map(|m| m.len()).sum();
    unused.map(|(key, root)| Unused { bytes: bytes(&key), key, root, users }).collect()
}

/// Removes a ROOT, unless a run or a container uses it, or it lies in another daemon. Says whether it is gone.
pub(crate) fn remove(places: &Places, receipts: &Receipts, docker: &Docker, unused: &Unused) -> Result<bool, Error> {
    let Some(_held) = locks::try_exclusive(&lock_path(places, &unused.key))? else { return Ok(false) };
    // A run may have begun to use it, and died, since it was listed.
    if used(places, unused.users).contains(&unused.key) {
        return Ok(false);
    }
    if let Some(root) = &unused.root {
        if docker.facts()?.id != root.daemon {
            return Ok(false);
        }
        owner::release(docker, &root.volume)?;
        if let Removal::InUse(_) = docker.remove_volume(&root.volume)? {
            return Ok(false);
        }
    }
    // The receipt last: as long as it is there, what is left is found.
    let receipts = actions().map(|action| receipts.shared_path(&action, &unused.key));
    for path in files_of(places, &unused.key).into_iter().chain(receipts) {
        files::remove(&path)?;
    }
    Ok(true)
}

/// Forgets what this workspace's images were made with.
pub(crate) fn forget_all(places: &Places) -> Result<(), Error> {
    files::remove(&record_path(places))
}

/// The keys of all ROOTs that these users have.
fn used(places: &Places, users: Users) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let own = record_path(places);
    for path in entries(&places.shared(FOLDER)) {
        if users == Users::Nobody || (users == Users::OtherWorkspaces && path == own) {
            continue;
        }
        let Some(record) = files::read_json::<Record>(&path) else { continue };
        if record.folder.is_dir() {
            used.extend(record.roots.into_values().flatten());
        } else {
            // The workspace is gone. Should the file stay, it counts for nothing.
            let _ = fs::remove_file(&path);
        }
    }
    used
}

const FOLDER: &str = "uses";

/// What makes a ROOT, or a copy of one.
fn actions() -> [Action; 2] {
    [Action::MergeRoot { image: String::new() }, Action::Unmerge { image: String::new(), packages: Vec::new() }]
}

fn record_path(places: &Places) -> PathBuf {
    let name = files::hex(&sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        places.own("").as_os_str().as_encoded_bytes(),
    )));
    places.shared(FOLDER).join(format!("{}.json", &name[..16]))
}

fn read(places: &Places) -> Record {
    let record = files::read_json(&record_path(places)).unwrap_or_default();
    Record { folder: places.own(""), ..record }
}

fn write(places: &Places, record: &Record) -> Result<(), Error> {
    files::write_json(&record_path(places), record)
}

fn lock_path(places: &Places, key: &str) -> PathBuf {
    places.shared("locks").join(format!("root-{key}.used.lock"))
}

/// The archive of a ROOT and what is known of it.
fn files_of(places: &Places, key: &str) -> [PathBuf; 2] {
    ["tar", "json"].map(|end| places.shared("roots").join(format!("{key}.{end}")))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// The name of a file without its end, unless it is half written.
fn stem(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?;
    (!name.starts_with('.')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::places::UserFolders;

    fn keys(unused: Vec<Unused>) -> Vec<String> {
        unused.into_iter().map(|unused| unused.key).collect()
    }

    #[test]
    fn a_root_is_used_by_workspaces_that_are_there() {
        let scratch = tempfile::tempdir().expect("a folder");
        let user = UserFolders { tierce_cache: Some(scratch.path().join("cache")), ..UserFolders::default() };
        let places = |name: &str| Places::choose(&scratch.path().join(name), &user).expect("writable");
        let (first, second) = (places("first"), places("second"));
        let receipts = Receipts::new(first.clone());
        for key in ["a", "b", "c"] {
            files::write(&first.shared("roots").join(format!("{key}.tar")), key).expect("written");
        }
        let unused = || keys(unused(&first, &receipts, Users::AllWorkspaces));
        assert_eq!(unused(), ["a", "b", "c"]);

        let mut uses = Uses::default();
        uses.root(&first, "web", "a").expect("locked");
        uses.root(&first, "web", "b").expect("locked");
        assert_eq!(unused(), ["c"], "a run that may yet fail adds");
        assert!(locks::try_exclusive(&lock_path(&first, "b")).expect("a file").is_none(), "the run holds it");
        let of = |image: &str, key: &str| BTreeMap::from([(image.to_owned(), BTreeSet::from([key.to_owned()]))]);
        assert!(uses.settle(&first, &of("web", "b"), &BTreeSet::from(["web"])).expect("written"));
        assert_eq!(unused(), ["a", "c"], "one that succeeds replaces");
        assert!(!uses.settle(&first, &of("web", "b"), &BTreeSet::from(["web"])).expect("read"), "nothing is new");

        Uses::default().root(&second, "other", "a").expect("locked");
        assert_eq!(unused(), ["c"]);
        assert_eq!(keys(super::unused(&first, &receipts, Users::OtherWorkspaces)), ["b", "c"]);
        assert_eq!(keys(super::unused(&first, &receipts, Users::Nobody)), ["a", "b", "c"]);
        fs::remove_dir_all(second.own("")).expect("it was there");
        assert_eq!(unused(), ["a", "c"], "of a workspace that is gone nothing counts");
        drop(uses);
        // A program that another test starts has the lock's descriptor, too, until it is executed.
        let released = || locks::try_exclusive(&lock_path(&first, "b")).expect("a file").is_some();
        assert!((0..100).any(|_| released() || {
            std::thread::sleep(Duration::from_millis(20));
            false
        }));
        assert!(Uses::default().settle(&first, &BTreeMap::new(), &BTreeSet::new()).expect("written"));
        assert_eq!(unused(), ["a", "b", "c"], "an image that the tables have no more");
    }
}
