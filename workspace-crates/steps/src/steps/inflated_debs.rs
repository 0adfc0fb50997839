//! Decompresses the packages of a builder ahead of the writer of its root, on all cores.

use std::fs::File;
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use tierce_debian::inflate;
use tierce_store::paths::Paths;
use tierce_store::{Error, ErrorKind, files};

/// The most threads: a disk does not write faster than four cores decompress.
const MAX_THREADS: usize = 4;
/// The packages that each thread may have finished before the writer asks for them. They take disk space, and no memory.
const AHEAD: usize = 3;

/// The packages of a builder with their data archives unpacked, in the order of their paths.
pub(super) struct InflatedDebs {
    /// Thread N of M has the packages N, N + M, N + 2 M and so on.
    threads: Vec<Receiver<Result<File, Error>>>,
    next: usize,
}

impl InflatedDebs {
    /// Starts to decompress these packages into files without names in the cache. The threads end soon after the result is dropped.
    pub(super) fn start(debs: Vec<PathBuf>, paths: &Paths) -> Result<InflatedDebs, Error> {
        files::create_dir(paths.cache())?;
        let count = thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_THREADS);
        let debs = Arc::new(debs);
        let start = |first: usize| {
            let (sender, receiver) = sync_channel(AHEAD);
            let (debs, folder) = (Arc::clone(&debs), paths.cache().to_owned());
            thread::spawn(move || {
                let mut own = debs.iter().skip(first).step_by(count);
                // The writer has failed if nobody takes the packages.
                while own.next().is_some_and(|deb| sender.send(inflated(deb, &folder)).is_ok()) {}
            });
            receiver
        };
        Ok(InflatedDebs { threads: (0..count).map(start).collect(), next: 0 })
    }
}

impl Iterator for InflatedDebs {
    type Item = Result<File, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let thread = &self.threads[self.next % self.threads.len()];
        self.next += 1;
        thread.recv().ok()
    }
}

/// Returns the package with its data archive unpacked, as a file without a name in the folder.
fn inflated(deb: &Path, folder: &Path) -> Result<File, Error> {
    let (packed, _) = files::open(deb)?;
    let mut out = tempfile::tempfile_in(folder)
        .map(|file| BufWriter::with_capacity(1 << 17, file))
        .map_err(|error| Error::file("create a file in", folder, error))?;
    let written = inflate(packed, &mut out).and_then(|()| out.flush()).and_then(|()| out.rewind());
    written.map_err(|error| failed(deb, folder, error))?;
    out.into_inner().map_err(|error| failed(deb, folder, error.into_error()))
}

fn failed(deb: &Path, folder: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::file("write to", folder, error),
        _ => {
            Error::from_source(ErrorKind::Download, io::Error::new(error.kind(), format!("{}: {error}", deb.display())))
        }
    }
}
