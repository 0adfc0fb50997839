//! Locks that runs share: open files, which the kernel releases when their process ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::files::create_dir;
use crate::paths::Paths;
use crate::progress::{Event, Observer};

/// A held lock; dropping it releases it.
#[derive(Debug)]
pub struct Held {
    file: File,
}

/// Empties the file: the next holder need not have a name.
impl Drop for Held {
    fn drop(&mut self) {
        // A holder that shares a lock has written nothing.
        if self.file.metadata().is_ok_and(|metadata| metadata.len() > 0) {
            let _ = self.file.set_len(0);
        }
    }
}

/// The run that holds a lock, as the lock's file names it for those who wait.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    process: u32,
    /// The folder of its workspace's results.
    folder: PathBuf,
    /// The step that needs the lock; empty for all of a run.
    step: String,
}

impl Holder {
    fn of(paths: &Paths, step: &str) -> Holder {
        Holder { process: std::process::id(), folder: paths.own(""), step: step.to_owned() }
    }

    /// Reads the holder from the file of a held lock. A holder of an older version, or one that shares the lock, has not written it.
    fn read(path: &Path) -> Option<Holder> {
        let text = tierce_bounded::text(path, &tierce_bounded::SETTINGS).ok()?;
        // A killed run cannot take its name back.
        let is_alive = |holder: &Holder| Path::new("/proc").join(holder.process.to_string()).exists();
        serde_json::from_str(&text).ok().filter(is_alive)
    }

    /// Names this run in the file of a lock that it has just taken. The name is a courtesy, so errors are ignored.
    fn write(&self, mut file: &File) {
        let _ = file.set_len(0).and_then(|()| file.write_all(&serde_json::to_vec(self)?));
    }

    /// Returns the clause for a message: `process 4711, step `packages web` in /home/me/shop`.
    fn described(&self) -> String {
        let is_usual = self.folder.ends_with("target/tierce");
        let folder = self.folder.ancestors().nth(if is_usual { 2 } else { 0 }).unwrap_or(&self.folder).display();
        let process = match self.process == std::process::id() {
            true => "this run".to_owned(),
            false => format!("process {}", self.process),
        };
        match self.step.as_str() {
            "" => format!("{process} in {folder}"),
            step => format!("{process}, step `{step}` in {folder}"),
        }
    }
}

/// Takes a lock of the user for a step, and tells once that it waits for another run.
pub fn shared(
    paths: &Paths,
    name: &str,
    what: &str,
    step: &str,
    interrupted: &AtomicBool,
    observer: &Observer<'_>,
) -> Result<Held, Error> {
    let path = paths.shared("locks").join(format!("{name}.lock"));
    take_as(&path, what, &Holder::of(paths, step), interrupted, observer)
}

/// Takes a lock of the user, unless another run makes the wanted result first: that run may hold the lock for other work.
pub fn shared_until(
    paths: &Paths,
    name: &str,
    what: &str,
    step: &str,
    is_made: &dyn Fn() -> bool,
    interrupted: &AtomicBool,
    observer: &Observer<'_>,
) -> Result<Option<Held>, Error> {
    let path = paths.shared("locks").join(format!("{name}.lock"));
    let held = wait_until(&path, File::try_lock, what, is_made, interrupted, observer)?;
    Ok(held.inspect(|held| Holder::of(paths, step).write(&held.file)))
}

/// The lock that every run shares; emptying the cache takes it exclusively.
pub fn cache_path(paths: &Paths) -> PathBuf {
    paths.shared("locks").join("cache.used.lock")
}

/// Takes the workspace's lock: two runs in one workspace would write the same target folder.
pub fn workspace(paths: &Paths, interrupted: &AtomicBool, observer: &Observer<'_>) -> Result<Held, Error> {
    let (path, holder) = (paths.own("run.lock"), Holder::of(paths, ""));
    take_as(&path, "another run in this workspace", &holder, interrupted, observer)
}

/// Takes the workspace's lock if no run holds it.
pub fn try_workspace(paths: &Paths) -> Result<Option<Held>, Error> {
    try_exclusive(&paths.own("run.lock"))
}

/// Takes a lock exclusively and names this run in its file, for others who wait.
fn take_as(
    path: &Path,
    what: &str,
    holder: &Holder,
    interrupted: &AtomicBool,
    observer: &Observer<'_>,
) -> Result<Held, Error> {
    let held = take(path, what, interrupted, observer)?;
    holder.write(&held.file);
    Ok(held)
}

/// Takes a lock that no run holds for longer than a moment.
pub(crate) fn take_quietly(path: &Path) -> Result<Held, Error> {
    take(path, "", &AtomicBool::new(false), &|_| {})
}

/// Shares a lock with other users of a thing. A run that removes the thing holds the lock for a moment only.
pub fn share_quietly(path: &Path) -> Result<Held, Error> {
    wait(path, File::try_lock_shared, "", &AtomicBool::new(false), &|_| {})
}

/// Shares a lock with other users of a thing.
pub fn share(path: &Path, what: &str, interrupted: &AtomicBool, observer: &Observer<'_>) -> Result<Held, Error> {
    wait(path, File::try_lock_shared, what, interrupted, observer)
}

/// Takes a lock exclusively if nobody holds it.
pub fn try_exclusive(path: &Path) -> Result<Option<Held>, Error> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held { file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(Error::file("lock", path, error)),
    }
}

/// Takes a lock exclusively, and tells once that it waits.
pub fn take(path: &Path, what: &str, interrupted: &AtomicBool, observer: &Observer<'_>) -> Result<Held, Error> {
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
    let mut reported = false;
    loop {
        match try_it(&file) {
            Ok(()) => return Ok(Some(Held { file })),
            Err(TryLockError::Error(error)) => return Err(Error::file("lock", path, error)),
            Err(TryLockError::WouldBlock) if is_over() => return Ok(None),
            Err(TryLockError::WouldBlock) => {
                if !reported {
                    let holder = Holder::read(path).map(|holder| format!(" ({})", holder.described()));
                    observer(Event::Waiting { what: what.to_owned() + &holder.unwrap_or_default() });
                    reported = true;
                }
                if interrupted.load(Ordering::Relaxed) {
                    return Err(Error::interrupted());
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
    use crate::ErrorKind;
    use crate::paths::UserFolders;
    use std::sync::Mutex;

    #[test]
    fn second_taker_tells_once_that_it_waits() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("a/b.lock");
        let waits = Mutex::new(Vec::new());
        let observer = |event: Event| {
            if let Event::Waiting { what } = event {
                waits.lock().expect("nobody panics").push(what);
            }
        };
        let interrupted = AtomicBool::new(false);
        let held = take(&path, "it", &interrupted, &observer).expect("free");
        assert!(waits.lock().expect("nobody panics").is_empty());
        std::thread::scope(|scope| {
            let second = scope.spawn(|| take(&path, "it", &interrupted, &observer));
            while waits.lock().expect("nobody panics").is_empty() {
                std::thread::yield_now();
            }
            drop(held);
            second.join().expect("nobody panics").expect("free now");
        });
        assert_eq!(*waits.lock().expect("nobody panics"), ["it"]);
    }

    #[test]
    fn waiting_names_the_holder() {
        let scratch = tempfile::tempdir().expect("a folder");
        let user = UserFolders { tierce_cache: Some(scratch.path().join("cache")), ..UserFolders::default() };
        let paths = Paths::choose(&scratch.path().join("shop/target"), &user).expect("writable");
        let waits = Mutex::new(Vec::new());
        let observer = |event: Event| {
            if let Event::Waiting { what } = event {
                waits.lock().expect("nobody panics").push(what);
            }
        };
        let (never, now) = (AtomicBool::new(false), AtomicBool::new(true));
        let lock = || shared(&paths, "package-1", "it", "packages web", &never, &observer);
        let held = lock().expect("free");
        shared(&paths, "package-1", "it", "packages app", &now, &observer).expect_err("it is held");
        let shop = scratch.path().join("shop");
        assert_eq!(
            *waits.lock().expect("nobody panics"),
            [format!("it (this run, step `packages web` in {})", shop.display())]
        );
        let path = paths.shared("locks").join("package-1.lock");
        assert_eq!(Holder::read(&path), Some(Holder::of(&paths, "packages web")));
        drop(held);
        assert_eq!(Holder::read(&path), None);
        let other = Holder { process: 1, folder: "/ws/out".into(), step: String::new() };
        assert_eq!(other.described(), "process 1 in /ws/out");
    }

    #[test]
    fn waiting_ends_when_the_result_exists() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("lock");
        let interrupted = AtomicBool::new(false);
        let until = |made: bool| wait_until(&path, File::try_lock, "it", &|| made, &interrupted, &|_| {});
        assert!(until(true).expect("no error").is_some(), "nobody holds it");
        let _held = take(&path, "it", &interrupted, &|_| {}).expect("free");
        assert!(until(true).expect("no error").is_none());
    }

    #[test]
    fn interruption_ends_waiting() {
        let scratch = tempfile::tempdir().expect("a folder");
        let path = scratch.path().join("lock");
        let interrupted = AtomicBool::new(true);
        let _held = take(&path, "it", &interrupted, &|_| {}).expect("free");
        let error = take(&path, "it", &interrupted, &|_| {}).expect_err("it is held");
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }
}
