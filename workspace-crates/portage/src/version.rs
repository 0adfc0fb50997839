//! The versions of packages (PMS 3.2) and their order (PMS 3.3).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::syntax::{Fault, SyntaxError, quoted, text_serde};

/// A version with its revision: `1.6.39`, `3.0_rc2-r1`.
///
/// Equality and hash are the text's. The order is PMS 3.3's; versions that are equal there (`1` and `1-r0`) are ordered
/// by their text, so that the order agrees with equality. [`Version::compare`] is PMS 3.3 alone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version(String);

impl Version {
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        Parts::parse(text).map(|_| Self(text.to_owned()))
    }

    /// The version as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The version without its revision: `1.6.39` of `1.6.39-r2`. In PMS this is PV, the whole is PVR.
    pub fn without_revision(&self) -> &str {
        self.0.split_once("-r").map_or(&self.0, |(version, _)| version)
    }

    /// Version 0.
    pub(crate) fn zero() -> Self {
        Self("0".to_owned())
    }

    /// The version without its revision.
    pub(crate) fn base(&self) -> Self {
        Self(self.without_revision().to_owned())
    }

    /// The order of PMS 3.3, in which `1`, `01` and `1-r0` are equal.
    pub fn compare(&self, other: &Self) -> Ordering {
        // Both texts were parsed on creation, so they parse.
        match (Parts::parse(&self.0), Parts::parse(&other.0)) {
            (Ok(left), Ok(right)) => left.compare(&right),
            _ => self.0.cmp(&other.0),
        }
    }
}

impl FromStr for Version {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Self::parse(text).map_err(|fault| fault.of("version", text))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

text_serde!(Version);

/// Whether `text` is a version; names of packages must not end in one.
pub(crate) fn check_version(text: &str) -> Result<(), Fault> {
    Parts::parse(text).map(drop)
}

/// In the order of PMS 3.3; `None` is the end of the suffixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Suffix {
    Alpha,
    Beta,
    Pre,
    Rc,
    None,
    Patch,
}

#[derive(Debug)]
struct Parts<'a> {
    numbers: Vec<&'a str>,
    letter: Option<u8>,
    suffixes: Vec<(Suffix, &'a str)>,
    revision: &'a str,
}

impl<'a> Parts<'a> {
    fn parse(text: &'a str) -> Result<Self, Fault> {
        let mut scanner = Scanner { text, position: 0 };
        let mut numbers = vec![scanner.digits()];
        if numbers[0].is_empty() {
            return Err(Fault::new(0, "a version begins with a digit"));
        }
        while scanner.take(".") {
            let number = scanner.digits();
            if number.is_empty() {
                return Err(Fault::new(scanner.position, "a number must follow the `.` of a version"));
            }
            numbers.push(number);
        }
        let letter = scanner.letter();
        let mut suffixes = Vec::new();
        while scanner.take("_") {
            suffixes.push((scanner.suffix()?, scanner.digits()));
        }
        let mut revision = "";
        if scanner.take("-r") {
            revision = scanner.digits();
            if revision.is_empty() {
                return Err(Fault::new(scanner.position, "a number must follow the `-r` of a version"));
            }
        }
        match scanner.rest().chars().next() {
            None => Ok(Self { numbers, letter, suffixes, revision }),
            Some(other) => {
                Err(Fault::new(scanner.position, format!("{} is not allowed here in a version", quoted(other)))
                    .help("a version is like `1.2.3`, `1.2b`, `1.2_rc3` or `1.2.3-r1`"))
            }
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        compare_components(&self.numbers, &other.numbers)
            .then_with(|| self.letter.cmp(&other.letter))
            .then_with(|| compare_suffixes(&self.suffixes, &other.suffixes))
            .then_with(|| compare_integers(self.revision, other.revision))
    }
}

struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.position += token.len();
        }
        found
    }

    fn digits(&mut self) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        self.position += length;
        &rest[..length]
    }

    fn letter(&mut self) -> Option<u8> {
        let letter = self.rest().bytes().next().filter(u8::is_ascii_lowercase)?;
        self.position += 1;
        Some(letter)
    }

    fn suffix(&mut self) -> Result<Suffix, Fault> {
        // `pre` before `p`, its prefix.
        let known = [
            ("alpha", Suffix::Alpha),
            ("beta", Suffix::Beta),
            ("pre", Suffix::Pre),
            ("rc", Suffix::Rc),
            ("p", Suffix::Patch),
        ];
        known.into_iter().find(|(word, _)| self.take(word)).map(|(_, suffix)| suffix).ok_or_else(|| {
            Fault::new(self.position, "unknown suffix of a version")
                .help("the suffixes are `_alpha`, `_beta`, `_pre`, `_rc` and `_p`, each with an optional number")
        })
    }
}

/// PMS 3.3, algorithms 2 and 3: the first component is an integer; a later one with a leading zero is a fraction.
fn compare_components(left: &[&str], right: &[&str]) -> Ordering {
    for (index, (a, b)) in left.iter().zip(right).enumerate() {
        let fraction = index > 0 && (a.starts_with('0') || b.starts_with('0'));
        let order =
            if fraction { a.trim_end_matches('0').cmp(b.trim_end_matches('0')) } else { compare_integers(a, b) };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn compare_suffixes(left: &[(Suffix, &str)], right: &[(Suffix, &str)]) -> Ordering {
    for index in 0..left.len().max(right.len()) {
        let (a, a_number) = left.get(index).copied().unwrap_or((Suffix::None, ""));
        let (b, b_number) = right.get(index).copied().unwrap_or((Suffix::None, ""));
        let order = a.cmp(&b).then_with(|| compare_integers(a_number, b_number));
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

/// Compares integers of any length: a date with a time does not fit a machine word. The empty text is zero.
fn compare_integers(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn versions_follow_the_order_of_pms() {
        for (greater, smaller) in [
            ("6.0", "5.0"),
            ("5.0", "5"),
            ("1.0-r1", "1.0-r0"),
            ("1.0-r1", "1.0"),
            ("999999999999999999999999999999", "999999999999999999999999999998"),
            ("1.0.0", "1.0"),
            ("1.0.0", "1.0b"),
            ("1b", "1"),
            ("1b_p1", "1_p1"),
            ("1.1b", "1.1"),
            ("12.2.5", "12.2b"),
            ("5", "4.0"),
            ("1.0_p1", "1.0"),
            ("1.0_alpha", "1_alpha"),
            ("1.0_alpha1", "1.0_alpha"),
            ("1.0_beta3", "1.0_alpha3"),
            ("1.2", "1.2_pre7"),
            ("1.001000000000000000001", "1.001000000000000000001_alpha"),
            ("1.10", "1.9"),
            ("1.1", "1.09"),
            ("1_rc", "1_pre"),
            ("1_p0_p", "1_p0"),
            ("1_p0", "1_p0_rc1"),
        ] {
            assert_eq!(version(greater).compare(&version(smaller)), Ordering::Greater, "{greater} > {smaller}");
            assert_eq!(version(smaller).compare(&version(greater)), Ordering::Less, "{smaller} < {greater}");
        }
        for (left, right) in
            [("4.0", "4.0"), ("1.0", "1.0-r0"), ("1.0-r0", "1.0-r00"), ("01", "1"), ("1.010", "1.01"), ("1_p", "1_p0")]
        {
            assert_eq!(version(left).compare(&version(right)), Ordering::Equal, "{left} = {right}");
        }
    }

    #[test]
    fn malformed_versions_are_errors() {
        for (text, offset) in [
            ("", 0),
            ("a1", 0),
            ("1.", 2),
            ("1..2", 2),
            ("1.2-3", 3),
            ("1_foo", 2),
            ("1-r", 3),
            ("1ab", 2),
            ("1 ", 1),
            ("1.2~rc1", 3),
        ] {
            assert_eq!(Version::from_str(text).unwrap_err().offset(), offset, "{text}");
        }
    }

    #[test]
    fn revision_is_removed() {
        assert_eq!(version("1.2_rc3-r4").without_revision(), "1.2_rc3");
        assert_eq!(version("1.2_rc3").without_revision(), "1.2_rc3");
    }

    proptest! {
        #[test]
        fn versions_round_trip_and_compare(
            a in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}[a-z]?(_(alpha|beta|pre|rc|p)[0-9]{0,2}){0,2}(-r[0-9])?",
            b in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}[a-z]?(_(alpha|beta|pre|rc|p)[0-9]{0,2}){0,2}(-r[0-9])?",
        ) {
            let (x, y) = (version(&a), version(&b));
            prop_assert_eq!(x.to_string(), a);
            prop_assert_eq!(x.cmp(&y), y.cmp(&x).reverse());
        }

        #[test]
        fn never_panics(text in "\\PC{0,16}") {
            let _ = text.parse::<Version>();
        }
    }
}
