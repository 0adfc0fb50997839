//! Damage of kept files: a disk fails, or another program writes into the cache. Readers compare the bytes that they read with the
//! digest that Tierce wrote down, and nothing else reads a file only to check it.

use std::error::Error as StdError;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::files::{hex, open};
use crate::{Error, ErrorKind};

/// A kept file whose bytes are not the ones that Tierce wrote. The run rebuilds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
}

impl Damage {
    /// Returns the damage that an error, or an error behind it, reports.
    pub fn of<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e Damage> {
        let mut next = Some(error);
        while let Some(error) = next {
            // The source of an `io::Error` is that of its inner error.
            let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            let inner = inner.and_then(|inner| inner.downcast_ref());
            if let Some(damage) = inner.or_else(|| error.downcast_ref()) {
                return Some(damage);
            }
            next = error.source();
        }
        None
    }

    /// Returns the error that reports the damage of a file.
    pub fn error(path: &Path) -> Error {
        let damage = Damage { path: path.to_owned() };
        Error::from_source(ErrorKind::Other, damage).with_help("remove it; the next run rebuilds it")
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is damaged: its bytes are not the ones that Tierce wrote", self.path.display())
    }
}

impl StdError for Damage {}

/// A reader that compares the SHA-256 of what it reads with the expected one. Its last read fails if they differ, or if there are
/// fewer bytes.
pub struct Checked<R> {
    inner: R,
    hasher: Sha256,
    left: u64,
    sha256: String,
    /// The kept file that has the bytes.
    path: PathBuf,
}

impl<R: Read> Checked<R> {
    /// Reads `size` bytes of `inner`, which come from the file `path` and have this digest.
    pub fn new(inner: R, size: u64, sha256: &str, path: &Path) -> Checked<R> {
        Checked { inner, hasher: Sha256::new(), left: size, sha256: sha256.to_owned(), path: path.to_owned() }
    }
}

impl Checked<File> {
    /// Reads a whole file that has this digest.
    pub fn open(path: &Path, sha256: &str) -> Result<Checked<File>, Error> {
        let (file, size) = open(path)?;
        Ok(Checked::new(file, size, sha256, path))
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(&mut buffer[..most])?;
        self.hasher.update(&buffer[..count]);
        self.left -= count as u64;
        let is_over = count == 0 || self.left == 0;
        if is_over && (self.left > 0 || hex(&self.hasher.clone().finalize()) != self.sha256) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, Damage { path: self.path.clone() }));
        }
        Ok(count)
    }
}

/// Fails unless a file has this digest.
pub fn check(path: &Path, sha256: &str) -> Result<(), Error> {
    let mut reader = io::BufReader::with_capacity(1 << 17, Checked::open(path, sha256)?);
    io::copy(&mut reader, &mut io::sink()).map(drop).map_err(|error| Error::file("read", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], size: u64, sha256: &str) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        Checked::new(bytes, size, sha256, "roots/key.tar".as_ref()).read_to_end(&mut read).map(|_| read)
    }

    #[test]
    fn changed_bytes_are_damage() {
        let sha256 = |bytes: &[u8]| hex(&Sha256::digest(bytes));
        assert_eq!(read(b"libz", 4, &sha256(b"libz")).expect("whole"), b"libz");
        assert_eq!(read(b"libz and more", 4, &sha256(b"libz")).expect("whole"), b"libz");
        assert_eq!(read(b"", 0, &sha256(b"")).expect("whole"), b"");
        for (bytes, size, sha256) in
            [(&b"libs"[..], 4, sha256(b"libz")), (b"lib", 4, sha256(b"libz")), (b"", 0, sha256(b"x"))]
        {
            let error = read(bytes, size, &sha256).expect_err("damaged");
            assert_eq!(Damage::of(&error), Some(&Damage { path: "roots/key.tar".into() }));
        }
    }

    #[test]
    fn damage_is_found_behind_other_errors() {
        let damage = || io::Error::other(Damage { path: "blobs/x".into() });
        let packed = tierce_oci::Error::Read { path: "/lib/libc.so".into(), source: damage() };
        let sent = tierce_docker::Error::Read { action: "copy".into(), source: damage() };
        for error in [Error::from(packed), Error::from(sent), Error::file("read", "x".as_ref(), damage())] {
            assert!(Damage::of(&error).is_some(), "{error:?}");
        }
        assert_eq!(Damage::of(&Error::file("read", "x".as_ref(), io::ErrorKind::NotFound.into())), None);
    }
}
