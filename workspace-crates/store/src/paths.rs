//! Folders on the user's disk. docs/src/internals/keys-and-caching.md lists them for people.

use std::path::{Path, PathBuf};

use crate::files::create_dir;
use crate::{Error, files, permission};

/// The variables of the environment that choose the folders; the command line reads them.
#[derive(Clone, Debug, Default)]
pub struct UserFolders {
    /// `TIERCE_CACHE`: the cache itself.
    pub tierce_cache: Option<PathBuf>,
    /// `XDG_CACHE_HOME`: the folder of the user's caches.
    pub xdg_cache_home: Option<PathBuf>,
    /// `HOME`.
    pub home: Option<PathBuf>,
}

impl UserFolders {
    /// The cache that these variables choose, whether it can be written or not. None without a home.
    pub fn cache(&self) -> Option<PathBuf> {
        let of_xdg = || self.xdg_cache_home.as_ref().filter(|dir| dir.is_absolute()).map(|dir| dir.join("tierce"));
        let of_home = || self.home.as_ref().map(|home| home.join(".cache/tierce"));
        // Programs that get its path may run in other folders.
        let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        self.tierce_cache.as_ref().map(absolute).or_else(of_xdg).or_else(of_home)
    }
}

/// The folders of one run: the workspace's own and the user's cache.
#[derive(Clone, Debug)]
pub struct Paths {
    workspace: PathBuf,
    cache: PathBuf,
    /// The cache whose downloads are used. A verification uses those of the user's cache, and nothing else of it.
    downloads: PathBuf,
}

impl Paths {
    /// Chooses the folders and creates them. Where the cache cannot be written, as under a read-only home, the workspace's target folder
    /// has one.
    ///
    /// # Errors
    /// If neither can be written.
    pub fn choose(target_directory: &Path, user: &UserFolders) -> Result<Paths, Error> {
        let workspace = target_directory.join("tierce");
        create_dir(&workspace)?;
        let cache = match user.cache() {
            Some(dir) if is_writable(&dir) => dir,
            Some(dir) if user.tierce_cache.is_some() => {
                permission::note_cache(&dir);
                create_dir(&dir)?;
                // Its own error names the owner.
                drop(files::temporary_beside(&dir.join("x"))?);
                dir
            }
            _ => workspace.join("cache"),
        };
        permission::note_cache(&cache);
        create_dir(&cache)?;
        Ok(Paths { workspace, downloads: cache.clone(), cache })
    }

    /// Paths in a folder of their own, with the downloads of these ones.
    pub fn alone_in(&self, folder: &Path) -> Result<Paths, Error> {
        let (workspace, cache) = (folder.join("workspace"), folder.join("cache"));
        create_dir(&workspace)?;
        create_dir(&cache)?;
        Ok(Paths { workspace, cache, downloads: self.downloads.clone() })
    }

    /// Whether the cache had to go into the workspace's target folder.
    pub fn cache_is_in_workspace(&self) -> bool {
        self.cache.starts_with(&self.workspace)
    }

    /// The user's cache.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// Removes unfinished files of killed runs from the folders of this run, which has the workspace for itself.
    pub fn sweep(&self) {
        files::sweep(&self.cache, 2);
        for entry in std::fs::read_dir(&self.workspace).into_iter().flatten().flatten() {
            // cargo's folder is its own, and large.
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

    /// A folder of downloads. Their digests identify them, so a verification may use them.
    pub fn downloads(&self, name: &str) -> PathBuf {
        self.downloads.join(name)
    }

    /// A blob, by its SHA-256 in hexadecimal digits.
    pub fn blob(&self, sha256: &str) -> PathBuf {
        self.shared("blobs").join(sha256)
    }

    /// The list of an image's files.
    pub fn contents(&self, image: &str) -> PathBuf {
        self.of_image("images", image).join("contents.json")
    }

    /// The report of the last run that built an image.
    pub fn report(&self, image: &str) -> PathBuf {
        self.of_image("images", image).join("report.json")
    }

    /// The log of one step of one image.
    pub fn logs(&self, image: &str) -> PathBuf {
        self.of_image("logs", image)
    }

    /// An image's folder within a folder of the workspace's `target/tierce`.
    pub fn of_image(&self, folder: &str, image: &str) -> PathBuf {
        self.own(folder).join(file_name(image))
    }
}

/// Returns the name of an image as that of one file or folder: `registry.example=5000+team+web`. No name of an image has `+` or `=`,
/// so the images `team` and `team/web` do not share a folder.
pub fn file_name(image: &str) -> String {
    image.replace('/', "+").replace(':', "=")
}

/// Returns the image of a name that [`file_name`] made.
pub(crate) fn image_of(file_name: &str) -> String {
    file_name.replace('+', "/").replace('=', ":")
}

/// Whether files can be created in this folder; creates it.
fn is_writable(dir: &Path) -> bool {
    std::fs::create_dir_all(dir).is_ok() && tempfile::tempfile_in(dir).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_name_is_one_file_name() {
        for (image, expected) in [
            ("web", "web"),
            ("team/web", "team+web"),
            ("registry.example:5000/team/web", "registry.example=5000+team+web"),
        ] {
            assert_eq!(file_name(image), expected);
            assert_eq!(image_of(expected), image);
        }
    }

    #[test]
    fn first_writable_place_is_chosen() {
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
            let paths = Paths::choose(&base.join("target"), &user).expect("writable");
            assert_eq!(paths.cache(), expected, "{user:?}");
        }
    }
}
