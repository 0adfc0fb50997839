//! Debian's versions and their order (Debian policy 5.6.12).

use std::cmp::Ordering;
use std::fmt;

use crate::Error;

/// A version `[epoch:]upstream[-revision]`, in the order of Debian policy 5.6.12.
///
/// Equal versions may have different texts ("1.0" and "1.0-0", "1.0" and "0:1.00").
#[derive(Debug, Clone, Copy)]
pub struct Version<'t> {
    text: &'t str,
    epoch: u32,
    upstream: &'t str,
    revision: &'t str,
}

impl<'t> Version<'t> {
    /// Parses a version.
    ///
    /// # Errors
    /// [`Error::Version`] if it is empty, its epoch is not a number, or it has a character that is not allowed.
    pub fn parse(text: &'t str) -> Result<Self, Error> {
        let error = |why| Error::Version { version: text.to_owned(), why };
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => {
                (epoch.parse().map_err(|_| error("the epoch is not a number of at most 32 bits"))?, rest)
            }
            Some(_) => return Err(error("the epoch is not a number of at most 32 bits")),
            None => (0, text),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        if upstream.is_empty() {
            return Err(error("the upstream version is missing"));
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".+-~:".contains(&byte);
        if !rest.bytes().all(allowed) {
            return Err(error("only letters, digits and . + - ~ : are allowed"));
        }
        Ok(Self { text, epoch, upstream, revision })
    }

    /// Upstream's version, without the epoch: "1.2.13.dfsg" of "1:1.2.13.dfsg-1".
    pub fn upstream(&self) -> &'t str {
        self.upstream
    }

    /// The part after upstream's version: "1" of "1:1.2.13.dfsg-1"; empty for a native package.
    pub fn revision(&self) -> &'t str {
        self.revision
    }

    /// The version's text, unchanged.
    pub fn as_str(&self) -> &'t str {
        self.text
    }
}

impl fmt::Display for Version<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text)
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_part(self.upstream.as_bytes(), other.upstream.as_bytes()))
            .then_with(|| compare_part(self.revision.as_bytes(), other.revision.as_bytes()))
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version<'_> {}

/// Compares two upstream versions or two revisions: alternately a part without digits and a number.
fn compare_part(mut left: &[u8], mut right: &[u8]) -> Ordering {
    loop {
        if left.is_empty() && right.is_empty() {
            return Ordering::Equal;
        }
        let (left_text, left_rest) = split(left, |byte| !byte.is_ascii_digit());
        let (right_text, right_rest) = split(right, |byte| !byte.is_ascii_digit());
        let (left_number, left_rest) = split(left_rest, |byte| byte.is_ascii_digit());
        let (right_number, right_rest) = split(right_rest, |byte| byte.is_ascii_digit());
        let order = compare_text(left_text, right_text).then_with(|| compare_number(left_number, right_number));
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

fn split(text: &[u8], inside: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|&byte| !inside(byte)).unwrap_or(text.len()))
}

/// Compares two parts without digits: `~` sorts before the end, the end before letters, letters before the rest.
fn compare_text(left: &[u8], right: &[u8]) -> Ordering {
    let weight = |byte: Option<&u8>| match byte {
        Some(b'~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(*letter),
        Some(other) => i32::from(*other) + 256,
    };
    (0..left.len().max(right.len()))
        .map(|at| weight(left.get(at)).cmp(&weight(right.get(at))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// Compares numbers of any length: a date with time does not fit any integer.
fn compare_number(left: &[u8], right: &[u8]) -> Ordering {
    let (_, left) = split(left, |byte| byte == b'0');
    let (_, right) = split(right, |byte| byte == b'0');
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Each line rises from left to right; `dpkg --compare-versions` agrees with every pair.
    #[test]
    fn versions_order_like_dpkg() {
        let rising = [
            "~~",
            "~~a",
            "~",
            "0",
            "0.0.0.1~rc1",
            "0.9",
            "0.10",
            "1~rc1-1",
            "1",
            "1-0a",
            "1-1",
            "1-1+b1",
            "1-1.1",
            "1a",
            "1+",
            "1+dfsg-1",
            "1.0",
            "1.0a",
            "1.0+b",
            "1.0.1",
            "2.31-13+deb11u5",
            "2.31-13+deb11u10",
            "20091231",
            "20230311",
            "99999999999999999999999999",
            "100000000000000000000000000",
            "1:0.1",
            "1:1-1",
            "2:0",
        ];
        for (at, left) in rising.iter().enumerate() {
            for (other, right) in rising.iter().enumerate() {
                let (left_version, right_version) = (Version::parse(left).unwrap(), Version::parse(right).unwrap());
                assert_eq!(left_version.cmp(&right_version), at.cmp(&other), "{left} against {right}");
            }
        }
    }

    #[test]
    fn different_texts_compare_equal() {
        for (left, right) in [("1.0", "1.0-0"), ("1.0", "0:1.0"), ("1.0", "1.00"), ("1.0-1", "1.0-01"), ("1.", "1.0")] {
            assert_eq!(Version::parse(left).unwrap(), Version::parse(right).unwrap(), "{left} = {right}");
        }
    }

    #[test]
    fn invalid_versions_are_errors() {
        for text in ["", ":1", "a:1", "-1", "1:", "1 2", "1_2", "99999999999:1", "ü"] {
            let result = Version::parse(text);
            // ":1" has an empty epoch, which is not a number.
            assert!(result.is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn order_is_total(a in "[0-2a~+.]{1,6}(-[0-2a~]{1,3})?", b in "[0-2a~+.]{1,6}(-[0-2a~]{1,3})?", c in "[0-2a~+.]{1,6}") {
            let (a, b, c) = (Version::parse(&a).unwrap(), Version::parse(&b).unwrap(), Version::parse(&c).unwrap());
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
        }
    }
}
