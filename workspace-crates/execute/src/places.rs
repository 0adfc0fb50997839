//! Where things lie on the user's disk. ARCHITECTURE.md lists them for people.

use std::path::{Path, PathBuf};

use crate::{Error, files, locks};

/// What of the environment decides where things lie; the command line reads it.
#[derive(Clone, Debug, Default)]
pub struct UserFolders {
    /// `TIERCE_CACHE`: the cache itself.
    pub tierce_cache: Option<PathBuf>,
    /// `XDG_CACHE_HOME`: the folder of the user's caches.
    pub xdg_cache_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

/// The folders of one run: the workspace's own and the user's cache.
#[derive(Clone, Debug)]
pub struct Places {
    workspace: PathBuf,
    cache: PathBuf,
    /// Whose downloads are used: the cache's own, but where nothing else of it is to be used.
    downloads: PathBuf,
}

impl Places {
    /// Chooses the folders and makes them. A cache that cannot be written, as under a read-only home, is replaced by one inside
    /// of the workspace's target folder.
    ///
    /// # Errors
    /// Where neither can be written.
    pub fn choose(target_directory: &Path, user: &UserFolders) -> Result<Places, Error> {
        let workspace = target_directory.join("tierce");
        create_dir(&workspace)?;
        let wanted = user
            .tierce_cache
            .clone()
            .or_else(|| user.xdg_cache_home.as_ref().filter(|dir| dir.is_absolute()).map(|dir| dir.join("tierce")))
            .or_else(|| user.home.as_ref().map(|home| home.join(".cache/tierce")));
        let cache = match wanted {
            Some(dir) if is_writable(&dir) => dir,
            Some(dir) if user.tierce_cache.is_some() => {
                create_dir(&dir)?;
                dir
            }
            _ => workspace.join("cache"),
        };
        create_dir(&cache)?;
        Ok(Places { workspace, downloads: cache.clone(), cache })
    }

    /// Places in a folder, where nothing is but the downloads of these ones.
    pub(crate) fn alone_in(&self, folder: &Path) -> Result<Places, Error> {
        let (workspace, cache) = (folder.join("workspace"), folder.join("cache"));
        create_dir(&workspace)?;
        create_dir(&cache)?;
        Ok(Places { workspace, cache, downloads: self.downloads.clone() })
    }

    /// Whether the cache had to be put into the workspace's target folder.
    pub fn cache_is_in_workspace(&self) -> bool {
        self.cache.starts_with(&self.workspace)
    }

    /// The user's cache.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The name that tells this cache from all others, made when it is first asked for. What a daemon keeps for a cache carries
    /// it, as caches know nothing of each other's receipts.
    pub(crate) fn cache_id(&self) -> Result<String, Error> {
        let path = self.cache.join("id");
        let read = || std::fs::read_to_string(&path).ok().filter(|id| is_id(id));
        if let Some(id) = read() {
            return Ok(id);
        }
        let random = std::fs::read_to_string("/proc/sys/kernel/random/uuid");
        let random = random.map_err(|error| Error::file("read", Path::new("/proc/sys/kernel/random/uuid"), error))?;
        let id: String = random.chars().filter(char::is_ascii_hexdigit).take(ID_LENGTH).collect();
        // Of two runs that make it at once, both read the one that stays.
        let _held = locks::take_quietly(&self.shared("locks").join("id.lock"))?;
        if read().is_none() {
            files::write(&path, &id)?;
        }
        Ok(read().unwrap_or(id))
    }

    /// Removes what killed runs left half written in the folders of this run, which has the workspace for itself.
    pub(crate) fn sweep(&self) {
        files::sweep(&self.cache, 2);
        for entry in std::fs::read_dir(&self.workspace).into_iter().flatten().flatten() {
            // What cargo makes is cargo's own, and large.
            if entry.file_name() != "cargo" && entry.path() != self.cache {
                files::sweep(&entry.path(), 3);
            }
        }
        files::sweep(&self.workspace, 0);
    }

    /// A folder of the user's cache: shared by workspaces, safe to delete.
    pub fn shared(&self, name: &str) -> PathBuf {
        self.cache.join(name)
    }

    /// A folder of the workspace's `target/tierce`.
    pub fn own(&self, name: &str) -> PathBuf {
        self.workspace.join(name)
    }

    /// Source archives, under the names that their ebuilds give them.
    pub fn distfiles(&self) -> PathBuf {
        self.downloads("distfiles")
    }

    /// A folder of downloads, which are what their digests say.
    pub(crate) fn downloads(&self, name: &str) -> PathBuf {
        self.downloads.join(name)
    }

    /// The place of a blob, by the hexadecimal digits of its SHA-256.
    pub fn blob(&self, sha256: &str) -> PathBuf {
        self.shared("blobs").join(sha256)
    }

    /// The log of one step of one image.
    pub fn logs(&self, image: &str) -> PathBuf {
        self.own("logs").join(image)
    }
}

/// How many hexadecimal digits tell one cache from another.
const ID_LENGTH: usize = 8;

fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Makes a folder and its parents.
pub(crate) fn create_dir(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir).map_err(|error| Error::file("create the folder", dir, error))
}

/// Whether files can be made in this folder, which is made if need be.
fn is_writable(dir: &Path) -> bool {
    std::fs::create_dir_all(dir).is_ok() && tempfile::tempfile_in(dir).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_has_one_name() {
        let scratch = tempfile::tempdir().expect("a folder");
        let user = |name: &str| UserFolders { tierce_cache: Some(scratch.path().join(name)), ..UserFolders::default() };
        let id =
            |name| Places::choose(&scratch.path().join("target"), &user(name)).and_then(|places| places.cache_id());
        let first = id("a").expect("an id");
        assert!(is_id(&first), "{first}");
        assert_eq!(id("a").expect("an id"), first);
        assert_ne!(id("b").expect("an id"), first);
        std::fs::write(scratch.path().join("a/id"), "damaged").expect("written");
        assert!(is_id(&id("a").expect("an id")));
    }

    #[test]
    fn the_first_place_that_is_named_and_writable_is_taken() {
        let scratch = tempfile::tempdir().expect("a folder");
        let base = scratch.path();
        let file = base.join("a-file");
        std::fs::write(&file, "").expect("a file");
        let some = |name: &str| Some(base.join(name));
        let cases = [
            (UserFolders { tierce_cache: some("t"), xdg_cache_home: some("x"), home: some("h") }, base.join("t")),
            (UserFolders { tierce_cache: None, xdg_cache_home: some("x"), home: some("h") }, base.join("x/tierce")),
            (
                UserFolders { tierce_cache: None, xdg_cache_home: Some("relative".into()), home: some("h") },
                base.join("h/.cache/tierce"),
            ),
            (
                UserFolders { tierce_cache: None, xdg_cache_home: None, home: Some(file) },
                base.join("target/tierce/cache"),
            ),
            (UserFolders::default(), base.join("target/tierce/cache")),
        ];
        for (user, expected) in cases {
            let places = Places::choose(&base.join("target"), &user).expect("writable");
            assert_eq!(places.cache(), expected, "{user:?}");
        }
    }
}
