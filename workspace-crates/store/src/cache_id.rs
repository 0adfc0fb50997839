//! The name that tells one cache from all others.

use std::io;
use std::path::Path;

use crate::paths::Paths;
use crate::{Error, files, locks};

/// Hexadecimal digits of a name.
const LENGTH: usize = 8;

/// Returns the name of this cache, and makes it the first time. The daemon's volumes carry it: caches know nothing of each
/// other's receipts.
pub fn cache_id(paths: &Paths) -> Result<String, Error> {
    let path = paths.shared("id");
    let read = || match tierce_bounded::text(&path, &tierce_bounded::SETTINGS) {
        Ok(id) => Ok(Some(id).filter(|id| is_id(id))),
        // Another user's. A new one would disown the volumes of that user.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(Error::file("read", &path, error)),
        Err(_) => Ok(None),
    };
    if let Some(id) = read()? {
        return Ok(id);
    }
    let random = tierce_bounded::text("/proc/sys/kernel/random/uuid", &tierce_bounded::KERNEL);
    let random = random.map_err(|error| Error::file("read", Path::new("/proc/sys/kernel/random/uuid"), error))?;
    let id: String = random.chars().filter(char::is_ascii_hexdigit).take(LENGTH).collect();
    // Of two runs that make it at once, both read the one that stays.
    let _held = locks::take_quietly(&paths.shared("locks").join("id.lock"))?;
    if read()?.is_none() {
        files::write(&path, &id)?;
    }
    Ok(read()?.unwrap_or(id))
}

fn is_id(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::UserFolders;

    #[test]
    fn cache_keeps_its_name() {
        let scratch = tempfile::tempdir().expect("a folder");
        let user = |name: &str| UserFolders { tierce_cache: Some(scratch.path().join(name)), ..UserFolders::default() };
        let id = |name| Paths::choose(&scratch.path().join("target"), &user(name)).and_then(|paths| cache_id(&paths));
        let first = id("a").expect("an id");
        assert!(is_id(&first), "{first}");
        assert_eq!(id("a").expect("an id"), first);
        assert_ne!(id("b").expect("an id"), first);
        std::fs::write(scratch.path().join("a/id"), "damaged").expect("written");
        assert!(is_id(&id("a").expect("an id")));
    }
}
