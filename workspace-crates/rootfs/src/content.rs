//! What a regular file holds: where its bytes are, their digest, and what they are to a closure.

use std::fmt::Write as _;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tierce_elf::Elf;

use crate::Error;

/// Bytes that the kernel looks at for `#!` (`BINPRM_BUF_SIZE`).
pub(crate) const HEAD: usize = 256;

/// A regular file's content, described.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileContent {
    /// Where the bytes are.
    pub source: Source,
    /// SHA-256 of the bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// What the bytes are.
    #[serde(default, skip_serializing_if = "Format::is_data")]
    pub format: Format,
}

/// Where a file's bytes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A range of the archive that the index describes.
    Archive {
        /// The first byte, from the beginning of the archive.
        offset: u64,
        /// Length in bytes.
        size: u64,
    },
    /// A file of the host: a program that was just built, an asset of the workspace.
    Host {
        /// Its path on the host.
        path: PathBuf,
    },
    /// A range of a file of the host: of a layer that was written before.
    Part {
        /// The file's path on the host.
        path: PathBuf,
        /// The first byte.
        offset: u64,
        /// Length in bytes.
        size: u64,
    },
    /// The bytes themselves, of a small file that was made for the image.
    Bytes(Vec<u8>),
}

/// What a file is to a closure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// An ELF file.
    Elf(Box<Elf>),
    /// A file that begins as an ELF file and is not one: harmless unless something needs it.
    MalformedElf {
        /// What is wrong with it.
        problem: String,
    },
    /// A file that the kernel hands to an interpreter.
    Script {
        /// The absolute path after `#!`.
        interpreter: String,
    },
    /// Anything else.
    #[default]
    Data,
}

impl Format {
    fn is_data(&self) -> bool {
        *self == Self::Data
    }

    /// What a file is that begins with `head` and is no ELF file.
    pub(crate) fn of_head(head: &[u8]) -> Self {
        let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let interpreter = line
            .strip_prefix(b"#!")
            .and_then(|rest| str::from_utf8(rest).ok())
            .and_then(|rest| rest.split([' ', '\t']).find(|word| !word.is_empty()))
            .filter(|path| path.starts_with('/') && !path.contains('\0'));
        interpreter.map_or(Self::Data, |path| Self::Script { interpreter: path.to_owned() })
    }

    /// What the bytes of `range` of a stream are, where `head` is their beginning.
    pub(crate) fn of(head: &[u8], stream: &mut (impl Read + Seek), range: std::ops::Range<u64>) -> Self {
        if !head.starts_with(b"\x7fELF") {
            return Self::of_head(head);
        }
        match Elf::read(stream, range) {
            Ok(Some(elf)) => Self::Elf(Box::new(elf)),
            Ok(None) => Self::Data,
            Err(error) => Self::MalformedElf { problem: error.to_string() },
        }
    }
}

impl FileContent {
    /// Describes bytes that were made for the image.
    #[must_use]
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        let format = Format::of(&bytes[..bytes.len().min(HEAD)], &mut Cursor::new(&bytes), 0..bytes.len() as u64);
        Self { sha256: hex(&Sha256::digest(&bytes)), source: Source::Bytes(bytes), format }
    }

    /// Describes a file of the host, which the caller has opened as `file` and whose SHA-256 it knows, and tells its size. Only
    /// what tells its format is read; it must not change until the image is written.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn of_host_file(path: PathBuf, file: &mut (impl Read + Seek), sha256: String) -> Result<(Self, u64), Error> {
        let mut head = Vec::new();
        let read = file.seek(SeekFrom::End(0)).and_then(|size| {
            file.seek(SeekFrom::Start(0))?;
            file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
            Ok(size)
        });
        let size = read.map_err(|source| Error::Read { what: format!("`{}`", path.display()), source })?;
        let format = Format::of(&head, file, 0..size);
        Ok((Self { source: Source::Host { path }, sha256, format }, size))
    }

    /// The ELF facts, if it is an ELF file.
    #[must_use]
    pub fn elf(&self) -> Option<&Elf> {
        if let Format::Elf(elf) = &self.format { Some(elf) } else { None }
    }
}

pub(crate) struct Digested {
    pub(crate) sha256: String,
    pub(crate) size: u64,
    pub(crate) head: Vec<u8>,
}

/// Reads up to `limit` bytes, or to the end, and keeps their digest and the first [`HEAD`] of them.
pub(crate) fn digest(reader: &mut impl Read, limit: u64) -> io::Result<Digested> {
    let mut buffer = vec![0; 128 << 10];
    let mut reader = reader.take(limit);
    let (mut hasher, mut size, mut head) = (Sha256::new(), 0, Vec::new());
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..count]);
        size += count as u64;
        head.extend(&buffer[..count.min(HEAD.saturating_sub(head.len()))]);
    }
    Ok(Digested { sha256: hex(&hasher.finalize()), size, head })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shebangs() {
        let script = |path: &str| Format::Script { interpreter: path.to_owned() };
        let cases: &[(&[u8], Format)] = &[
            (b"#!/bin/sh\n", script("/bin/sh")),
            (b"#! \t/usr/bin/env  python3\nx", script("/usr/bin/env")),
            (b"#!/bin/sh", script("/bin/sh")),
            (b"#!sh\n", Format::Data),
            (b"#!\n/bin/sh", Format::Data),
            (b"#!/bin/\xff\n", Format::Data),
            (b"# !/bin/sh", Format::Data),
            (b"", Format::Data),
        ];
        for (head, expected) in cases {
            assert_eq!(Format::of_head(head), *expected);
        }
    }

    #[test]
    fn bytes_and_host_files_are_described_alike() {
        let cases: &[&[u8]] = &[b"", b"#!/bin/sh\n", b"\x7fELF damaged beyond the header", &[7; 300_000]];
        for bytes in cases {
            let made = FileContent::of_bytes(bytes.to_vec());
            let (read, size) =
                FileContent::of_host_file("x".into(), &mut Cursor::new(bytes), hex(&Sha256::digest(bytes))).unwrap();
            assert_eq!((&made.sha256, &made.format, bytes.len() as u64), (&read.sha256, &read.format, size));
        }
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(FileContent::of_bytes(Vec::new()).sha256, empty);
    }
}
