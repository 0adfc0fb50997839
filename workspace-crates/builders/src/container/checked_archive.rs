//! The archive of a root filesystem. Every file that Tierce reads from it is compared with the digest in the index.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tierce_plan::digest;
use tierce_rootfs::{FileContent, Index, Source};

use tierce_store::Error;
use tierce_store::damage::{Checked, Damage};
use tierce_store::files::open;

/// An open archive.
pub struct RootArchive {
    file: File,
    path: PathBuf,
}

impl RootArchive {
    /// Opens an archive of the cache.
    pub fn open(path: &Path) -> Result<RootArchive, Error> {
        Ok(RootArchive { file: open(path)?.0, path: path.to_owned() })
    }

    /// An archive that is open already; errors name it by `path`.
    pub fn of_file(file: File, path: &Path) -> RootArchive {
        RootArchive { file, path: path.to_owned() }
    }

    /// Opens the archive a second time.
    pub fn try_clone(&self) -> Result<RootArchive, Error> {
        let file = self.file.try_clone().map_err(|error| Error::file("read", &self.path, error))?;
        Ok(RootArchive { file, path: self.path.clone() })
    }

    /// Opens the content of a file of an index. Its bytes are in this archive, another layer, a file of the host or memory.
    pub fn content<'a>(&'a mut self, content: &'a FileContent) -> Result<Box<dyn Read + 'a>, Error> {
        let sha256 = &content.sha256;
        Ok(match &content.source {
            Source::Archive { offset, size } => {
                let sought = self.file.seek(SeekFrom::Start(*offset));
                sought.map_err(|error| Error::file("read", &self.path, error))?;
                Box::new(Checked::new(&self.file, *size, sha256, &self.path))
            }
            Source::Part { path, offset, size } => {
                let (mut file, _) = open(path)?;
                file.seek(SeekFrom::Start(*offset)).map_err(|error| Error::file("read", path, error))?;
                Box::new(Checked::new(file, *size, sha256, path))
            }
            Source::Host { path } => Box::new(Checked::open(path, sha256)?),
            Source::Bytes(bytes) => Box::new(Cursor::new(bytes)),
        })
    }

    /// Reads a small file of the archive, or of memory. It follows links in the path.
    pub fn text(&mut self, index: &Index, path: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let is_cut = |error: &tierce_rootfs::Error| match error {
            tierce_rootfs::Error::Read { source, .. } => source.kind() == io::ErrorKind::UnexpectedEof,
            _ => false,
        };
        match index.read(&mut self.file, path, limit) {
            Ok(bytes) => {
                let real = index.tree().resolve(path)?.path;
                let expected = index.content(&real).map(|content| content.sha256.as_str());
                if expected == Some(digest(&bytes).as_str()) { Ok(bytes) } else { Err(Damage::error(&self.path)) }
            }
            Err(error) if is_cut(&error) => Err(Damage::error(&self.path)),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use tierce_oci::TarWriter;
    use tierce_rootfs::{Limits, Node, NodeKind};

    use super::*;

    const PATH: &str = "/usr/lib64/libc.so.6";

    /// The archive of a root with one file, and its index.
    fn archive(folder: &Path, content: &[u8]) -> (PathBuf, Index) {
        let path = folder.join("key.tar");
        let mut writer = TarWriter::new(File::create(&path).expect("writable"), 0);
        let node = Node::new(NodeKind::File { size: content.len() as u64 }, 0o755);
        writer.append(PATH, &node, content).expect("writable");
        writer.finish().expect("writable");
        let limits = Limits { entries: 9, bytes: 1 << 20 };
        let index = Index::of_archive(&mut File::open(&path).expect("there"), "/", limits).expect("an archive");
        (path, index)
    }

    #[test]
    fn flipped_bytes_never_leave_the_archive() {
        let folder = tempfile::tempdir().expect("a folder");
        let content = [7; 20_000];
        let (path, index) = archive(folder.path(), &content);
        let read = || {
            let mut bytes = Vec::new();
            let mut archive = RootArchive::open(&path).expect("there");
            let read = archive.content(index.content(PATH).expect("there")).expect("open").read_to_end(&mut bytes);
            let text = archive.text(&index, PATH, 1 << 20);
            (read.map(|_| bytes).map_err(|error| Damage::of(&error).cloned()), text)
        };
        let (read_whole, text) = read();
        assert_eq!(read_whole.as_deref(), Ok(&content[..]));
        assert_eq!(text.expect("whole"), content);

        let mut bytes = std::fs::read(&path).expect("there");
        bytes[8192..12288].iter_mut().for_each(|byte| *byte = !*byte);
        for damaged in [&bytes[..], &bytes[..8192]] {
            std::fs::write(&path, damaged).expect("writable");
            let (read, text) = read();
            assert_eq!(read, Err(Some(Damage { path: path.clone() })));
            assert_eq!(Damage::of(&text.expect_err("damaged")), Some(&Damage { path: path.clone() }));
        }
    }
}
