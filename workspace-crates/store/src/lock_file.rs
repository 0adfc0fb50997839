//! Tierce.lock on the disk.

use std::io;

use camino::Utf8Path;
use tierce_manifest::Place;
use tierce_plan::Lock;

use crate::{Error, ErrorKind, files};

/// Reads Tierce.lock; none where there is no such file.
///
/// # Errors
/// A file that cannot be read, or is no lock file.
pub fn read(path: &Utf8Path) -> Result<Option<Lock>, Error> {
    if !path.exists() {
        return Ok(None);
    }
    Lock::parse(&text(path)?).map(Some).map_err(|source| {
        let place = source.span().map(|span| Place { file: path.into(), span });
        let error = Error::new(ErrorKind::Lock, format!("failed to use `{path}`")).at_if(place.as_ref());
        error.with_help(source.help()).with_source(source)
    })
}

/// The text of a lock file. An error is one of the lock file, as are those of its parser.
fn text(path: &Utf8Path) -> Result<String, Error> {
    tierce_bounded::text(path, &tierce_bounded::LOCK).map_err(|source| {
        let kind = match source.kind() {
            io::ErrorKind::FileTooLarge | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => ErrorKind::Lock,
            _ => ErrorKind::Other,
        };
        Error::new(kind, format!("failed to read `{path}`")).with_source(source)
    })
}

/// Replaces Tierce.lock.
pub fn write(path: &Utf8Path, lock: &Lock) -> Result<(), Error> {
    files::write(path.as_std_path(), lock.to_text())
}
