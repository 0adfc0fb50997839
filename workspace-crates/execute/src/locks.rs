//! Locks on what several runs share: held by an open file, so that a killed run holds none.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
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

/// Takes the workspace's lock: two runs in one workspace would write the same target folder.
pub(crate) fn workspace(places: &Places, interrupted: &AtomicBool, observer: &Observer<'_>) -> Result<Held, Error> {
    take(&places.own("run.lock"), "another run in this workspace", interrupted, observer)
}

/// Takes a lock that nobody holds for longer than a moment.
pub(crate) fn take_quietly(path: &Path) -> Result<Held, Error> {
    take(path, "", &AtomicBool::new(false), &|_| {})
}

fn take(path: &Path, what: &str, interrupted: &AtomicBool, observer: &Observer<'_>) -> Result<Held, Error> {
    create_dir(path.parent().unwrap_or(path))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| Error::file("open the lock", path, error))?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Held { _file: file }),
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", path, error)),
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
    fn waiting_ends_with_an_interruption() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("lock");
        let interrupted = AtomicBool::new(true);
        let _held = take(&path, "it", &interrupted, &|_| {}).expect("free");
        assert!(matches!(take(&path, "it", &interrupted, &|_| {}), Err(Error::Interrupted)));
    }
}
