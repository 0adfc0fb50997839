//! SHA-256, the digest of everything that Tierce makes itself.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::wire::Sha256Hex;

pub(crate) fn sha256(bytes: &[u8]) -> Sha256Hex {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    Sha256Hex::checked(text)
}
