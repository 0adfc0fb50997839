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
    /// Returns this store with the caller as the only user of its sandboxes.
    #[must_use]
    pub fn with_one_user(self) -> SandboxStore {
        let sandbox = Sandbox::new(Identity::Single, self.sandbox().interrupted());
        SandboxStore { sandbox, ..self }
    }

    /// Lets later runs have the caller as the only user, because the users of this store cannot be mapped.
    ///
    /// # Errors
    /// The file system's.
    pub fn remember_one_user(&self, reason: &str) -> Result<(), Error> {
        let depends_on = state_of_machine(self.sandbox().identity());
        sealed::write(&answer(&self.folder()), &Refused { depends_on, reason: reason.to_owned() })
    }

    /// Returns the reason why an earlier run gave the sandboxes one user; none if they have all.
    pub fn why_one_user(&self) -> Option<String> {
        refusal(&self.folder(), &Identity::of_caller()).filter(|_| !self.sandbox().identity().has_range())
    }
}

/// Returns the users of the sandboxes whose folder this is.
pub(crate) fn identity(folder: &Path, of_caller: Identity) -> Identity {
    match refusal(folder, &of_caller) {
        Some(_) => Identity::Single,
        None => of_caller,
    }
}

/// Returns the reason why these users cannot be mapped, if it is known.
fn refusal(folder: &Path, of_caller: &Identity) -> Option<String> {
    let is_range = matches!(of_caller, Identity::Range { .. });
    let known = is_range.then(|| sealed::read::<Refused>(&answer(folder))).flatten();
    known.filter(|refused| refused.depends_on == state_of_machine(of_caller)).map(|refused| refused.reason)
}

/// Forgets that the sandboxes of a cache have one user.
pub fn forget_one_user(cache: &Path) {
    // At worst the next run has one user.
    let _ = std::fs::remove_file(answer(&cache.join("sandbox")));
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
            let reason = (of_caller != expected).then(|| "no".to_owned());
            assert_eq!(refusal(&folder, &of_caller), reason);
            assert_eq!(identity(&folder, of_caller), expected);
        }
        forget_one_user(cache.path());
        assert_eq!(identity(&folder, range(100_000)), range(100_000));
    }
}
