//! One file: present or not, mirrors, tries, checks, rename.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::checksum;
use crate::client::{Client, Failure};
use crate::error::{Error, ErrorKind};
use crate::part::Part;
use crate::{Download, Event, Integrity, Options, TICK, masked};

/// The most that is read of a file whose size is not known, in bytes.
const UNKNOWN_SIZE_LIMIT: u64 = 1 << 30;
/// A try that brought at least this much, in bytes, is progress and no lost try.
const PROGRESS: u64 = 1 << 20;
/// The longest wait between two rounds of tries.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// How a download ended well.
pub(crate) enum Outcome {
    Present,
    Downloaded { received: u64 },
}

/// Brings `item` to its destination.
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
            // What can be continued later stays, an empty file does not.
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
        Integrity::Checksums(checksums) if checksums.is_empty() => request("no checksum of it is known".to_owned()),
        Integrity::Checksums(checksums) => match checksums.iter().find(|checksum| !checksum.is_valid()) {
            Some(checksum) => request(format!("`{checksum:?}` is no {} digest", checksum.algorithm())),
            None => Ok(()),
        },
        Integrity::Unverified => Ok(()),
    }
}

/// Whether the destination holds the file: of the right size and, where asked for, with the right digests.
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
        // Without a size there is no cheap sign that the file is whole.
        Integrity::Checksums(checksums) if options.verify_present || item.size.is_none() => {
            let file = File::open(path).map_err(ErrorKind::io("read", path))?;
            Ok(checksum::check(file, checksums).map_err(ErrorKind::io("read", path))?.is_ok())
        }
        Integrity::Checksums(_) => Ok(true),
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
    /// The mirror that the last bytes of the part came from, and what names the file's version there.
    validator: Option<(String, String)>,
}

impl Tries<'_> {
    /// Rounds over the mirrors that may still succeed, until one has delivered the right content.
    fn run(&mut self) -> Result<(), ErrorKind> {
        let mut mirrors: Vec<&String> = self.item.urls.iter().collect();
        let mut most_telling = ErrorKind::Request { why: "no URL of it is known".to_owned() };
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

    /// One mirror: what is there of the file is continued first, and dropped if that leads to a wrong file.
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

    /// How many bytes of the part may be continued.
    fn resumable(&self) -> Result<u64, ErrorKind> {
        let length = self.part.len()?;
        let is_too_long = self.item.size.is_some_and(|size| length > size);
        if self.item.integrity == Integrity::Unverified || is_too_long {
            self.part.truncate(0)?;
            return Ok(0);
        }
        Ok(length)
    }

    /// One request, its content into the part, and the check of the whole.
    fn transfer(&mut self, url: &str, offset: u64) -> Result<(), Failure> {
        if offset == 0 || self.item.size != Some(offset) {
            let validator =
                self.validator.as_ref().filter(|(mirror, _)| mirror == url).map(|(_, value)| value.as_str());
            let mut content = match self.client.get(url, offset, validator) {
                // The part is as long as the file, or longer: only its digest tells which.
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
            // A server that ignores the range sends the whole file again.
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

    /// Size and digests of the whole part.
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

/// A failure that this mirror will repeat.
fn permanent(kind: ErrorKind) -> Failure {
    Failure { kind, is_transient: false, wait: Duration::ZERO }
}

/// A failure that has nothing to do with the mirror (see [`is_fatal`]).
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

/// Of the errors of several mirrors the one of the highest rank is shown: what needs a decision comes before what may pass.
fn rank(kind: &ErrorKind) -> u8 {
    match kind {
        ErrorKind::Request { .. } => 0,
        ErrorKind::NotFound { .. } => 1,
        ErrorKind::Status { .. } | ErrorKind::Redirect { .. } => 2,
        ErrorKind::Network { .. } => 3,
        _ => 4,
    }
}
