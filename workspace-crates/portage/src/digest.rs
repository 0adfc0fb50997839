//! SHA-256, the digest of all data that Tierce writes.

use sha2::{Digest as _, Sha256};

use crate::wire::Sha256Hex;

pub(crate) fn sha256(bytes: &[u8]) -> Sha256Hex {
    Sha256Hex::checked(hex::encode(Sha256::digest(bytes)))
}
