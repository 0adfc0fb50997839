//! Digests of Debian's index, Gentoo's Manifests and PyPI.

use std::io::{self, BufReader, Read, Write};

use blake2::Blake2b512;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha512};

/// The expected digest of a file, in hexadecimal digits of either case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-256: Debian, PyPI.
    Sha256(String),
    /// SHA-512: Gentoo.
    Sha512(String),
    /// BLAKE2b with 512 bits: Gentoo's BLAKE2B.
    Blake2b(String),
}

impl Checksum {
    /// The algorithm's name, for errors.
    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Sha256(_) => "SHA-256",
            Self::Sha512(_) => "SHA-512",
            Self::Blake2b(_) => "BLAKE2b",
        }
    }

    fn expected(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::Sha512(hex) | Self::Blake2b(hex) => hex,
        }
    }

    fn hasher(&self) -> Box<dyn DynDigest> {
        match self {
            Self::Sha256(_) => Box::new(Sha256::default()),
            Self::Sha512(_) => Box::new(Sha512::default()),
            Self::Blake2b(_) => Box::new(Blake2b512::default()),
        }
    }

    /// Whether it has the length and the digits of its algorithm.
    pub(crate) fn is_valid(&self) -> bool {
        let length = self.hasher().output_size() * 2;
        self.expected().len() == length && self.expected().bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

/// The size and the digests of a file, as a Manifest of Gentoo has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// Its size in bytes.
    pub size: u64,
    /// Its BLAKE2b digest with 512 bits, in lowercase hexadecimal digits.
    pub blake2b: String,
    /// Its SHA-512 digest, in lowercase hexadecimal digits.
    pub sha512: String,
}

/// Reads all of `reader` and returns its digests.
///
/// # Errors
/// Those of the reader.
pub fn digests(reader: impl Read) -> io::Result<Digests> {
    let (blake2b, sha512) = (Checksum::Blake2b(String::new()), Checksum::Sha512(String::new()));
    let mut hashers = Hashers([&blake2b, &sha512].map(|checksum| (checksum, checksum.hasher())).into());
    let size = io::copy(&mut BufReader::with_capacity(128 << 10, reader), &mut hashers)?;
    let mut found = hashers.0.into_iter().map(|(_, hasher)| hex::encode(hasher.finalize()));
    let mut next = || found.next().unwrap_or_default();
    Ok(Digests { size, blake2b: next(), sha512: next() })
}

/// A checksum that a file does not have.
pub(crate) struct Mismatch {
    pub(crate) algorithm: &'static str,
    pub(crate) expected: String,
    pub(crate) found: String,
}

/// Passes every byte to each hasher.
struct Hashers<'c>(Vec<(&'c Checksum, Box<dyn DynDigest>)>);

impl Write for Hashers<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.iter_mut().for_each(|(_, hasher)| hasher.update(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads all of `reader` once and compares it with every checksum.
pub(crate) fn check(reader: impl Read, checksums: &[Checksum]) -> io::Result<Result<(), Mismatch>> {
    let mut hashers = Hashers(checksums.iter().map(|checksum| (checksum, checksum.hasher())).collect());
    // `io::copy` copies through this buffer instead of its own one of 8 KiB.
    io::copy(&mut BufReader::with_capacity(128 << 10, reader), &mut hashers)?;
    for (checksum, hasher) in hashers.0 {
        let found = hex::encode(hasher.finalize());
        if !found.eq_ignore_ascii_case(checksum.expected()) {
            let expected = checksum.expected().to_ascii_lowercase();
            return Ok(Err(Mismatch { algorithm: checksum.algorithm(), expected, found }));
        }
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digests of "abc" are those of the specifications.
    #[test]
    fn published_digests_match() {
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
            2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";
        let blake2b = "BA80A53F981C4D0D6A2797B69F12F6E94C212F14685AC4B74B12BB6FDBFFA2D1\
            7D87C5392AAB792DC252D5DE4533CC9518D38AA8DBF1925AB92386EDD4009923";
        let all = [Checksum::Sha256(sha256.into()), Checksum::Sha512(sha512.into()), Checksum::Blake2b(blake2b.into())];
        assert!(all.iter().all(Checksum::is_valid));
        assert!(check(&b"abc"[..], &all).unwrap().is_ok());
        let mismatch = check(&b"abd"[..], &all[1..]).unwrap().err().unwrap();
        assert_eq!((mismatch.algorithm, mismatch.expected.as_str()), ("SHA-512", sha512));
    }

    #[test]
    fn digests_satisfy_their_checksums() {
        let Digests { size, blake2b, sha512 } = digests(&b"abc"[..]).unwrap();
        assert_eq!(size, 3);
        assert!(check(&b"abc"[..], &[Checksum::Blake2b(blake2b), Checksum::Sha512(sha512)]).unwrap().is_ok());
    }

    #[test]
    fn malformed_digests_are_invalid() {
        for checksum in
            [Checksum::Sha256("00".into()), Checksum::Sha512("x".repeat(128)), Checksum::Blake2b(String::new())]
        {
            assert!(!checksum.is_valid(), "{checksum:?}");
        }
    }
}
