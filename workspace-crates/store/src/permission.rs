//! The advice for a file or folder that belongs to another user: most often two users share a cache.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The cache of this process, for the errors of its files.
static CACHE: OnceLock<PathBuf> = OnceLock::new();

/// Notes the cache of this process. Only the first one counts: a verification has another one in a temporary folder.
pub(crate) fn note_cache(cache: &Path) {
    let _ = CACHE.set(cache.to_owned());
}

/// Returns the advice for an error of a file, if another user owns the file or the folder that forbids the access.
pub(crate) fn help(path: &Path, source: &io::Error) -> Option<String> {
    if source.kind() != io::ErrorKind::PermissionDenied {
        return None;
    }
    let own = rustix::process::geteuid().as_raw();
    let foreign = |path: &&Path| path.metadata().is_ok_and(|there| there.uid() != own);
    // The file itself, or its first folder that exists.
    let culprit = path.ancestors().find(|path| path.symlink_metadata().is_ok()).filter(foreign)?;
    let owner = user_name(culprit.metadata().ok()?.uid());
    Some(advice(path, culprit, &owner, CACHE.get().map(PathBuf::as_path)))
}

fn advice(path: &Path, culprit: &Path, owner: &str, cache: Option<&Path>) -> String {
    let belongs = format!("`{}` belongs to the user `{owner}`", culprit.display());
    match cache {
        Some(cache) if culprit.starts_with(cache) => format!(
            "{belongs}, and each user needs a cache of their own: set TIERCE_CACHE to a folder of yours, or take this one over: \
             `sudo chown -R \"$USER\" {}`",
            cache.display()
        ),
        // A folder above the cache is not Tierce's to take over.
        Some(cache) if path.starts_with(cache) => format!("{belongs}: set TIERCE_CACHE to a folder of yours"),
        _ => format!("{belongs}: use a folder of your own, or ask its owner for access"),
    }
}

/// The name of a user in /etc/passwd, else the number.
fn user_name(id: u32) -> String {
    let users = tierce_bounded::text("/etc/passwd", &tierce_bounded::TEXT).unwrap_or_default();
    let id = id.to_string();
    let fields = |line: &str| {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.to_owned()))
    };
    users.lines().filter_map(fields).find(|(_, number)| *number == id).map_or(id.clone(), |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_the_owner_and_the_fix() {
        let cache = Some(Path::new("/srv/cache"));
        let of_cache = "`/srv/cache/locks` belongs to the user `alice`, and each user needs a cache of their own: set TIERCE_CACHE to \
                        a folder of yours, or take this one over: `sudo chown -R \"$USER\" /srv/cache`";
        let above = "`/srv` belongs to the user `alice`: set TIERCE_CACHE to a folder of yours";
        let other = "`/` belongs to the user `alice`: use a folder of your own, or ask its owner for access";
        for (path, culprit, cache, expected) in [
            ("/srv/cache/locks/a", "/srv/cache/locks", cache, of_cache),
            ("/srv/cache/locks/a", "/srv", cache, above),
            ("/build/target/tierce", "/", cache, other),
            ("/build/target/tierce", "/", None, other),
        ] {
            assert_eq!(advice(Path::new(path), Path::new(culprit), "alice", cache), expected);
        }
    }

    #[test]
    fn own_files_and_other_errors_have_no_advice() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(help(folder.path(), &io::ErrorKind::PermissionDenied.into()), None);
        assert_eq!(help(Path::new("/"), &io::ErrorKind::NotFound.into()), None);
        assert_eq!(user_name(0), "root");
    }
}
