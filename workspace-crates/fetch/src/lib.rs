//! Downloads that are digest-checked, resumable and parallel. The only crate with an HTTP client.
//!
//! A rename puts a file at its destination once its size and every checksum are right, so a file there is trusted without
//! another check. An unfinished file is `NAME.part` beside it, and a later run or another mirror continues it. If several
//! processes fetch the same file, one downloads and the others wait.
//!
//! HTTPS trusts the host's certificates (`SSL_CERT_FILE` and `SSL_CERT_DIR` included), proxies come from the environment
//! (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`).

mod ask;
mod checksum;
mod client;
mod download;
mod error;
mod part;
mod reach;
mod url;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

pub use ask::{Answer, Question, ask};
pub use checksum::{Checksum, Digests, digests};
pub use error::{Error, ErrorKind};
pub use reach::{host, reach};
pub use url::masked;

use client::Client;
use download::Outcome;

/// The interval between checks for an interruption.
const TICK: Duration = Duration::from_millis(50);

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Its name in events and errors: "libpng_1.6.39.orig.tar.gz".
    pub name: String,
    /// Its mirrors, best first: `http` or `https`, with credentials if the server needs them.
    pub urls: Vec<String>,
    /// Its path on this machine. Missing folders are created.
    pub destination: PathBuf,
    /// Its size in bytes, if known, which limits the download.
    pub size: Option<u64>,
    /// The check of its content.
    pub integrity: Integrity,
}

/// The check of a [`Download`]'s content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integrity {
    /// Every checksum has to match, and at least one is required.
    Checksums(Vec<Checksum>),
    /// The caller verifies the file by other means, such as the signature of an InRelease file. It is downloaded each time
    /// unless offline, and never resumed.
    Unverified,
}

/// Options of downloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Files to download at the same time; at least one.
    pub connections: usize,
    /// Retries of every mirror after transient errors.
    pub retries: u32,
    /// The wait before the first retry, doubled for each further one (up to 30 s); a server's Retry-After counts too.
    pub backoff: Duration,
    /// Whether to use only files that are present.
    pub offline: bool,
    /// Whether to check the digests of files that are present, and not only their size.
    pub verify_present: bool,
    /// The longest time to look a name up and to connect.
    pub connect_timeout: Duration,
    /// The longest time without a byte from the server.
    pub read_timeout: Duration,
    /// The fewest bytes that a server may send in each [`Options::rate_window`]; with fewer, another mirror follows.
    pub least_bytes: u64,
    /// The time in which a server sends [`Options::least_bytes`].
    pub rate_window: Duration,
}

/// The fewest bytes that a server may send in [`RATE_WINDOW`]: 1 KiB a second. A modem of 1990 is faster, and a server that
/// sends a byte a second would hold a run for years.
const LEAST_BYTES: u64 = 30 << 10;
/// Long enough for a server that stalls and recovers.
const RATE_WINDOW: Duration = Duration::from_secs(30);

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 4,
            retries: 4,
            backoff: Duration::from_millis(500),
            offline: false,
            verify_present: false,
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(30),
            least_bytes: LEAST_BYTES,
            rate_window: RATE_WINDOW,
        }
    }
}

/// Progress of downloads. Events of different files come from different threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'e> {
    /// The file was present.
    Present {
        /// Its [`Download::name`].
        name: &'e str,
    },
    /// Another process downloads the file; this one waits.
    Waiting {
        /// Its [`Download::name`].
        name: &'e str,
    },
    /// The server sends the file's content. Repeats after a retry.
    Started {
        /// Its [`Download::name`].
        name: &'e str,
        /// Its size in bytes, if known.
        total: Option<u64>,
        /// Bytes from an earlier try.
        resumed: u64,
    },
    /// Content has arrived.
    Received {
        /// Its [`Download::name`].
        name: &'e str,
        /// Bytes since the last event of this file.
        bytes: u64,
    },
    /// A mirror failed, and a retry or another mirror follows.
    Retrying {
        /// Its [`Download::name`].
        name: &'e str,
        /// The cause in one line, without credentials.
        why: &'e str,
    },
    /// The file is complete, checked, and at its destination.
    Finished {
        /// Its [`Download::name`].
        name: &'e str,
    },
}

/// The result of [`fetch`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that were present.
    pub present: usize,
    /// Files that were downloaded.
    pub downloaded: usize,
    /// Bytes received over the network.
    pub received: u64,
}

/// Downloads every file of `items` that is not present. Returns once all are complete, or with the first error; then the
/// others stop, and the next run continues their parts.
///
/// Once `interrupted` is true, returns [`ErrorKind::Interrupted`] at once, or within [`Options::connect_timeout`] while a
/// connection is being established.
///
/// # Errors
/// See [`ErrorKind`].
pub fn fetch(
    items: &[Download],
    options: &Options,
    interrupted: &AtomicBool,
    progress: &(dyn Fn(Event<'_>) + Sync),
) -> Result<Summary, Error> {
    let client = Client::new(options);
    let stop = AtomicBool::new(false);
    let next = AtomicUsize::new(0);
    let workers = options.connections.clamp(1, items.len().max(1));
    let running = AtomicUsize::new(workers);
    let result = Mutex::new(Ok(Summary::default()));
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::SeqCst)).filter(|_| !stop.load(Ordering::SeqCst)) {
            let outcome = download::run(item, options, &client, &stop, progress);
            let mut result = result.lock().unwrap_or_else(PoisonError::into_inner);
            match (outcome, result.as_mut()) {
                (Ok(outcome), Ok(summary)) => summary.add(outcome),
                (Err(error), Ok(_)) => {
                    *result = Err(error);
                    stop.store(true, Ordering::SeqCst);
                }
                (_, Err(_)) => {}
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..workers {
            let running = Running { count: &running, watcher: thread::current() };
            scope.spawn(|| {
                let _running = running;
                work();
            });
        }
        while running.load(Ordering::SeqCst) > 0 {
            if interrupted.load(Ordering::SeqCst) {
                stop.store(true, Ordering::SeqCst);
            }
            if stop.load(Ordering::SeqCst) {
                client.shut_down();
            }
            thread::park_timeout(TICK);
        }
    });
    match result.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Ok(summary) if summary.present + summary.downloaded == items.len() => Ok(summary),
        // Workers that were stopped before their first file left no error.
        Ok(_) => Err(Error::interrupted()),
        Err(_) if interrupted.load(Ordering::SeqCst) => Err(Error::interrupted()),
        Err(error) => Err(error),
    }
}

impl Summary {
    fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Present => self.present += 1,
            Outcome::Downloaded { received } => {
                self.downloaded += 1;
                self.received += received;
            }
        }
    }
}

/// Counts a running worker. Its drop wakes the watcher, even if a progress function panics.
struct Running<'c> {
    count: &'c AtomicUsize,
    watcher: Thread,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
        self.watcher.unpark();
    }
}
