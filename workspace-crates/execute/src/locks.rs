//! Locks on what several runs share: held by an open file, so that a killed run holds none.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::Error;
use crate::places::{Places, create_dir};
use crate::progress::{Event, Observer};

/// A held lock; dropping it lets go.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

/// Takes the user-wide lock of this name, waiting for another run that holds it and saying so once.
pub(crate) fn shared(
    places: &Places,
    name: &str,
    what: &str,
    interrupted: &AtomicBool,
    observer: &Observer<'_>,
) -> Result<Held, Error> {
    take(&places.shared("locks").join(format!("{name}.lock")), what, interrupted, observer)
}

/// The same for something that this run is about to make, unless another one has made it meanwhile: whoever holds the lock may go
/// on with other things.
pub(crate) fn shared_until(
    places: &Places,
    name: &str,
    what: &str,
    is_made: &dyn Fn() -> bool,
    interrupted: &AtomicBool,
    observer: &Observer<'_>,
) -> Result<Option<Held>, Error> {
    let path = places.shared("locks").join(format!("{name}.lock"));
    wait_until(&path, File::try_lock, what, is_made, interrupted, observer)
}

/// The lock that every run shares, and that is taken alone by who empties the cache.
pub(crate) fn cache_path(places: &Places) -> PathBuf {
    places.shared("locks").join("cache.used.lock")
}

/// Takes the workspace's lock: two runs in one workspace would write the same target folder.
pub(crate) fn workspace(places: &Places, interrupted: &AtomicBool, observer: &Observer<'_>) -> Result<Held, Error> {
    take(&places.own("run.lock"), "another run in this workspace", interrupted, observer)
}

/// Takes the workspace's lock, if no run has it.
pub(crate) fn try_workspace(places: &Places) -> Result<Option<Held>, Error> {
    try_exclusive(&places.own("run.lock"))
}

/// Takes a lock that nobody holds for longer than a moment.
pub(crate) fn take_quietly(path: &Path) -> Result<Held, Error> {
    take(path, "", &AtomicBool::new(false), &|_| {})
}

/// Takes a lock together with others who only use what it protects; who removes it is done in a moment.
pub(crate) fn share_quietly(path: &Path) -> Result<Held, Error> {
    wait(path, File::try_lock_shared, "", &AtomicBool::new(false), &|_| {})
}

/// Takes a lock together with others who only use what it protects.
pub(crate) fn share(path: &Path, what: &str, interrupted: &AtomicBool, observer: &Observer<'_>) -> Result<Held, Error> {
    wait(path, File::try_lock_shared, what, interrupted, observer)
}

/// Takes a lock alone, if nobody has it.
pub(crate) fn try_exclusive(path: &Path) -> Result<Option<Held>, Error> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::file("lock", path, error)),
    }
}

/// Takes a lock alone, waiting for whoever has it and saying so once.
pub(crate) fn take(path: &Path, what: &str, interrupted: &AtomicBool, observer: &Observer<'_>) -> Result<Held, Error> {
    wait(path, File::try_lock, what, interrupted, observer)
}

fn wait(
    path: &Path,
    try_it: fn(&File) -> Result<(), TryLockError>,
    what: &str,
    interrupted: &AtomicBool,
    observer: &Observer<'_>,
) -> Result<Held, Error> {
    let held = wait_until(path, try_it, what, &|| false, interrupted, observer)?;
    Ok(held.expect("nothing but the lock ends the waiting"))
}

fn wait_until(
    path: &Path,
    try_it: fn(&File) -> Result<(), TryLockError>,
    what: &str,
    is_over: &dyn Fn() -> bool,
    interrupted: &AtomicBool,
    observer: &Observer<'_>,
) -> Result<Option<Held>, Error> {
    let file = open(path)?;
    let mut said = false;
    loop {
        match try_it(&file) {
            Ok(()) => return Ok(Some(Held { _file: file })),
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", path, error)),
            Err(TryLockError::WouldBlock) if is_over() => return Ok(None),
            Err(TryLockError::WouldBlock) => {
                if !said {
                    observer(Event::Waiting { what: what.to_owned() });
                    said = true;
                }
                if interrupted.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn open(path: &Path) -> Result<File, Error> {
    create_dir(path.parent().unwrap_or(path))?;
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).open(path);
    file.map_err(|error| Error::file("open the lock", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn a_second_taker_says_once_what_it_waits_for() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("a/b.lock");
        let said = Mutex::new(Vec::new());
        let observer = |event: Event| {
            if let Event::Waiting { what } = event {
                said.lock().expect("nobody panics").push(what);
            }
        };
        let interrupted = AtomicBool::new(false);
        let held = take(&path, "it", &interrupted, &observer).expect("free");
        assert!(said.lock().expect("nobody panics").is_empty());
        std::thread::scope(|scope| {
            let second = scope.spawn(|| take(&path, "it", &interrupted, &observer));
            while said.lock().expect("nobody panics").is_empty() {
                std::thread::yield_now();
            }
            drop(held);
            second.join().expect("nobody panics").expect("free now");
        });
        assert_eq!(*said.lock().expect("nobody panics"), ["it"]);
    }

    #[test]
    fn waiting_ends_when_it_is_made() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("lock");
        let interrupted = AtomicBool::new(false);
        let until = |made: bool| wait_until(&path, File::try_lock, "it", &|| made, &interrupted, &|_| {});
        assert!(until(true).expect("no error").is_some(), "nobody holds it");
        let _held = take(&path, "it", &interrupted, &|_| {}).expect("free");
        assert!(until(true).expect("no error").is_none());
    }

    #[test]
    fn waiting_ends_with_an_interruption() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("lock");
        let interrupted = AtomicBool::new(true);
        let _held = take(&path, "it", &interrupted, &|_| {}).expect("free");
        assert!(matches!(take(&path, "it", &interrupted, &|_| {}), Err(Error::Interrupted)));
    }
}
