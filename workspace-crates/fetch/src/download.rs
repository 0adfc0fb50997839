//! Downloads one file: tries its mirrors, checks and renames it.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::checksum;
use crate::client::{Client, Failure};
use crate::error::{Error, ErrorKind};
use crate::part::Part;
use crate::{Download, Event, Integrity, Options, TICK, masked};

/// The limit of a file of unknown size, in bytes.
const UNKNOWN_SIZE_LIMIT: u64 = 1 << 30;
/// A round that received at least this many bytes does not count as a failed try.
const PROGRESS: u64 = 1 << 20;
/// The longest wait between two rounds of tries.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// The result of a successful download.
pub(crate) enum Outcome {
    Present,
    Downloaded { received: u64 },
}

/// Downloads `item` to its destination, unless it is present.
pub(crate) fn run(
    item: &Download,
    options: &Options,
    client: &Client,
    stop: &AtomicBool,
    progress: &(dyn Fn(Event<'_>) + Sync),
) -> Result<Outcome, Error> {
    let name = item.name.as_str();
    let run = || {
        check_request(item)?;
        if is_present(item, options)? {
            progress(Event::Present { name });
            return Ok(Outcome::Present);
        }
        if options.offline {
            return Err(ErrorKind::Offline { destination: item.destination.clone() });
        }
        let should_stop = || stop.load(Ordering::SeqCst);
        let part = Part::lock(&item.destination, &should_stop, &|| progress(Event::Waiting { name }))?;
        // Another process may have finished it while this one waited.
        if is_present(item, options)? {
            part.remove()?;
            progress(Event::Present { name });
            return Ok(Outcome::Present);
        }
        let mut tries = Tries { item, options, client, stop, progress, part: &part, received: 0, validator: None };
        let (result, received) = (tries.run(), tries.received);
        if let Err(kind) = result {
            // A later run continues the part, but an empty one is of no use.
            if part.len()? == 0 {
                part.remove()?;
            }
            return Err(kind);
        }
        part.rename(&item.destination)?;
        progress(Event::Finished { name });
        Ok(Outcome::Downloaded { received })
    };
    run().map_err(|kind| Error::new(item, kind))
}

fn check_request(item: &Download) -> Result<(), ErrorKind> {
    let request = |why: String| Err(ErrorKind::Request { why });
    match &item.integrity {
        Integrity::Checksums(checksums) if checksums.is_empty() => request("it has no checksum".to_owned()),
        Integrity::Checksums(checksums) => match checksums.iter().find(|checksum| !checksum.is_valid()) {
            Some(checksum) => request(format!("`{checksum:?}` is not a {} digest", checksum.algorithm())),
            None => Ok(()),
        },
        Integrity::Unverified => Ok(()),
    }
}

/// Whether the destination has the right size and, with `verify_present`, the right digests.
fn is_present(item: &Download, options: &Options) -> Result<bool, ErrorKind> {
    let path = &item.destination;
    let length = match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err(ErrorKind::io("write", path)(io::ErrorKind::IsADirectory.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(ErrorKind::io("read", path)(error)),
    };
    if item.size.is_some_and(|size| size != length) {
        return Ok(false);
    }
    match &item.integrity {
        Integrity::Unverified => Ok(options.offline),
        // Without a size only the digests show that the file is complete.
        Integrity::Checksums(checksums) if options.verify_present || item.size.is_none() => {
            let file = tierce_bounded::open(path).map_err(ErrorKind::io("read", path))?;
            Ok(checksum::check(file, checksums).map_err(ErrorKind::io("read", path))?.is_ok())
        }
        Integrity::Checksums(_) => Ok(true),
    }
}

/// The bytes of a server in the current window of time.
struct Rate<'t> {
    options: &'t Options,
    start: Instant,
    received: u64,
}

impl<'t> Rate<'t> {
    fn new(options: &'t Options) -> Self {
        Self { options, start: Instant::now(), received: 0 }
    }

    /// Counts bytes. At the end of a window with too few, returns their number as the error.
    fn add(&mut self, bytes: u64) -> Result<(), u64> {
        self.received += bytes;
        if self.start.elapsed() < self.options.rate_window {
            return Ok(());
        }
        let Rate { received, .. } = std::mem::replace(self, Self::new(self.options));
        if received < self.options.least_bytes { Err(received) } else { Ok(()) }
    }
}

/// The tries of one file over its mirrors.
struct Tries<'t> {
    item: &'t Download,
    options: &'t Options,
    client: &'t Client,
    stop: &'t AtomicBool,
    progress: &'t (dyn Fn(Event<'_>) + Sync),
    part: &'t Part,
    /// Bytes that came over the network.
    received: u64,
    /// The mirror of the part's last bytes, and its validator of the file's version.
    validator: Option<(String, String)>,
}

impl Tries<'_> {
    /// Tries the remaining mirrors in rounds, until one has sent the right content.
    fn run(&mut self) -> Result<(), ErrorKind> {
        let mut mirrors: Vec<&String> = self.item.urls.iter().collect();
        let mut most_telling = ErrorKind::Request { why: "it has no URL".to_owned() };
        let mut round = 0;
        loop {
            let mut wait = Duration::ZERO;
            let received = self.received;
            for mirror in std::mem::take(&mut mirrors) {
                if self.should_stop() {
                    return Err(ErrorKind::Interrupted);
                }
                let failure = match self.mirror(mirror) {
                    Ok(()) => return Ok(()),
                    Err(failure) => failure,
                };
                if self.should_stop() {
                    return Err(ErrorKind::Interrupted);
                }
                if is_fatal(&failure.kind) {
                    return Err(failure.kind);
                }
                if failure.is_transient {
                    mirrors.push(mirror);
                    wait = wait.max(failure.wait);
                }
                (self.progress)(Event::Retrying { name: &self.item.name, why: &failure.kind.to_string() });
                if rank(&failure.kind) >= rank(&most_telling) {
                    most_telling = failure.kind;
                }
            }
            if self.received - received < PROGRESS {
                round += 1;
            }
            if mirrors.is_empty() || round > self.options.retries {
                return Err(most_telling);
            }
            let backoff = self.options.backoff.saturating_mul(1 << (round.max(1) - 1).min(16)).min(MAX_BACKOFF);
            self.sleep(wait.max(backoff))?;
        }
    }

    /// Tries one mirror. Continues the part first; if the result is wrong, downloads the whole file.
    fn mirror(&mut self, url: &str) -> Result<(), Failure> {
        let resumed = self.resumable().map_err(fatal)?;
        let result = self.transfer(url, resumed);
        match result {
            Err(failure) if resumed > 0 && is_about_content(&failure.kind) => {
                self.part.truncate(0).map_err(fatal)?;
                let failed = self.transfer(url, 0);
                self.drop_wrong_content(failed)
            }
            other => self.drop_wrong_content(other),
        }
    }

    fn drop_wrong_content(&self, result: Result<(), Failure>) -> Result<(), Failure> {
        if result.as_ref().is_err_and(|failure| is_about_content(&failure.kind)) {
            self.part.truncate(0).map_err(fatal)?;
        }
        result
    }

    /// The bytes of the part that a transfer may continue.
    fn resumable(&self) -> Result<u64, ErrorKind> {
        let length = self.part.len()?;
        let is_too_long = self.item.size.is_some_and(|size| length > size);
        if self.item.integrity == Integrity::Unverified || is_too_long {
            self.part.truncate(0)?;
            return Ok(0);
        }
        Ok(length)
    }

    /// Sends one request, appends its content to the part, and checks the whole part.
    fn transfer(&mut self, url: &str, offset: u64) -> Result<(), Failure> {
        if offset == 0 || self.item.size != Some(offset) {
            let validator =
                self.validator.as_ref().filter(|(mirror, _)| mirror == url).map(|(_, value)| value.as_str());
            let mut content = match self.client.get(url, offset, validator) {
                // The part is as long as the file, or longer. The check decides.
                Err(Failure { kind: ErrorKind::Status { status: 416, .. }, .. }) if offset > 0 => {
                    return self.check(url);
                }
                other => other?,
            };
            if let (Some(expected), Some(found)) = (self.item.size, content.total)
                && expected != found
            {
                return Err(permanent(ErrorKind::Size { url: masked(url), expected, found }));
            }
            self.validator = content.validator.take().map(|validator| (url.to_owned(), validator));
            // A server that ignores the range sends the whole file: its offset is 0.
            self.part.truncate(content.offset).map_err(fatal)?;
            let total = self.item.size.or(content.total);
            (self.progress)(Event::Started { name: &self.item.name, total, resumed: content.offset });
            self.receive(url, content.offset, total, &mut *content.reader)?;
        }
        self.check(url)
    }

    /// Appends the content to the part from byte `offset` on.
    fn receive(&mut self, url: &str, offset: u64, total: Option<u64>, content: &mut dyn Read) -> Result<(), Failure> {
        let path = &self.part.path;
        let mut file = &self.part.file;
        file.seek(SeekFrom::Start(offset)).map_err(ErrorKind::io("write", path)).map_err(fatal)?;
        let limit = self.item.size.unwrap_or(UNKNOWN_SIZE_LIMIT);
        let mut length = offset;
        let mut buffer = vec![0; 64 * 1024];
        let mut rate = Rate::new(self.options);
        loop {
            if self.should_stop() {
                return Err(fatal(ErrorKind::Interrupted));
            }
            let count = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::broken(url, error)),
            };
            rate.add(count as u64).map_err(|received| {
                let (least, window) = (self.options.least_bytes, self.options.rate_window);
                Failure::slow(ErrorKind::Slow { url: masked(url), received, least, window })
            })?;
            length += count as u64;
            if length > limit {
                return Err(permanent(ErrorKind::Size { url: masked(url), expected: limit, found: length }));
            }
            file.write_all(&buffer[..count]).map_err(ErrorKind::io("write", path)).map_err(fatal)?;
            self.received += count as u64;
            (self.progress)(Event::Received { name: &self.item.name, bytes: count as u64 });
        }
        match total {
            Some(total) if length < total => Err(Failure::broken(url, io::ErrorKind::UnexpectedEof.into())),
            _ => Ok(()),
        }
    }

    /// Checks size and digests of the whole part.
    fn check(&self, url: &str) -> Result<(), Failure> {
        let found = self.part.len().map_err(fatal)?;
        if let Some(expected) = self.item.size.filter(|expected| *expected != found) {
            return Err(permanent(ErrorKind::Size { url: masked(url), expected, found }));
        }
        let Integrity::Checksums(checksums) = &self.item.integrity else { return Ok(()) };
        let mut file = &self.part.file;
        let checked = file.seek(SeekFrom::Start(0)).and_then(|_| checksum::check(file, checksums));
        checked.map_err(ErrorKind::io("read", &self.part.path)).map_err(fatal)?.map_err(|mismatch| {
            permanent(ErrorKind::Digest {
                url: masked(url),
                algorithm: mismatch.algorithm,
                expected: mismatch.expected,
                found: mismatch.found,
            })
        })
    }

    fn should_stop(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn sleep(&self, time: Duration) -> Result<(), ErrorKind> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if self.should_stop() {
                return Err(ErrorKind::Interrupted);
            }
            thread::sleep(TICK.min(end.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}

/// A failure that a retry on this mirror repeats.
fn permanent(kind: ErrorKind) -> Failure {
    Failure { kind, is_transient: false, wait: Duration::ZERO }
}

/// A failure of this machine or an interruption (see [`is_fatal`]).
fn fatal(kind: ErrorKind) -> Failure {
    permanent(kind)
}

/// Whether no other mirror can help.
fn is_fatal(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Interrupted | ErrorKind::DiskFull { .. } | ErrorKind::Io { .. })
}

fn is_about_content(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::Digest { .. } | ErrorKind::Size { .. })
}

/// Ranks errors: of several mirrors' errors, the user sees the highest. Errors that need a decision rank above transient ones.
fn rank(kind: &ErrorKind) -> u8 {
    match kind {
        ErrorKind::Request { .. } => 0,
        ErrorKind::NotFound { .. } => 1,
        ErrorKind::Status { .. } | ErrorKind::Redirect { .. } => 2,
        ErrorKind::Network { .. } => 3,
        _ => 4,
    }
}
