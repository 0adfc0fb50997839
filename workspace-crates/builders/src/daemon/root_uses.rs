//! The users of ROOTs: a workspace, whose images were last built with one, and a run, which holds a lock on it. A ROOT that neither
//! uses is superseded and gets removed.
//!
//! Each workspace has a file in the cache that names the ROOTs of its images. The file counts while the workspace's own folder exists. A
//! run adds a ROOT before it relies on it; a run that succeeds replaces the list.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tierce_plan::{Action, Outcome, Root};
use tierce_store::locks::Held;
use tierce_store::paths::Paths;
use tierce_store::receipts::{Receipt, Receipts};
use tierce_store::{Error, files, locks, sealed};

/// The file of a workspace.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// The workspace's folder of results.
    folder: PathBuf,
    /// The keys of the ROOTs of each image.
    roots: BTreeMap<String, BTreeSet<String>>,
}

/// The ROOTs that one run uses.
#[derive(Debug, Default)]
pub struct RootUses {
    held: BTreeMap<String, Held>,
    /// Whether a ROOT may be superseded now.
    changed: bool,
}

impl RootUses {
    /// Marks a ROOT as used, before the run looks at it or merges it. From now on nobody removes it.
    pub fn root(&mut self, paths: &Paths, image: &str, key: &str) -> Result<(), Error> {
        if !self.held.contains_key(key) {
            // A run that removes ROOTs holds the lock for a moment only.
            self.held.insert(key.to_owned(), locks::share_quietly(&lock_path(paths, key))?);
        }
        let mut record = read(paths);
        if record.roots.entry(image.to_owned()).or_default().insert(key.to_owned()) {
            self.changed = true;
            write(paths, &record)?;
        }
        Ok(())
    }

    /// Replaces the ROOTs of these images after a run has succeeded, and forgets images that the workspace no longer has. Returns whether
    /// a ROOT may be superseded.
    pub fn settle(
        &mut self,
        paths: &Paths,
        roots: &BTreeMap<String, BTreeSet<String>>,
        images: &BTreeSet<&str>,
    ) -> Result<bool, Error> {
        let before = read(paths);
        let mut record = Record { folder: before.folder.clone(), roots: before.roots.clone() };
        record.roots.retain(|image, _| images.contains(image.as_str()));
        record.roots.extend(roots.clone());
        if record != before {
            self.changed = true;
            write(paths, &record)?;
        }
        Ok(std::mem::take(&mut self.changed))
    }
}

/// The users that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Users {
    /// Every workspace.
    AllWorkspaces,
    /// Every workspace but this one.
    OtherWorkspaces,
    /// Runs only.
    Nobody,
}

/// A ROOT of the cache that no workspace uses.
#[derive(Debug)]
pub struct Unused {
    /// Its key.
    pub key: String,
    /// Its volume; none if its receipt is lost.
    pub root: Option<Root>,
    /// Bytes of its archive.
    pub bytes: u64,
    users: Users,
}

/// The ROOTs of the cache that none of these users has. A run may use one.
pub fn unused(paths: &Paths, receipts: &Receipts, users: Users) -> Vec<Unused> {
    let used = used(paths, users);
    let mut known: BTreeMap<String, Option<Root>> = BTreeMap::new();
    for path in actions()
        .iter()
        .flat_map(|action| entries(&receipts.shared_folder(action)))
        .chain(entries(&paths.shared("roots")))
    {
        let (Some(key), Some(end)) = (stem(&path), path.extension()) else { continue };
        let entry = known.entry(key).or_default();
        if end == "json"
            && let Some(Receipt { outcome: Outcome::Root(root), .. }) = sealed::read(&path)
        {
            *entry = Some(root);
        }
    }
    let unused = known.into_iter().filter(|(key, _)| !used.contains(key));
    let bytes =
        |key: &str| files_of(paths, key).iter().filter_map(|path| fs::metadata(path).ok()).map(|m| m.len()).sum();
    unused.map(|(key, root)| Unused { bytes: bytes(&key), key, root, users }).collect()
}

/// Removes a ROOT, unless a run or a container uses it, or another engine has it. `remove_volume` returns whether the volume is gone.
/// Returns whether the ROOT is gone.
pub fn remove(
    paths: &Paths,
    receipts: &Receipts,
    unused: &Unused,
    remove_volume: impl FnOnce(&Root) -> Result<bool, Error>,
) -> Result<bool, Error> {
    let Some(_held) = locks::try_exclusive(&lock_path(paths, &unused.key))? else { return Ok(false) };
    // A run may have begun to use it, and died, since it was listed.
    if used(paths, unused.users).contains(&unused.key) {
        return Ok(false);
    }
    if let Some(root) = &unused.root
        && !remove_volume(root)?
    {
        return Ok(false);
    }
    // The receipt goes last: while it is there, a later run finds the rest.
    let receipts = actions().map(|action| receipts.shared_path(&action, &unused.key));
    for path in files_of(paths, &unused.key).into_iter().chain(receipts) {
        files::remove(&path)?;
    }
    Ok(true)
}

/// Forgets the ROOTs of this workspace's images.
pub fn forget_all(paths: &Paths) -> Result<(), Error> {
    files::remove(&record_path(paths))
}

/// The keys of all ROOTs that these users have.
fn used(paths: &Paths, users: Users) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let own = record_path(paths);
    for path in entries(&paths.shared(FOLDER)) {
        if users == Users::Nobody || (users == Users::OtherWorkspaces && path == own) {
            continue;
        }
        let Some(record) = sealed::read::<Record>(&path) else { continue };
        if record.folder.is_dir() {
            used.extend(record.roots.into_values().flatten());
        } else {
            // The workspace is gone, so its file counts for nothing.
            let _ = fs::remove_file(&path);
        }
    }
    used
}

const FOLDER: &str = "uses";

/// The actions that make a ROOT, or a copy of one.
fn actions() -> [Action; 2] {
    [Action::MergeRoot { image: String::new() }, Action::Unmerge { image: String::new(), packages: Vec::new() }]
}

fn record_path(paths: &Paths) -> PathBuf {
    let name = files::hex(&sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha256 as sha2::Digest>::new(),
        paths.own("").as_os_str().as_encoded_bytes(),
    )));
    paths.shared(FOLDER).join(format!("{}.json", &name[..16]))
}

fn read(paths: &Paths) -> Record {
    let record = sealed::read(&record_path(paths)).unwrap_or_default();
    Record { folder: paths.own(""), ..record }
}

fn write(paths: &Paths, record: &Record) -> Result<(), Error> {
    sealed::write(&record_path(paths), record)
}

fn lock_path(paths: &Paths, key: &str) -> PathBuf {
    paths.shared("locks").join(format!("root-{key}.used.lock"))
}

/// The archive of a ROOT, and its facts.
fn files_of(paths: &Paths, key: &str) -> [PathBuf; 2] {
    ["tar", "json"].map(|end| paths.shared("roots").join(format!("{key}.{end}")))
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// The name of a file without its extension; none of an unfinished file.
fn stem(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?;
    (!name.starts_with('.')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use tierce_store::paths::UserFolders;

    fn keys(unused: Vec<Unused>) -> Vec<String> {
        unused.into_iter().map(|unused| unused.key).collect()
    }

    #[test]
    fn root_is_used_while_its_workspace_exists() {
        let scratch = tempfile::tempdir().expect("a folder");
        let user = UserFolders { tierce_cache: Some(scratch.path().join("cache")), ..UserFolders::default() };
        let paths = |name: &str| Paths::choose(&scratch.path().join(name), &user).expect("writable");
        let (first, second) = (paths("first"), paths("second"));
        let receipts = Receipts::new(first.clone(), "tierce");
        for key in ["a", "b", "c"] {
            files::write(&first.shared("roots").join(format!("{key}.tar")), key).expect("written");
        }
        let unused = || keys(unused(&first, &receipts, Users::AllWorkspaces));
        assert_eq!(unused(), ["a", "b", "c"]);

        let mut uses = RootUses::default();
        uses.root(&first, "web", "a").expect("locked");
        uses.root(&first, "web", "b").expect("locked");
        assert_eq!(unused(), ["c"], "a run that may yet fail adds");
        assert!(locks::try_exclusive(&lock_path(&first, "b")).expect("a file").is_none(), "the run holds it");
        let roots_of = |image: &str, key: &str| BTreeMap::from([(image.to_owned(), BTreeSet::from([key.to_owned()]))]);
        assert!(uses.settle(&first, &roots_of("web", "b"), &BTreeSet::from(["web"])).expect("written"));
        assert_eq!(unused(), ["a", "c"], "one that succeeds replaces");
        assert!(!uses.settle(&first, &roots_of("web", "b"), &BTreeSet::from(["web"])).expect("read"), "nothing is new");

        RootUses::default().root(&second, "other", "a").expect("locked");
        assert_eq!(unused(), ["c"]);
        assert_eq!(keys(super::unused(&first, &receipts, Users::OtherWorkspaces)), ["b", "c"]);
        assert_eq!(keys(super::unused(&first, &receipts, Users::Nobody)), ["a", "b", "c"]);
        fs::remove_dir_all(second.own("")).expect("it was there");
        assert_eq!(unused(), ["a", "c"], "of a workspace that is gone nothing counts");
        drop(uses);
        // A program that another test starts inherits the descriptor of the lock until it executes.
        let released = || locks::try_exclusive(&lock_path(&first, "b")).expect("a file").is_some();
        assert!((0..100).any(|_| released() || {
            std::thread::sleep(Duration::from_millis(20));
            false
        }));
        assert!(RootUses::default().settle(&first, &BTreeMap::new(), &BTreeSet::new()).expect("written"));
        assert_eq!(unused(), ["a", "b", "c"], "an image that the tables have no more");
    }
}
