//! Readers with a limit: no link to a device, named pipe or endless file makes Tierce wait or fill the memory.
//!
//! Every file of the user's folders, of the cache and of the kernel passes through here before a parser sees it. An error says
//! what the file is, its limit, and what to do; the caller adds the path.

mod limits;
mod lines;

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

pub use limits::{ARTIFACT, KERNEL, LOCK, Limit, RELEASE, SETTINGS, STATE, TABLE, TEXT};
pub use lines::{LONGEST_LINE, Lines, add_answer};

/// Opens a regular file, or a link to one. Neither a pipe without a writer nor a device makes it wait.
///
/// # Errors
/// The operating system's; [`io::ErrorKind::InvalidInput`] for anything else than a file or a folder.
pub fn open(path: impl AsRef<Path>) -> io::Result<File> {
    let path = path.as_ref();
    // Before the file is open, because opening a device can have an effect.
    check(fs::metadata(path)?.file_type())?;
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    // Again, because the path may lead elsewhere by now.
    check(file.metadata()?.file_type())?;
    Ok(file)
}

/// Reads a whole file of at most this size.
///
/// # Errors
/// Those of [`open`]; [`io::ErrorKind::FileTooLarge`].
pub fn bytes(path: impl AsRef<Path>, limit: &Limit) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    // Known before a byte is read. Files of the kernel have no size.
    if file.metadata()?.len() > limit.bytes {
        return Err(limit.error());
    }
    let mut bytes = Vec::new();
    limited(file, limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a whole text of at most this size.
///
/// # Errors
/// Those of [`bytes`]; [`io::ErrorKind::InvalidData`] if it is not UTF-8.
pub fn text(path: impl AsRef<Path>, limit: &Limit) -> io::Result<String> {
    let invalid = |_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8");
    String::from_utf8(bytes(path, limit)?).map_err(invalid)
}

/// A reader that fails where its source has more bytes than the limit.
pub fn limited<R: Read>(source: R, limit: &Limit) -> Limited<'_, R> {
    Limited { source, left: limit.bytes, limit }
}

/// See [`limited`].
#[derive(Debug)]
pub struct Limited<'l, R> {
    source: R,
    left: u64,
    limit: &'l Limit,
}

impl<R: Read> Read for Limited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte more tells a source of exactly the limit from a longer one.
        let most = usize::try_from(self.left.saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.source.read(&mut buffer[..most])?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| self.limit.error())?;
        Ok(count)
    }
}

fn check(kind: FileType) -> io::Result<()> {
    let name = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => return Err(rustix::io::Errno::ISDIR.into()),
        () if kind.is_fifo() => "a named pipe",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "of an unknown type",
    };
    let problem = format!("it is {name}, not a file; put a regular file there");
    Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    const SMALL: Limit = Limit { bytes: 4, what: "a test's file", advice: "write less" };

    #[test]
    fn only_small_regular_files_are_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for (name, content) in [("empty", &b""[..]), ("four", b"four"), ("five", b"fives"), ("binary", b"\xff")] {
            fs::write(path(name), content).expect("writable");
        }
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
            .expect("a pipe");
        let _socket = UnixListener::bind(path("socket")).expect("a socket");
        for (name, target) in
            [("to-zero", "/dev/zero"), ("to-null", "/dev/null"), ("to-four", "four"), ("to-pipe", "pipe")]
        {
            symlink(target, path(name)).expect("a link");
        }
        for (name, expected) in [
            ("empty", Ok("")),
            ("four", Ok("four")),
            ("to-four", Ok("four")),
            ("five", Err("it has more than 4 bytes, the limit of a test's file; write less")),
            ("binary", Err("stream did not contain valid UTF-8")),
            ("pipe", Err("it is a named pipe, not a file; put a regular file there")),
            ("to-pipe", Err("it is a named pipe, not a file; put a regular file there")),
            ("socket", Err("it is a socket, not a file; put a regular file there")),
            ("to-zero", Err("it is a device, not a file; put a regular file there")),
            ("to-null", Err("it is a device, not a file; put a regular file there")),
            (".", Err("Is a directory (os error 21)")),
            ("absent", Err("No such file or directory (os error 2)")),
        ] {
            let found = text(path(name), &SMALL).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{name}");
        }
        assert!(bytes("/proc/self/stat", &KERNEL).is_ok_and(|bytes| !bytes.is_empty()), "a file of no size");
        assert!(bytes("/proc/self/stat", &SMALL).is_err());
    }

    #[test]
    fn limited_reader_fails_after_its_limit() {
        for (length, is_whole) in [(0, true), (4, true), (5, false), (1 << 20, false)] {
            let mut read = Vec::new();
            let result = limited(io::repeat(b'x').take(length), &SMALL).read_to_end(&mut read);
            assert_eq!(result.is_ok(), is_whole, "{length}");
            assert!(read.len() <= 5, "{length}");
        }
    }
}
