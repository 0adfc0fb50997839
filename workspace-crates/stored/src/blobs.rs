//! The named pieces of a stored image: files of a folder, or entries of an archive.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use tar::EntryType;
use tierce_rootfs::path::resolve_dots;

/// The most entries that an archive may have.
const MAX_ENTRIES: usize = 100_000;
/// The most bytes that a document may have.
const MAX_DOCUMENT: u64 = 16 << 20;

/// The place of an image's pieces, which relative paths name.
pub(crate) enum Blobs {
    /// A folder.
    Folder(PathBuf),
    /// An uncompressed archive, with the byte range of each piece.
    Archive { file: File, entries: BTreeMap<String, Range<u64>> },
}

impl Blobs {
    /// Finds the pieces of an uncompressed archive.
    pub(crate) fn of_archive(mut file: File) -> io::Result<Blobs> {
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let mut entries = BTreeMap::new();
        let mut links = Vec::new();
        for (count, entry) in tar::Archive::new(&mut file).entries_with_seek()?.enumerate() {
            if count >= MAX_ENTRIES {
                return Err(io::Error::other(format!("it has more than {MAX_ENTRIES} entries")));
            }
            let entry = entry?;
            let Some(name) = normal(&entry.path()?) else { continue };
            match entry.header().entry_type() {
                EntryType::Regular => {
                    let start = entry.raw_file_position();
                    let end = start.saturating_add(entry.size());
                    if end > length {
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("it ends within `{name}`")));
                    }
                    entries.insert(name, start..end);
                }
                // Docker writes a layer that occurs twice as a link to the first.
                EntryType::Symlink | EntryType::Link => {
                    let is_symlink = entry.header().entry_type() == EntryType::Symlink;
                    let target = entry.link_name()?.unwrap_or_default().into_owned();
                    let from =
                        if is_symlink { Path::new(&name).parent().unwrap_or(Path::new("")) } else { Path::new("") };
                    links.extend(normal(&from.join(target)).map(|target| (name, target)));
                }
                _ => {}
            }
        }
        for (name, target) in links {
            if let Some(range) = entries.get(&target).cloned() {
                entries.entry(name).or_insert(range);
            }
        }
        Ok(Blobs::Archive { file, entries })
    }

    /// Whether a piece has this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Blobs::Folder(folder) => folder.join(name).is_file(),
            Blobs::Archive { entries, .. } => entries.contains_key(name),
        }
    }

    /// Opens a piece.
    pub(crate) fn open(&self, name: &str) -> io::Result<Box<dyn Read + '_>> {
        match self {
            Blobs::Folder(folder) => Ok(Box::new(tierce_bounded::open(folder.join(name))?)),
            Blobs::Archive { file, entries } => {
                let range = entries.get(name).ok_or(io::ErrorKind::NotFound)?;
                let mut file: &File = file;
                file.seek(SeekFrom::Start(range.start))?;
                Ok(Box::new(file.take(range.end - range.start)))
            }
        }
    }

    /// Returns a piece's length in bytes.
    pub(crate) fn length(&self, name: &str) -> io::Result<u64> {
        match self {
            Blobs::Folder(folder) => Ok(folder.join(name).metadata()?.len()),
            Blobs::Archive { entries, .. } => {
                let range = entries.get(name).ok_or(io::ErrorKind::NotFound)?;
                Ok(range.end - range.start)
            }
        }
    }

    /// Reads a piece that is a document.
    pub(crate) fn document(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(name)?.take(MAX_DOCUMENT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_DOCUMENT {
            return Err(io::Error::other(format!("it has more than {MAX_DOCUMENT} bytes")));
        }
        Ok(bytes)
    }
}

/// Makes a path relative to the image, without `.` and `..`. Returns `None` if it leaves the image or is not UTF-8.
fn normal(path: &Path) -> Option<String> {
    let relative = path.to_str()?.trim_start_matches('/');
    resolve_dots(relative).filter(|normal| !normal.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn archive(entries: &[(&str, EntryType, &str)]) -> File {
        let mut builder = tar::Builder::new(tempfile::tempfile().expect("a file"));
        for (name, kind, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(0o644);
            match kind {
                EntryType::Regular => {
                    header.set_size(text.len() as u64);
                    builder.append_data(&mut header, name, text.as_bytes()).expect("written");
                }
                _ => {
                    header.set_size(0);
                    builder.append_link(&mut header, name, text).expect("written");
                }
            }
        }
        builder.into_inner().expect("written")
    }

    #[test]
    fn pieces_are_found_by_name_in_folders_and_archives() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("a")).expect("writable");
        std::fs::write(folder.path().join("a/layer.tar"), "one").expect("writable");
        let entries = [
            ("./a/layer.tar", EntryType::Regular, "one"),
            ("b/layer.tar", EntryType::Symlink, "../a/layer.tar"),
            ("c", EntryType::Link, "a/layer.tar"),
            ("d", EntryType::Symlink, "../../outside"),
        ];
        let archive = Blobs::of_archive(archive(&entries)).expect("an archive");
        for (blobs, names) in [
            (&Blobs::Folder(folder.path().to_owned()), &["a/layer.tar"][..]),
            (&archive, &["a/layer.tar", "b/layer.tar", "c"]),
        ] {
            for name in names {
                assert!(blobs.has(name));
                assert_eq!(blobs.document(name).expect("there"), b"one", "{name}");
            }
            for name in ["d", "a", "", "layer.tar"] {
                assert!(!blobs.has(name), "{name}");
                assert!(blobs.document(name).is_err(), "{name}");
            }
        }
    }

    #[test]
    fn text_is_refused_as_archive() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&[b'x'; 2000]).expect("written");
        assert!(Blobs::of_archive(file).is_err());
    }
}
