//! The limits, each with its reason.

use std::io;

/// A limit of a file's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The largest size in bytes.
    pub bytes: u64,
    /// The kind of file: "a lock file".
    pub what: &'static str,
    /// The advice for a larger file, as an imperative.
    pub advice: &'static str,
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Cargo.toml. Cargo itself reads it several times, and the largest known ones have less than 1 MiB.
pub const TABLE: Limit = Limit { bytes: 4 * MIB, what: "a Cargo.toml", advice: "remove its generated parts" };

/// Tierce.lock. One of a hundred images with a thousand packages has 4 MiB; parsing takes a second for 8 MiB.
pub const LOCK: Limit = Limit {
    bytes: 8 * MIB,
    what: "a lock file",
    advice: "restore it from version control, or delete it to resolve all packages again",
};

/// The configuration of cargo and of the docker program, which people write by hand.
pub const SETTINGS: Limit =
    Limit { bytes: MIB, what: "a file of settings", advice: "remove the parts that are no settings" };

/// Texts that tables and repositories name: variables, hooks, patches, profiles. Larger ones are data, which `files` takes.
pub const TEXT: Limit =
    Limit { bytes: 16 * MIB, what: "a text that Tierce reads", advice: "split it, or name another file" };

/// Tierce's own files in the cache. The index of a ROOT of a million files has 200 MiB.
pub const STATE: Limit =
    Limit { bytes: 512 * MIB, what: "a file of Tierce's cache", advice: "remove it with `cargo xtask clean --cache`" };

/// Files of /proc and /sys. Those of a process with 64 Ki mappings have some MiB.
pub const KERNEL: Limit = Limit { bytes: 64 * MIB, what: "a file of the kernel", advice: "report this to Tierce" };

/// The signed release and the indexes of a Debian mirror: 100 MiB for all architectures of unstable, unpacked.
pub const RELEASE: Limit = Limit { bytes: 256 * MIB, what: "a mirror's index", advice: "choose another mirror" };

/// A program or library that is read as a whole.
pub const ARTIFACT: Limit =
    Limit { bytes: 2 * GIB, what: "a program", advice: "build it without debugging information" };

impl Limit {
    /// The error of a larger file.
    pub fn error(&self) -> io::Error {
        let size = match self.bytes {
            bytes if bytes >= GIB && bytes % GIB == 0 => format!("{} GiB", bytes / GIB),
            bytes if bytes >= MIB && bytes % MIB == 0 => format!("{} MiB", bytes / MIB),
            bytes if bytes >= KIB && bytes % KIB == 0 => format!("{} KiB", bytes / KIB),
            bytes => format!("{bytes} bytes"),
        };
        let problem = format!("it has more than {size}, the limit of {}; {}", self.what, self.advice);
        io::Error::new(io::ErrorKind::FileTooLarge, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_has_limit_and_advice() {
        for (limit, size) in [(LOCK, "8 MiB"), (ARTIFACT, "2 GiB"), (Limit { bytes: 2 * KIB, ..TEXT }, "2 KiB")] {
            let text = limit.error().to_string();
            assert!(text.contains(size) && text.contains(limit.what) && text.ends_with(limit.advice), "{text}");
        }
    }
}
