//! Removes entries from a tar stream. The other entries keep every byte, extended attributes included.

use std::io::{self, Read};

use tar::{EntryType, Header, PaxExtensions};

const BLOCK: usize = 512;
/// The limit of one entry's names and attributes, in bytes.
const EXTENSIONS: u64 = 1 << 20;

/// A reader that drops the tar entries for which `keep(path, is_dir)` is false. The path has no `/` or `./` at its ends.
pub(crate) struct TarFilter<R, F> {
    inner: R,
    keep: F,
    /// Bytes to return before the next read, from `given` on.
    pending: Vec<u8>,
    given: usize,
    /// Bytes to pass on afterwards.
    passing: u64,
}

impl<R: Read, F: FnMut(&[u8], bool) -> bool> TarFilter<R, F> {
    pub(crate) fn new(inner: R, keep: F) -> TarFilter<R, F> {
        TarFilter { inner, keep, pending: Vec::new(), given: 0, passing: 0 }
    }

    /// Reads until the content of the next kept entry, or until the end.
    fn advance(&mut self) -> io::Result<()> {
        (self.given, self.pending) = (0, Vec::new());
        let mut path = None;
        let mut size = None;
        loop {
            let mut block = Vec::with_capacity(BLOCK);
            match self.inner.by_ref().take(BLOCK as u64).read_to_end(&mut block)? {
                0 => return Ok(()),
                BLOCK => {}
                _ => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
            if block.iter().all(|&byte| byte == 0) {
                self.pending.extend_from_slice(&block);
                self.passing = u64::MAX;
                return Ok(());
            }
            let header = Header::from_byte_slice(&block);
            let kind = header.entry_type();
            if matches!(
                kind,
                EntryType::XHeader | EntryType::XGlobalHeader | EntryType::GNULongName | EntryType::GNULongLink
            ) {
                let data = self.extension(header.entry_size()?)?;
                match kind {
                    EntryType::XHeader => {
                        path = pax(&data, "path").or(path);
                        size =
                            pax(&data, "size").and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok()).or(size);
                    }
                    EntryType::GNULongName => path = Some(data.split(|&byte| byte == 0).next().unwrap_or(&[]).to_vec()),
                    _ => {}
                }
                self.pending.extend_from_slice(&block);
                self.pending.extend_from_slice(&data);
                self.pending.resize(self.pending.len().next_multiple_of(BLOCK), 0);
                continue;
            }
            let length = size.take().map_or_else(|| header.entry_size(), Ok)?;
            let length = length.checked_next_multiple_of(BLOCK as u64).ok_or(io::ErrorKind::InvalidData)?;
            let path = path.take().unwrap_or_else(|| header.path_bytes().into_owned());
            if (self.keep)(trimmed(&path), kind == EntryType::Directory) {
                self.pending.extend_from_slice(&block);
                self.passing = length;
                return Ok(());
            }
            self.pending.clear();
            if io::copy(&mut self.inner.by_ref().take(length), &mut io::sink())? < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The content of an extension entry, without its padding.
    fn extension(&mut self, length: u64) -> io::Result<Vec<u8>> {
        if length > EXTENSIONS || self.pending.len() as u64 > EXTENSIONS {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the names of an entry are too long"));
        }
        let mut data = vec![0; (length as usize).next_multiple_of(BLOCK)];
        self.inner.read_exact(&mut data)?;
        data.truncate(length as usize);
        Ok(data)
    }
}

impl<R: Read, F: FnMut(&[u8], bool) -> bool> Read for TarFilter<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.pending.len() && self.passing == 0 {
            self.advance()?;
        }
        let pending = &self.pending[self.given..];
        if !pending.is_empty() {
            let length = pending.len().min(buffer.len());
            buffer[..length].copy_from_slice(&pending[..length]);
            self.given += length;
            return Ok(length);
        }
        let most = usize::try_from(self.passing).unwrap_or(usize::MAX).min(buffer.len());
        let length = self.inner.read(&mut buffer[..most])?;
        // Any bytes may follow the end.
        if length == 0 && most > 0 && self.passing != u64::MAX {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.passing != u64::MAX {
            self.passing -= length as u64;
        }
        Ok(length)
    }
}

fn pax(data: &[u8], key: &str) -> Option<Vec<u8>> {
    let mut extensions = PaxExtensions::new(data).flatten();
    extensions.find(|extension| extension.key_bytes() == key.as_bytes()).map(|found| found.value_bytes().to_vec())
}

fn trimmed(mut path: &[u8]) -> &[u8] {
    loop {
        path = match path {
            [b'/', rest @ ..] | [b'.', b'/', rest @ ..] | [rest @ .., b'/'] => rest,
            path => return path,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of files with their path as content. A path that ends in `/` is a folder.
    fn archive(paths: &[&str]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for path in paths {
            let mut header = Header::new_gnu();
            let is_folder = path.ends_with('/');
            header.set_entry_type(if is_folder { EntryType::Directory } else { EntryType::Regular });
            header.set_size(if is_folder { 0 } else { path.len() as u64 });
            let note = [("SCHILY.xattr.user.of", path.as_bytes())];
            builder.append_pax_extensions(note).unwrap();
            builder.append_data(&mut header, path, if is_folder { &[] } else { path.as_bytes() }).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn kept_entries_are_unchanged() {
        let long = format!("{}/{}", "a".repeat(90), "b".repeat(200));
        let all = ["bin/", "bin/sh", "data/", "data/file", &long, "z"];
        for (keep, expected) in [
            (&(|_: &[u8], _| true) as &dyn Fn(&[u8], bool) -> bool, &all[..]),
            (&|path, _| !path.starts_with(b"data"), &["bin/", "bin/sh", &long, "z"]),
            (&|path, _| path.len() < 200, &["bin/", "bin/sh", "data/", "data/file", "z"]),
            (&|_, is_folder| is_folder, &["bin/", "data/"]),
            (&|_, _| false, &[]),
        ] {
            let mut filtered = Vec::new();
            TarFilter::new(&archive(&all)[..], keep).read_to_end(&mut filtered).unwrap();
            assert!(filtered == archive(expected), "{expected:?}");
        }
    }

    #[test]
    fn cut_stream_is_an_error() {
        let whole = archive(&["bin/sh", "z"]);
        for length in [1, 511, 513, 1100, 1537] {
            let error = TarFilter::new(&whole[..length], |_: &[u8], _| true).read_to_end(&mut Vec::new());
            assert!(error.is_err(), "{length}");
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(1 << 40);
        header.set_cksum();
        let error = TarFilter::new(&header.as_bytes()[..], |_: &[u8], _| true).read_to_end(&mut Vec::new());
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn paths_lose_slashes_and_dots() {
        for (path, expected) in [("./a/b/", "a/b"), ("/a", "a"), ("a", "a"), ("./", ""), (".a", ".a"), ("//a//", "a")] {
            assert_eq!(trimmed(path.as_bytes()), expected.as_bytes(), "{path}");
        }
    }
}
