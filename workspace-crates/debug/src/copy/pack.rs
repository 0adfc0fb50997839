//! Packs files of this machine as an archive.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tar::{Builder, EntryType, Header};

use crate::copy::extract::{Copied, MODE};

/// The owner of packed files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Each file's own, with all of its mode.
    Kept,
    /// This user and group, without setuid, setgid and sticky bits.
    User(u64, u64),
}

/// Packs a file or folder under this name; without a name, the folder's content. Keeps links. Skips entries that are neither
/// file, folder nor link, and returns the result.
pub(crate) fn pack(source: &Path, name: Option<&OsStr>, owner: Owner, out: impl Write) -> io::Result<Copied> {
    let mut packing = Packing { archive: Builder::new(out), owner, done: Copied::default() };
    match name {
        // A link on the command line means its file.
        Some(name) => packing.add(source, Path::new(name), &fs::metadata(source)?)?,
        None => packing.add_content(source, Path::new(""))?,
    }
    packing.archive.into_inner()?.flush()?;
    Ok(packing.done)
}

struct Packing<W: Write> {
    archive: Builder<W>,
    owner: Owner,
    done: Copied,
}

impl<W: Write> Packing<W> {
    fn add(&mut self, path: &Path, name: &Path, metadata: &Metadata) -> io::Result<()> {
        let mut header = self.header(metadata);
        let kind = metadata.file_type();
        if kind.is_dir() {
            self.archive.append_data(&mut header, name, io::empty())?;
            self.add_content(path, name)?;
        } else if kind.is_symlink() {
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            self.archive.append_link(&mut header, name, fs::read_link(path)?)?;
        } else if kind.is_file() {
            let file = Whole { file: tierce_bounded::open(path)?, left: metadata.len() };
            self.archive.append_data(&mut header, name, file)?;
            self.done.files += 1;
            self.done.bytes += metadata.len();
        } else {
            self.done.leave_out(path, "it is neither file, folder nor link");
        }
        Ok(())
    }

    fn add_content(&mut self, folder: &Path, name: &Path) -> io::Result<()> {
        let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            self.add(&entry.path(), &name.join(entry.file_name()), &entry.metadata()?)?;
        }
        Ok(())
    }

    fn header(&self, metadata: &Metadata) -> Header {
        let mut header = Header::new_gnu();
        header.set_metadata(metadata);
        match self.owner {
            Owner::Kept => header.set_mode(metadata.permissions().mode() & 0o7777),
            Owner::User(user, group) => {
                header.set_mode(metadata.permissions().mode() & MODE);
                header.set_uid(user);
                header.set_gid(group);
            }
        }
        header
    }
}

/// Reads the bytes that the header promises: cuts a file that grows, and fails for one that shrinks.
struct Whole {
    file: File,
    left: u64,
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read(&mut buffer[..most])?;
        self.left -= read as u64;
        if read == 0 && most > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a file has become shorter meanwhile"));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    /// Path, type, mode and owner of each entry.
    fn entries(source: &Path, name: Option<&str>, owner: Owner) -> Vec<(String, EntryType, u32, u64)> {
        let mut bytes = Vec::new();
        pack(source, name.map(OsStr::new), owner, &mut bytes).unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        let entries = archive.entries().unwrap().map(Result::unwrap);
        let of = |entry: tar::Entry<'_, &[u8]>| {
            let header = entry.header();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            (path, header.entry_type(), header.mode().unwrap(), header.uid().unwrap())
        };
        entries.map(of).collect()
    }

    #[test]
    fn folder_is_packed_with_optional_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o750)).unwrap();
        fs::write(path.join("b"), "bytes").unwrap();
        fs::set_permissions(path.join("b"), fs::Permissions::from_mode(0o4755)).unwrap();
        fs::create_dir(path.join("a")).unwrap();
        fs::set_permissions(path.join("a"), fs::Permissions::from_mode(0o700)).unwrap();
        symlink("/nowhere", path.join("a/link")).unwrap();
        let own = u64::from(fs::metadata(path).unwrap().uid());
        let entry = |path: &str, kind, mode, user| (path.to_owned(), kind, mode, user);
        assert_eq!(
            entries(path, Some("n"), Owner::User(7, 8)),
            [
                entry("n", EntryType::Directory, 0o750, 7),
                entry("n/a", EntryType::Directory, 0o700, 7),
                entry("n/a/link", EntryType::Symlink, 0o777, 7),
                entry("n/b", EntryType::Regular, 0o755, 7),
            ]
        );
        let kept = entries(path, None, Owner::Kept);
        assert_eq!(kept.last().unwrap(), &entry("b", EntryType::Regular, 0o4755, own));
        assert_eq!(kept.len(), 3, "the folder itself stays as it is");
    }

    #[test]
    fn sockets_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        let done = pack(folder.path(), None, Owner::Kept, io::sink()).unwrap();
        assert_eq!((done.files, done.left_out_count), (0, 1));
        assert!(pack(&folder.path().join("nothing"), Some(OsStr::new("n")), Owner::Kept, io::sink()).is_err());
    }

    #[test]
    fn shrinking_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        fs::write(&path, "12345").unwrap();
        for (left, expected) in [(5, Some("12345")), (3, Some("123")), (6, None)] {
            let mut text = String::new();
            let read = Whole { file: File::open(&path).unwrap(), left }.read_to_string(&mut text);
            assert_eq!(read.ok().map(|_| text.as_str()), expected, "{left}");
        }
    }
}
