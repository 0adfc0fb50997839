//! The users of the sandboxes of a cache. They are fewer than the machine's files promise where `newuidmap` fails, as it does in a
//! container without capabilities. The cache remembers that until the machine starts again.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tierce_sandbox::{Identity, Sandbox};
use tierce_store::{Error, sealed};

use crate::SandboxStore;

/// The reason why sandboxes have one user.
#[derive(Debug, Serialize, Deserialize)]
struct Refused {
    /// The facts by which the reason holds.
    depends_on: String,
    /// The error of the program that maps users.
    reason: String,
}

impl SandboxStore {
    /// Returns this store with the caller as the only user of its sandboxes. Later runs do the same.
    ///
    /// # Errors
    /// The file system's.
    pub fn with_one_user(self, reason: &str) -> Result<SandboxStore, Error> {
        let depends_on = state_of_machine(self.sandbox().identity());
        sealed::write(&answer(&self.folder()), &Refused { depends_on, reason: reason.to_owned() })?;
        let sandbox = Sandbox::new(Identity::Single, self.sandbox().interrupted());
        Ok(SandboxStore { sandbox, ..self })
    }

    /// Forgets that the sandboxes of this cache have one user.
    pub fn forget_one_user(&self) {
        forget(&self.folder());
    }
}

/// Returns the users of the sandboxes whose folder this is.
pub(crate) fn identity(folder: &Path, of_caller: Identity) -> Identity {
    if !matches!(of_caller, Identity::Range { .. }) {
        return of_caller;
    }
    let known = sealed::read::<Refused>(&answer(folder));
    match known.is_some_and(|refused| refused.depends_on == state_of_machine(&of_caller)) {
        true => Identity::Single,
        false => of_caller,
    }
}

/// Forgets that the sandboxes of a cache have one user.
pub fn forget_one_user(cache: &Path) {
    forget(&cache.join("sandbox"));
}

fn forget(folder: &Path) {
    // At worst the next run has one user.
    let _ = std::fs::remove_file(answer(folder));
}

/// The facts of this machine by which an answer about its sandboxes holds: its start and its users.
pub fn state_of_machine(identity: &Identity) -> String {
    let boot = tierce_bounded::text("/proc/sys/kernel/random/boot_id", &tierce_bounded::KERNEL).unwrap_or_default();
    format!("{} {:?} {}", boot.trim(), identity, rustix::process::getuid().as_raw())
}

fn answer(folder: &Path) -> PathBuf {
    folder.join("one-user.json")
}

#[cfg(test)]
mod tests {
    use tierce_sandbox::SubordinateIds;

    use super::*;

    #[test]
    fn range_that_was_refused_stays_refused() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = cache.path().join("sandbox");
        let range = |first| {
            let ids = SubordinateIds { first, count: 65_536 };
            Identity::Range { users: ids, groups: ids }
        };
        assert_eq!(identity(&folder, range(100_000)), range(100_000));
        let refused = Refused { depends_on: state_of_machine(&range(100_000)), reason: "no".to_owned() };
        sealed::write(&answer(&folder), &refused).expect("writable");
        for (of_caller, expected) in [
            (range(100_000), Identity::Single),
            (range(200_000), range(200_000)),
            (Identity::Root, Identity::Root),
            (Identity::Single, Identity::Single),
        ] {
            assert_eq!(identity(&folder, of_caller), expected);
        }
        forget_one_user(cache.path());
        assert_eq!(identity(&folder, range(100_000)), range(100_000));
    }
}
