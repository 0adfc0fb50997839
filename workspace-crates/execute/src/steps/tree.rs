//! Tar streams that go into containers, made on the fly from files of the host.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Chain, Cursor, Empty, Read};
use std::path::PathBuf;

use crate::Error;
use crate::steps::packages::open;

/// Files of the host under names of their own, as one tar stream.
#[derive(Debug, Default)]
pub(crate) struct TarOfFiles {
    files: BTreeMap<String, PathBuf>,
}

impl TarOfFiles {
    pub(crate) fn add(&mut self, name: String, path: PathBuf) {
        self.files.insert(name, path);
    }

    /// The stream, with all names below a folder, which is in it as well.
    pub(crate) fn below(self, folder: &str) -> Result<impl Read + Send, Error> {
        let folder = folder.trim_matches('/');
        let mut stream: Box<dyn Read + Send> = Box::new(std::io::empty());
        let mut folders = BTreeSet::new();
        for name in ancestors(&format!("{folder}/x")) {
            folders.insert(name.clone());
            stream = Box::new(stream.chain(Cursor::new(header(&name, 0, tar::EntryType::Directory)?)));
        }
        for (name, path) in self.files {
            let name = format!("{folder}/{name}");
            for ancestor in ancestors(&name) {
                if folders.insert(ancestor.clone()) {
                    stream = Box::new(stream.chain(Cursor::new(header(&ancestor, 0, tar::EntryType::Directory)?)));
                }
            }
            let (file, size) = open(&path)?;
            let padding = vec![0; usize::try_from((512 - size % 512) % 512).unwrap_or(0)];
            let entry: Chain<Cursor<Vec<u8>>, _> =
                Cursor::new(header(&name, size, tar::EntryType::Regular)?).chain(file.take(size));
            stream = Box::new(stream.chain(entry).chain(Cursor::new(padding)));
        }
        Ok(stream.chain(Cursor::new(vec![0; 1024])).chain(Empty::default()))
    }
}

/// The folders above a name, outermost first.
fn ancestors(name: &str) -> Vec<String> {
    name.match_indices('/').map(|(end, _)| name[..end].to_owned()).collect()
}

fn header(name: &str, size: u64, kind: tar::EntryType) -> Result<Vec<u8>, Error> {
    let failed = |error| Error::file("pack", std::path::Path::new(name), error);
    let mut header = tar::Header::new_ustar();
    header.set_path(name).map_err(failed)?;
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(if kind.is_dir() { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    Ok(header.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_has_each_folder_once_and_each_file_whole() {
        let scratch = tempfile::tempdir().expect("a folder");
        let mut tar = TarOfFiles::default();
        for (name, content) in [("a/b/one", "1".repeat(512)), ("a/two", "2".repeat(700)), ("three", String::new())] {
            let path = scratch.path().join(name.replace('/', "-"));
            std::fs::write(&path, &content).expect("a file");
            tar.add(name.to_owned(), path);
        }
        let mut archive = tar::Archive::new(tar.below("/var/x").expect("readable"));
        let entries: Vec<(String, u64)> = archive
            .entries()
            .expect("an archive")
            .map(|entry| {
                let mut entry = entry.expect("an entry");
                let mut content = Vec::new();
                entry.read_to_end(&mut content).expect("its content");
                (entry.path().expect("a path").display().to_string(), content.len() as u64)
            })
            .collect();
        let expected = [
            ("var", 0),
            ("var/x", 0),
            ("var/x/a", 0),
            ("var/x/a/b", 0),
            ("var/x/a/b/one", 512),
            ("var/x/a/two", 700),
            ("var/x/three", 0),
        ];
        assert_eq!(entries, expected.map(|(name, size)| (name.to_owned(), size)));
    }
}
