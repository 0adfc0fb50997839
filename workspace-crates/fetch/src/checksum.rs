//! The digests that Debian's index, Gentoo's Manifests and PyPI give.

use std::io::{self, Read};

use blake2::Blake2b512;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha512};

/// A digest of a file, in hexadecimal digits of either case.
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
    /// The algorithm's name, as it is written in errors.
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

    /// Whether it is written as a digest of its algorithm is.
    pub(crate) fn is_valid(&self) -> bool {
        let length = self.hasher().output_size() * 2;
        self.expected().len() == length && self.expected().bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

/// A checksum that a file does not have.
pub(crate) struct Mismatch {
    pub(crate) algorithm: &'static str,
    pub(crate) expected: String,
    pub(crate) found: String,
}

/// Reads all of `reader` once and compares it with every checksum.
pub(crate) fn check(mut reader: impl Read, checksums: &[Checksum]) -> io::Result<Result<(), Mismatch>> {
    let mut hashers: Vec<_> = checksums.iter().map(|checksum| (checksum, checksum.hasher())).collect();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hashers.iter_mut().for_each(|(_, hasher)| hasher.update(&buffer[..count]));
    }
    for (checksum, hasher) in hashers {
        let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
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

    /// The digests of "abc" by the algorithms' own specifications.
    #[test]
    fn known_digests() {
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
    fn malformed_digests() {
        for checksum in
            [Checksum::Sha256("00".into()), Checksum::Sha512("x".repeat(128)), Checksum::Blake2b(String::new())]
        {
            assert!(!checksum.is_valid(), "{checksum:?}");
        }
    }
}
