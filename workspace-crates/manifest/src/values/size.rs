//! Sizes of files and images.

use std::{fmt, str::FromStr};

use crate::error::Fault;

/// A number of bytes, in the form that people write: `12 MB`, `1.5 GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(pub u64);

/// The units: those of Docker (powers of 1000) and those of the IEC (powers of 1024).
const UNITS: [(&str, u64); 8] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];
/// The most digits after the point: a tenth digit of a GB is less than a byte.
const MOST_DIGITS: usize = 9;

impl FromStr for ByteSize {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let fault = || {
            Fault::new(format!("`{}` is not a size", text.escape_debug()), "not a size")
                .help("write a number with its unit, such as \"12 MB\", \"1.5 GB\" or \"800 kB\"; MiB is 1024 times 1024 bytes")
        };
        let end = text.find(|character: char| !(character.is_ascii_digit() || character == '.')).ok_or_else(fault)?;
        let (number, unit) = text.split_at(end);
        let unit = unit.strip_prefix(' ').unwrap_or(unit);
        let factor = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(fault)?.1;
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || part.is_empty() || part.len() > MOST_DIGITS {
            return Err(fault());
        }
        let digits = |text: &str| text.parse::<u64>().map_err(|_| fault());
        // Round down to whole bytes.
        let part = u128::from(digits(part)?) * u128::from(factor) / 10_u128.pow(part.len() as u32);
        let bytes = u128::from(digits(whole)?) * u128::from(factor) + part;
        u64::try_from(bytes).ok().filter(|bytes| i64::try_from(*bytes).is_ok()).map(Self).ok_or_else(fault)
    }
}

impl fmt::Display for ByteSize {
    /// Writes the size in bytes; cache keys contain this text.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} B", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_units() {
        for (text, bytes) in [
            ("12 MB", 12_000_000),
            ("12MB", 12_000_000),
            ("1.5 MiB", 1_572_864),
            ("0.5 kB", 500),
            ("800 KB", 800_000),
            ("1.0009 kB", 1_000),
            ("0 B", 0),
            ("7 B", 7),
            ("2 GB", 2_000_000_000),
            ("1 GiB", 1 << 30),
        ] {
            assert_eq!(text.parse::<ByteSize>(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in [
            "",
            "12",
            "MB",
            "12 M",
            "12 mb",
            "-1 MB",
            "1,5 MB",
            "1. MB",
            ".5 MB",
            "1.2.3 MB",
            "12  MB",
            "12 MB ",
            "99999999999 GB",
            "1.0000000001 MB",
            "99999999999999999999 B",
        ] {
            assert!(text.parse::<ByteSize>().is_err(), "{text:?} passes");
        }
    }
}
