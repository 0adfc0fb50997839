//! Digests of files and folders. A path or a time never enters one.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::written_paths::{WrittenPaths, is_cache};
use crate::{Error, files, sealed};

/// Digests of files by path. A later run trusts one as long as size, times and inode stay the same, as git and cargo do.
#[derive(Debug)]
pub struct FileDigests {
    path: PathBuf,
    known: Mutex<BTreeMap<PathBuf, Entry>>,
    used: Mutex<BTreeMap<PathBuf, Entry>>,
    written: WrittenPaths,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
    sha256: String,
}

/// Seconds in which a second change of a file may go unseen: the clock's ticks are coarse.
const RACY_SECONDS: i64 = 2;

impl FileDigests {
    /// Reads the digests that an earlier run kept in this file.
    ///
    /// `written` are the paths that are skipped in folders.
    pub fn load(path: PathBuf, written: WrittenPaths) -> FileDigests {
        let known = sealed::read(&path).unwrap_or_default();
        FileDigests { path, known: Mutex::new(known), used: Mutex::default(), written }
    }

    /// Returns the paths that are skipped in folders.
    pub fn written(&self) -> &WrittenPaths {
        &self.written
    }

    /// The SHA-256 of a file's content.
    pub fn of_file(&self, path: &Path) -> Result<String, Error> {
        let metadata = fs::metadata(path).map_err(|error| Error::file("read", path, error))?;
        let kept = |kept: &Mutex<BTreeMap<PathBuf, Entry>>| {
            kept.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
        };
        let known = kept(&self.used).or_else(|| kept(&self.known));
        let entry = match known {
            Some(entry) if entry.matches(&metadata) => entry,
            _ => Entry::new(&metadata, files::sha256_of(path)?.0),
        };
        let sha256 = entry.sha256.clone();
        if !entry.is_racy() {
            self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), entry);
        }
        Ok(sha256)
    }

    /// The digest of a folder: of everything that [`FileDigests::files_of`] finds in it.
    pub fn of_folder(&self, folder: &Path) -> Result<String, Error> {
        Ok(of_texts(self.files_of(folder)?.iter().flat_map(|(path, content)| [path.as_bytes(), content.as_bytes()])))
    }

    /// Every file and link of a folder by its path in it, with its kind, executable bit and digest. Skips version control, the
    /// paths that cargo and Tierce write, and caches: folders with a CACHEDIR.TAG, and target folders of other workspaces.
    pub fn files_of(&self, folder: &Path) -> Result<BTreeMap<String, String>, Error> {
        let mut found = BTreeMap::new();
        self.add_folder(folder, folder, &mut found)?;
        Ok(found)
    }

    fn add_folder(&self, base: &Path, folder: &Path, found: &mut BTreeMap<String, String>) -> Result<(), Error> {
        let failed = |error| Error::file("read the folder", folder, error);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            if self.written.has(&path) {
                continue;
            }
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                if entry.file_name() != ".git" && !is_cache(&path) {
                    self.add_folder(base, &path, found)?;
                }
                continue;
            }
            let (tag, content) = if kind.is_symlink() {
                let target = fs::read_link(&path).map_err(|error| Error::file("read the link", &path, error))?;
                ("link", files::hex(target.as_os_str().as_encoded_bytes()))
            } else if kind.is_file() {
                let mode = entry.metadata().map_err(failed)?.mode();
                (if mode & 0o111 == 0 { "file" } else { "program" }, self.of_file(&path)?)
            } else {
                continue;
            };
            let relative = path.strip_prefix(base).unwrap_or(&path);
            let name = relative
                .to_str()
                .map_or_else(|| relative.as_os_str().as_encoded_bytes().escape_ascii().to_string(), str::to_owned);
            found.insert(name, format!("{tag} {content}"));
        }
        Ok(())
    }

    /// Forgets the digest of a file whose bytes have another one.
    pub fn forget(&self, path: &Path) {
        for digests in [&self.known, &self.used] {
            digests.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        }
    }

    /// Keeps the digests of this run for the next.
    pub fn save(&self) -> Result<(), Error> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if *used == *self.known.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(());
        }
        sealed::write(&self.path, &*used)
    }
}

/// Returns a digest of texts; their lengths keep `["ab", "c"]` and `["a", "bc"]` apart.
pub fn of_texts<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> String {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    files::hex(&hasher.finalize())
}

impl Entry {
    fn new(metadata: &Metadata, sha256: String) -> Entry {
        Entry {
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            sha256,
        }
    }

    fn matches(&self, metadata: &Metadata) -> bool {
        *self == Entry::new(metadata, self.sha256.clone())
    }

    fn is_racy(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(0));
        now - self.changed.0 < RACY_SECONDS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_digest_ignores_place_and_times() {
        let scratch = tempfile::tempdir().expect("a folder");
        let folder = |name: &str| {
            let folder = scratch.path().join(name);
            fs::create_dir_all(folder.join("src")).expect("a folder");
            fs::write(folder.join("src/main.rs"), "fn main() {}").expect("a file");
            folder
        };
        let digests = FileDigests::load(scratch.path().join("digests.json"), WrittenPaths::default());
        let digest = |folder: &Path| digests.of_folder(folder).expect("readable");
        let (a, b) = (folder("a"), folder("b"));
        assert_eq!(digest(&a), digest(&b), "the place does not matter");

        fs::create_dir_all(b.join("target")).expect("a folder");
        fs::write(b.join("target/CACHEDIR.TAG"), "").expect("a file");
        fs::create_dir_all(b.join("other/target")).expect("a folder");
        fs::write(b.join("other/target/.rustc_info.json"), "").expect("a file");
        fs::create_dir_all(b.join(".git")).expect("a folder");
        fs::write(b.join(".git/HEAD"), "").expect("a file");
        assert_eq!(digest(&a), digest(&b), "caches and version control do not matter");

        let before = digest(&b);
        type Change = fn(&Path);
        let changes: [(&str, Change); 4] = [
            ("content", |b| fs::write(b.join("src/main.rs"), "fn main() { }").expect("a file")),
            ("a new file", |b| fs::write(b.join("src/lib.rs"), "").expect("a file")),
            ("a link", |b| std::os::unix::fs::symlink("lib.rs", b.join("src/link.rs")).expect("a link")),
            ("the executable bit", |b| {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
                fs::set_permissions(b.join("src/lib.rs"), mode).expect("a mode");
            }),
        ];
        let mut seen = vec![before];
        for (what, change) in changes {
            change(&b);
            let now = digest(&b);
            assert!(!seen.contains(&now), "{what} matters");
            seen.push(now);
        }
    }

    #[test]
    fn written_paths_are_no_sources() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = scratch.path();
        let file = |path: &str| {
            fs::create_dir_all(root.join(path).parent().expect("a folder")).expect("writable");
            fs::write(root.join(path), "").expect("writable");
        };
        ["src/main.rs", "target/tierce/x", "Tierce.lock", "out/index.json"].iter().for_each(|path| file(path));
        let written = ["target", "Tierce.lock", "out"].map(|name| root.join(name)).to_vec();
        let digests = FileDigests::load(root.join("digests.json"), WrittenPaths::load(written, root.join("none")));
        let found: Vec<String> = digests.files_of(root).expect("readable").into_keys().collect();
        assert_eq!(found, ["src/main.rs"]);
    }

    #[test]
    fn unchanged_file_keeps_its_digest() {
        let scratch = tempfile::tempdir().expect("a folder");
        let file = scratch.path().join("file");
        fs::write(&file, "x").expect("a file");
        let store = scratch.path().join("digests.json");
        let entry = Entry::new(&fs::metadata(&file).expect("metadata"), "kept".into());
        sealed::write(&store, &BTreeMap::from([(file.clone(), entry)])).expect("writable");
        assert_eq!(FileDigests::load(store.clone(), WrittenPaths::default()).of_file(&file).expect("readable"), "kept");
        fs::write(&file, "changed").expect("a file");
        assert_eq!(
            FileDigests::load(store, WrittenPaths::default()).of_file(&file).expect("readable"),
            files::sha256_of(&file).expect("readable").0
        );
    }
}
