//! Downloads that are digest-checked, resumable and parallel. The only crate with an HTTP client.
//!
//! A file appears at its destination by rename, and only after its size and every checksum were right; so whoever finds
//! it there may trust it without reading it again. Until then it lies beside it as `NAME.part`, which a later run (or
//! another mirror) continues. Several processes may fetch the same file: one downloads, the others wait for it.
//!
//! HTTPS trusts the host's certificates (`SSL_CERT_FILE` and `SSL_CERT_DIR` included), proxies come from the environment
//! (`http_proxy`, `https_proxy`, `all_proxy`, `no_proxy`).

mod ask;
mod checksum;
mod client;
mod download;
mod error;
mod part;
mod url;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

pub use ask::{Answer, Question, ask};
pub use checksum::Checksum;
pub use error::{Error, ErrorKind};
pub use url::masked;

use client::Client;
use download::Outcome;

/// How often a blocked download is looked at for an interruption.
const TICK: Duration = Duration::from_millis(50);

/// One file to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// What it is called in events and errors: "libpng_1.6.39.orig.tar.gz".
    pub name: String,
    /// Where it may be had from, best first: `http` or `https`, with credentials where the server asks for them.
    pub urls: Vec<String>,
    /// Where it belongs. Missing folders are made.
    pub destination: PathBuf,
    /// Its size in bytes, if known: never more is read.
    pub size: Option<u64>,
    /// How its content is known to be right.
    pub integrity: Integrity,
}

/// How the content of a [`Download`] is known to be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integrity {
    /// By these checksums: all are checked, and there must be one at least.
    Checksums(Vec<Checksum>),
    /// The caller verifies it by other means (the signature of an InRelease file). It is never resumed, and fetched anew
    /// every time but when offline.
    Unverified,
}

/// How to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Files to download at the same time; at least one.
    pub connections: usize,
    /// How often every mirror is tried again after errors that may pass.
    pub retries: u32,
    /// The wait before the first retry, doubled for each further one (up to 30 s); a server's Retry-After counts too.
    pub backoff: Duration,
    /// Whether to use what is there and nothing else.
    pub offline: bool,
    /// Whether to read files that are there and check their digests, not only their size.
    pub verify_present: bool,
    /// The longest time to look a name up and to connect.
    pub connect_timeout: Duration,
    /// The longest time without a byte from the server.
    pub read_timeout: Duration,
}

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
        }
    }
}

/// What happens on the way, for a progress display. Events of different files come from different threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'e> {
    /// The file is there already.
    Present {
        /// Its [`Download::name`].
        name: &'e str,
    },
    /// Another process downloads the file at the moment; this one waits for it.
    Waiting {
        /// Its [`Download::name`].
        name: &'e str,
    },
    /// The server answers with the file's content. Comes again after a retry.
    Started {
        /// Its [`Download::name`].
        name: &'e str,
        /// Its size in bytes, if known.
        total: Option<u64>,
        /// How many bytes were there from an earlier try.
        resumed: u64,
    },
    /// Content has arrived.
    Received {
        /// Its [`Download::name`].
        name: &'e str,
        /// Bytes since the last event of this file.
        bytes: u64,
    },
    /// A mirror failed in a way that may pass, or another mirror is left.
    Retrying {
        /// Its [`Download::name`].
        name: &'e str,
        /// What failed, in one line, without credentials.
        why: &'e str,
    },
    /// The file is complete, checked, and at its destination.
    Finished {
        /// Its [`Download::name`].
        name: &'e str,
    },
}

/// What [`fetch`] has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that were there already.
    pub present: usize,
    /// Files that were downloaded.
    pub downloaded: usize,
    /// Bytes that came over the network for them.
    pub received: u64,
}

/// Brings every file of `items` to its destination. Returns once all are there, or with the first error; then the others
/// stop, and what they have so far stays beside their destinations for the next time.
///
/// Once `interrupted` is true it returns [`ErrorKind::Interrupted`] at once, or within
/// [`Options::connect_timeout`] where a connection is just being made.
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

/// A worker that runs. Dropped, also when a progress function panics, it is counted down and wakes the watcher.
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
