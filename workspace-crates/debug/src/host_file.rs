//! Files written to this machine: complete or absent, private to their owner, and never over another.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::Error;

/// A file that gets its name once it is complete. Until then a temporary file beside it holds the content. Only its owner may
/// read it, since memory and variables of programs contain secrets.
pub(crate) struct HostFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl HostFile {
    /// Begins a file.
    ///
    /// # Errors
    /// If the file exists, or its folder is not writable.
    pub(crate) fn create(path: &Path) -> Result<HostFile, Error> {
        if path.symlink_metadata().is_ok() {
            return Err(Error::FileExists { path: path.to_owned() });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = NamedTempFile::new_in(folder).map_err(|source| failed(path, source))?;
        Ok(HostFile { path: path.to_owned(), file })
    }

    /// Writes all bytes of a reader. Pages of zeros become holes.
    ///
    /// # Errors
    /// The reader's, and if the disk is full.
    pub(crate) fn fill(&mut self, reader: &mut impl Read) -> Result<u64, Error> {
        copy_sparse(reader, self.file.as_file_mut()).map_err(|source| failed(&self.path, source))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// If the file exists by now.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let HostFile { path, file } = self;
        file.persist_noclobber(&path).map(drop).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => Error::FileExists { path },
            _ => failed(&path, error.error),
        })
    }
}

impl Write for HostFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.file.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::File { verb: "write", path: path.to_owned(), source }
}

/// Formats a time, in seconds since 1970, for a file's name: `20261123T154600Z`.
pub fn stamp(seconds: u64) -> String {
    tierce_oci::rfc3339(seconds).map_or_else(|_| seconds.to_string(), |text| text.replace(['-', ':'], ""))
}

/// The limit of one read, in bytes.
const PIECE: usize = 64 * 1024;

/// Copies all bytes, and leaves holes for pages of zeros.
fn copy_sparse(reader: &mut impl Read, file: &mut std::fs::File) -> io::Result<u64> {
    use std::io::Seek;
    let mut piece = vec![0; PIECE];
    let mut total = 0;
    loop {
        let mut filled = 0;
        while filled < PIECE {
            match reader.read(&mut piece[filled..])? {
                0 => break,
                length => filled += length,
            }
        }
        total += filled as u64;
        match piece[..filled].iter().all(|&byte| byte == 0) {
            true => drop(file.seek_relative(filled as i64)?),
            false => file.write_all(&piece[..filled])?,
        }
        if filled < PIECE {
            file.set_len(total)?;
            return Ok(total);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    #[test]
    fn unfinished_file_disappears() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("core");
        let mut file = HostFile::create(&path).unwrap();
        file.fill(&mut &b"half"[..]).unwrap();
        drop(file);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);

        let mut file = HostFile::create(&path).unwrap();
        assert_eq!(file.fill(&mut &b"whole"[..]).unwrap(), 5);
        assert!(!path.exists());
        let late = HostFile::create(&path).unwrap();
        file.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        assert!(matches!(late.finish(), Err(Error::FileExists { .. })));
        assert!(matches!(HostFile::create(&path), Err(Error::FileExists { .. })));
        let nowhere = HostFile::create(&folder.path().join("no/folder"));
        assert!(matches!(nowhere, Err(Error::File { .. })));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn zeros_become_holes() {
        let folder = tempfile::tempdir().unwrap();
        let mut middle = vec![0; PIECE * 3];
        middle[PIECE + 5] = 1;
        let mut end = vec![0; PIECE * 40 + 7];
        end[0] = 1;
        for content in [&b""[..], &[0; 10], &middle, &end] {
            let path = folder.path().join("file");
            let mut file = HostFile::create(&path).unwrap();
            assert_eq!(file.fill(&mut &content[..]).unwrap(), content.len() as u64);
            file.finish().unwrap();
            assert!(std::fs::read(&path).unwrap() == content, "{} bytes", content.len());
            assert!(path.metadata().unwrap().blocks() * 512 <= 2 * PIECE as u64);
            std::fs::remove_file(&path).unwrap();
        }
    }
}
