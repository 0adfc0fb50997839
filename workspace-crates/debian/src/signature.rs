//! Whether gpgv vouches for an `InRelease` file. The caller runs gpgv (`gpgv --status-fd 1 --keyring FILE --output TEXT
//! InRelease`, FILE with the bytes of [`KEYRING`]) and uses TEXT only if [`check`] accepts the status lines.

use crate::Error;

/// Debian's archive keys as a keyring file that gpgv takes: the automatic and the stable release keys of bookworm and
/// trixie, which sign bookworm's `InRelease`. From Debian's package debian-archive-keyring, freed of third-party
/// signatures.
pub const KEYRING: &[u8] = include_bytes!("../keys/debian-archive.gpg");

/// Accepts what gpgv printed to its status descriptor when at least one signature is good and none is bad.
///
/// gpgv's exit code is no answer: it is 2 as soon as one of several signatures comes from a key that the keyring lacks,
/// which is what happens when Debian starts to sign with the next release's key as well. A good signature by a key that
/// has expired or was revoked does not count.
///
/// # Errors
/// [`Error::Signature`] with the reason.
pub fn check(status: &str) -> Result<(), Error> {
    let mut good = false;
    let mut unknown = Vec::new();
    for line in status.lines().filter_map(|line| line.strip_prefix("[GNUPG:] ")) {
        let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
        match keyword {
            "GOODSIG" => good = true,
            "BADSIG" => {
                return Err(Error::Signature { why: format!("the signature by {rest} does not match the text") });
            }
            "EXPKEYSIG" => unknown.push(format!("{rest} has expired")),
            "REVKEYSIG" => unknown.push(format!("{rest} was revoked")),
            "EXPSIG" => unknown.push(format!("the signature by {rest} has expired")),
            "NO_PUBKEY" => unknown.push(format!("{rest} is not one of the known keys")),
            _ => {}
        }
    }
    match good {
        true => Ok(()),
        false if unknown.is_empty() => Err(Error::Signature { why: "it holds no signature".to_owned() }),
        false => Err(Error::Signature { why: unknown.join("; ") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines() {
        let good = "[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG 6ED0E7B82643E131 Debian\n[GNUPG:] VALIDSIG 4CB5\n";
        let unknown = "[GNUPG:] NEWSIG\n[GNUPG:] ERRSIG 78DB 1 8 01 1 9 B8E5\n[GNUPG:] NO_PUBKEY 78DBA3BC47EF2265\n";
        let expired = "[GNUPG:] EXPKEYSIG 6ED0E7B82643E131 Debian\n[GNUPG:] VALIDSIG 4CB5\n";
        let bad = "[GNUPG:] BADSIG 6ED0E7B82643E131 Debian\n";
        let cases = [
            (good.to_owned(), "accepted"),
            ([unknown, good].concat(), "accepted"),
            ([good, unknown].concat(), "accepted"),
            (
                unknown.to_owned(),
                "failed to verify the signature of `InRelease`: 78DBA3BC47EF2265 is not one of the known keys",
            ),
            (expired.to_owned(), "failed to verify the signature of `InRelease`: 6ED0E7B82643E131 Debian has expired"),
            (
                [good, bad].concat(),
                "failed to verify the signature of `InRelease`: the signature by 6ED0E7B82643E131 Debian does not match the text",
            ),
            (String::new(), "failed to verify the signature of `InRelease`: it holds no signature"),
            (
                "GOODSIG without the prefix".to_owned(),
                "failed to verify the signature of `InRelease`: it holds no signature",
            ),
        ];
        for (status, expected) in cases {
            let found = check(&status).map_or_else(|error| error.to_string(), |()| "accepted".to_owned());
            assert_eq!(found, expected);
        }
    }
}
