//! Decompresses the packages of a builder ahead of the writer of its root, on all cores.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use tierce_debian::inflate;
use tierce_store::damage::{Checked, Damage};
use tierce_store::{Error, ErrorKind, files};

/// The most threads: a disk does not write faster than four cores decompress.
const MAX_THREADS: usize = 4;
/// The packages that each thread may have finished before the writer asks for them. They take disk space, and no memory.
const AHEAD: usize = 1;

/// The packages of a builder with their data archives unpacked, in the order of their paths.
pub(super) struct InflatedDebs {
    /// Thread N of M has the packages N, N + M, N + 2 M and so on.
    threads: Vec<Receiver<Result<File, Error>>>,
    next: usize,
    total: usize,
}

/// A package in the cache.
pub(super) struct KeptDeb {
    pub(super) path: PathBuf,
    pub(super) sha256: String,
}

impl InflatedDebs {
    /// Starts to decompress these packages into files without names in this folder. The threads end soon after the result is dropped.
    pub(super) fn start(debs: Vec<KeptDeb>, folder: &Path) -> Result<InflatedDebs, Error> {
        files::create_dir(folder)?;
        let count = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_THREADS);
        let total = debs.len();
        let debs = Arc::new(debs);
        let start = |first: usize| {
            let (sender, receiver) = sync_channel(AHEAD);
            let (debs, folder) = (Arc::clone(&debs), folder.to_owned());
            thread::spawn(move || {
                let mut own = debs.iter().skip(first).step_by(count);
                // The writer has failed if nobody takes the packages.
                while own.next().is_some_and(|deb| sender.send(inflated(deb, &folder)).is_ok()) {}
            });
            receiver
        };
        Ok(InflatedDebs { threads: (0..count).map(start).collect(), next: 0, total })
    }
}

impl Iterator for InflatedDebs {
    type Item = Result<File, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.total {
            return None;
        }
        let thread = &self.threads[self.next % self.threads.len()];
        self.next += 1;
        // A thread that ends early has panicked: without its packages, the root would lack files.
        let lost = |_| Error::new(ErrorKind::Other, "a thread that decompresses packages ended early".to_owned());
        Some(thread.recv().map_err(lost).flatten())
    }
}

/// Returns the package with its data archive unpacked, as a file without a name in the folder.
fn inflated(deb: &KeptDeb, folder: &Path) -> Result<File, Error> {
    let mut packed = Checked::open(&deb.path, &deb.sha256)?;
    let mut out = tempfile::tempfile_in(folder)
        .map(|file| BufWriter::with_capacity(1 << 17, file))
        .map_err(|error| Error::file("create a file in", folder, error))?;
    let written = inflate(&mut packed, &mut out);
    // The digest counts once the last byte is read, and tells more than what the decoder says about damaged bytes.
    let read = io::copy(&mut packed, &mut io::sink());
    let written = read.and(written).and_then(|()| out.flush()).and_then(|()| out.rewind());
    written.map_err(|error| failed(&deb.path, folder, error))?;
    out.into_inner().map_err(|error| failed(&deb.path, folder, error.into_error()))
}

fn failed(deb: &Path, folder: &Path, error: io::Error) -> Error {
    match error.kind() {
        // The run fetches it again.
        _ if Damage::of(&error).is_some() => Damage::error(deb),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::file("write to", folder, error),
        _ => {
            Error::from_source(ErrorKind::Download, io::Error::new(error.kind(), format!("{}: {error}", deb.display())))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::*;

    /// An archive without a data archive, so that it stays as it is.
    const DEB: &[u8] = b"!<arch>\n";
    const SHA256: &str = "f0a17a43c74d2fe5474fa2fd29c8f14799e777d7d75a2cc4d11c20a6e7b161c5";

    fn kept(folder: &Path, name: &str, content: &[u8]) -> KeptDeb {
        let path = folder.join(name);
        fs::write(&path, content).expect("a file");
        KeptDeb { path, sha256: SHA256.to_owned() }
    }

    #[test]
    fn damaged_package_is_an_error_in_its_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let damaged = [b"!<arch>\n".as_slice(), b"!<arcX>\n", b"!<arch>\nmore", b""];
        let debs = damaged.iter().enumerate().map(|(index, content)| kept(folder.path(), &index.to_string(), content));
        let found: Vec<_> = InflatedDebs::start(debs.collect(), folder.path()).expect("threads").collect();
        let mut text = Vec::new();
        found[0].as_ref().expect("whole").read_to_end(&mut text).expect("readable");
        assert_eq!(text, DEB);
        assert_eq!(found.len(), 4, "none is left out");
        for error in found.into_iter().skip(1).map(|found| found.expect_err("damaged")) {
            assert!(Damage::of(&error).is_some(), "{error}");
        }
    }

    #[test]
    fn thread_that_panics_is_an_error() {
        let (sender, receiver) = sync_channel(1);
        drop(sender);
        let mut debs = InflatedDebs { threads: vec![receiver], next: 0, total: 1 };
        assert!(debs.next().is_some_and(|found| found.is_err()) && debs.next().is_none());
    }
}
