//! Tar streams of host files, for copying into containers.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Empty, Read};
use std::path::PathBuf;

use tierce_store::Error;
use tierce_store::damage::Checked;
use tierce_store::files::open;

/// Files of the host with other names, as one tar stream.
#[derive(Debug, Default)]
pub struct TarOfFiles {
    files: BTreeMap<String, (PathBuf, Option<String>)>,
}

impl TarOfFiles {
    /// Adds a file. With a SHA-256, the stream fails if the file has another one.
    pub fn add(&mut self, name: String, path: PathBuf, sha256: Option<String>) {
        self.files.insert(name, (path, sha256));
    }

    /// Returns the stream. It contains `folder` and puts every name below it.
    pub fn below(self, folder: &str) -> Result<impl Read + Send, Error> {
        let folder = folder.trim_matches('/');
        let mut stream: Box<dyn Read + Send> = Box::new(std::io::empty());
        let mut folders = BTreeSet::new();
        for name in ancestors(&format!("{folder}/x")) {
            folders.insert(name.clone());
            stream = Box::new(stream.chain(Cursor::new(header(&name, 0, tar::EntryType::Directory)?)));
        }
        for (name, (path, sha256)) in self.files {
            let name = format!("{folder}/{name}");
            for ancestor in ancestors(&name) {
                if folders.insert(ancestor.clone()) {
                    stream = Box::new(stream.chain(Cursor::new(header(&ancestor, 0, tar::EntryType::Directory)?)));
                }
            }
            let (file, size) = open(&path)?;
            let padding = vec![0; usize::try_from((512 - size % 512) % 512).unwrap_or(0)];
            let content: Box<dyn Read + Send> = match sha256 {
                Some(sha256) => Box::new(Checked::new(file, size, &sha256, &path)),
                None => Box::new(file.take(size)),
            };
            let header = Cursor::new(header(&name, size, tar::EntryType::Regular)?);
            stream = Box::new(stream.chain(header).chain(content).chain(Cursor::new(padding)));
        }
        Ok(stream.chain(Cursor::new(vec![0; 1024])).chain(Empty::default()))
    }
}

/// Returns the folders above a name, outermost first.
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
    fn stream_has_each_folder_once() {
        let scratch = tempfile::tempdir().expect("a folder");
        let mut tar = TarOfFiles::default();
        for (name, content) in [("a/b/one", "1".repeat(512)), ("a/two", "2".repeat(700)), ("three", String::new())] {
            let path = scratch.path().join(name.replace('/', "-"));
            std::fs::write(&path, &content).expect("a file");
            tar.add(name.to_owned(), path, None);
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
