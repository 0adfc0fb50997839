//! One tar header: the 512 bytes of POSIX ustar, and PAX records for values that do not fit.
//!
//! The format is POSIX.1-2001 pax: plain ustar if possible, an extended header (`x`) only if a path, a link, a number or an
//! extended attribute needs one. Times are whole seconds; owners have numbers and no names.

use std::collections::BTreeMap;

/// Size of a header and unit of an archive, in bytes.
pub(crate) const BLOCK: usize = 512;

/// Prefix of the PAX keyword of an extended attribute, as GNU tar, libarchive and container engines write and read
/// it.
const XATTR_PREFIX: &str = "SCHILY.xattr.";

/// Name of the extended headers themselves. Readers ignore it; a constant keeps archives reproducible.
const PAX_NAME: &str = "././@PaxHeader";

const NAME: std::ops::Range<usize> = 0..100;
const MODE: std::ops::Range<usize> = 100..108;
const UID: std::ops::Range<usize> = 108..116;
const GID: std::ops::Range<usize> = 116..124;
const SIZE: std::ops::Range<usize> = 124..136;
const MTIME: std::ops::Range<usize> = 136..148;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const TYPE: usize = 156;
const LINK: std::ops::Range<usize> = 157..257;
const MAGIC: std::ops::Range<usize> = 257..265;
const DEVICE_MAJOR: std::ops::Range<usize> = 329..337;
const DEVICE_MINOR: std::ops::Range<usize> = 337..345;
const PREFIX: std::ops::Range<usize> = 345..500;

/// The type flags of ustar and pax that an image needs.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum EntryType {
    File = b'0',
    HardLink = b'1',
    Symlink = b'2',
    Directory = b'5',
    Extended = b'x',
}

/// The values of one header, whether or not they fit into ustar.
pub(crate) struct Header<'a> {
    /// Relative name as archived; a directory's ends with `/`.
    pub(crate) name: &'a str,
    pub(crate) entry_type: EntryType,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Bytes of content that follow.
    pub(crate) size: u64,
    /// Seconds since 1970.
    pub(crate) mtime: u64,
    /// Target of a link as archived, or empty.
    pub(crate) link: &'a str,
}

impl<'a> Header<'a> {
    /// The header of `size` bytes of PAX records.
    pub(crate) fn extended(size: u64, mtime: u64) -> Header<'a> {
        Header { name: PAX_NAME, entry_type: EntryType::Extended, mode: 0o644, uid: 0, gid: 0, size, mtime, link: "" }
    }

    /// Returns the PAX records for the values that ustar cannot hold; empty for most entries.
    pub(crate) fn pax_records(&self, xattrs: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
        let mut records = Vec::new();
        if split_name(self.name).is_none() {
            push_record(&mut records, "path", self.name.as_bytes());
        }
        if !fits_link(self.link) {
            push_record(&mut records, "linkpath", self.link.as_bytes());
        }
        for (keyword, value, field) in [
            ("gid", u64::from(self.gid), GID),
            ("mtime", self.mtime, MTIME),
            ("size", self.size, SIZE),
            ("uid", u64::from(self.uid), UID),
        ] {
            if !fits_octal(value, field.len()) {
                push_record(&mut records, keyword, value.to_string().as_bytes());
            }
        }
        for (name, value) in xattrs {
            push_record(&mut records, &format!("{XATTR_PREFIX}{name}"), value);
        }
        records
    }

    /// Returns the ustar block. A value that does not fit is replaced by a harmless one, which the PAX record overrides.
    pub(crate) fn block(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        match split_name(self.name) {
            Some((prefix, name)) => {
                put(&mut block[PREFIX], prefix.as_bytes());
                put(&mut block[NAME], name.as_bytes());
            }
            None => put_ascii(&mut block[NAME], self.name),
        }
        if fits_link(self.link) {
            put(&mut block[LINK], self.link.as_bytes());
        } else {
            put_ascii(&mut block[LINK], self.link);
        }
        for (value, field) in [
            (u64::from(self.mode), MODE),
            (u64::from(self.uid), UID),
            (u64::from(self.gid), GID),
            (self.size, SIZE),
            (self.mtime, MTIME),
            (0, DEVICE_MAJOR),
            (0, DEVICE_MINOR),
        ] {
            put_octal(&mut block[field], value);
        }
        block[TYPE] = self.entry_type as u8;
        block[MAGIC].copy_from_slice(b"ustar\x0000");
        // The checksum counts its own field as blanks, and is written as six digits, NUL, blank.
        block[CHECKSUM].fill(b' ');
        let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
        put_octal(&mut block[CHECKSUM.start..CHECKSUM.end - 1], sum);
        block
    }
}

/// Splits a name into ustar's prefix and name. Returns `None` if it needs a PAX record.
fn split_name(name: &str) -> Option<(&str, &str)> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= NAME.len() {
        return Some(("", name));
    }
    // The slash between prefix and name is not stored. A directory's own last slash cannot be it: the name would be
    // empty.
    let body = name.strip_suffix('/').unwrap_or(name);
    let slash = body.as_bytes()[..body.len().min(PREFIX.len() + 1)].iter().rposition(|&byte| byte == b'/')?;
    let (prefix, rest) = (&name[..slash], &name[slash + 1..]);
    (!prefix.is_empty() && rest.len() <= NAME.len()).then_some((prefix, rest))
}

fn fits_link(link: &str) -> bool {
    link.is_ascii() && link.len() <= LINK.len()
}

/// Whether a number fits into an octal field of this width, whose last byte is NUL.
fn fits_octal(value: u64, width: usize) -> bool {
    value < 1 << (3 * (width - 1))
}

fn put(field: &mut [u8], bytes: &[u8]) {
    field[..bytes.len()].copy_from_slice(bytes);
}

fn put_ascii(field: &mut [u8], text: &str) {
    for (target, &byte) in field.iter_mut().zip(text.as_bytes()) {
        *target = if byte.is_ascii() { byte } else { b'_' };
    }
}

fn put_octal(field: &mut [u8], value: u64) {
    let digits = field.len() - 1;
    let mut rest = if fits_octal(value, field.len()) { value } else { 0 };
    for byte in field[..digits].iter_mut().rev() {
        *byte = b'0' + (rest & 7) as u8;
        rest >>= 3;
    }
    field[digits] = 0;
}

/// Appends `"<length> <keyword>=<value>\n"`, where the length counts itself.
fn push_record(records: &mut Vec<u8>, keyword: &str, value: &[u8]) {
    let rest = keyword.len() + value.len() + 3;
    let mut length = rest;
    while rest + decimal_digits(length) != length {
        length = rest + decimal_digits(length);
    }
    records.extend_from_slice(format!("{length} {keyword}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn decimal_digits(number: usize) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_split(name: &str) -> Option<(usize, usize)> {
        split_name(name).map(|(prefix, name)| (prefix.len(), name.len()))
    }

    #[test]
    fn names_are_split_for_ustar() {
        let long = |length: usize| "n".repeat(length);
        let cases: [(String, Option<(usize, usize)>); 12] = [
            ("usr/".into(), Some((0, 4))),
            (long(100), Some((0, 100))),
            (long(101), None),
            (format!("{}/", long(99)), Some((0, 100))),
            (format!("{}/", long(100)), None),
            (format!("{}/{}", long(155), long(100)), Some((155, 100))),
            (format!("{}/{}", long(155), long(101)), None),
            (format!("{}/{}", long(156), long(99)), None),
            (format!("{}/{}/", long(155), long(99)), Some((155, 100))),
            (format!("{}/{}/", long(155), long(100)), None),
            (format!("a/{}/{}", long(90), long(60)), Some((92, 60))),
            ("größe".into(), None),
        ];
        for (name, expected) in cases {
            assert_eq!(name_split(&name), expected, "{name}");
        }
    }

    #[test]
    fn records_count_their_own_length() {
        let record = |keyword: &str, value: &str| {
            let mut records = Vec::new();
            push_record(&mut records, keyword, value.as_bytes());
            String::from_utf8(records).unwrap()
        };
        assert_eq!(record("k", "v"), "6 k=v\n");
        assert_eq!(record("path", "é"), "11 path=é\n");
        for length in [0, 1, 2, 3, 4, 5, 90, 91, 92, 93, 94, 95, 988, 989, 990, 991, 9_985, 9_990, 70_000] {
            let text = record("k", &"v".repeat(length));
            let (stated, _) = text.split_once(' ').unwrap();
            assert_eq!(stated.parse::<usize>().unwrap(), text.len(), "value of {length} bytes");
        }
    }

    fn header() -> Header<'static> {
        let entry_type = EntryType::File;
        Header { name: "bin/su", entry_type, mode: 0o4755, uid: 0, gid: 0, size: 7, mtime: 1_000_000_000, link: "" }
    }

    #[test]
    fn plain_header_has_no_records() {
        assert!(header().pax_records(&BTreeMap::new()).is_empty());
        let block = header().block();
        insta::assert_snapshot!(block[..NAME.len()].escape_ascii().to_string().trim_end_matches("\\x00"), @"bin/su");
        let numbers = block[MODE.start..CHECKSUM.end].escape_ascii();
        insta::assert_snapshot!(numbers, @r#"0004755\x000000000\x000000000\x0000000000007\x0007346545000\x00010375\x00"#);
        insta::assert_snapshot!(block[TYPE..=TYPE].escape_ascii(), @"0");
        insta::assert_snapshot!(block[MAGIC].escape_ascii(), @r#"ustar\x0000"#);
    }

    #[test]
    fn records_hold_values_beyond_ustar() {
        let long = "l".repeat(101);
        let cases: [(Header<'_>, &str); 9] = [
            (Header { uid: 0o7_777_777, ..header() }, ""),
            (Header { uid: 0o10_000_000, ..header() }, "15 uid=2097152\n"),
            (Header { gid: u32::MAX, ..header() }, "18 gid=4294967295\n"),
            (Header { size: (8 << 30) - 1, ..header() }, ""),
            (Header { size: 8 << 30, ..header() }, "19 size=8589934592\n"),
            (Header { mtime: 8 << 30, ..header() }, "20 mtime=8589934592\n"),
            (Header { link: "lib.so", ..header() }, ""),
            (Header { link: "ü", ..header() }, "15 linkpath=ü\n"),
            (Header { name: "ü/é", ..header() }, "14 path=ü/é\n"),
        ];
        for (header, expected) in cases {
            let records = header.pax_records(&BTreeMap::new());
            assert_eq!(String::from_utf8(records).unwrap(), expected);
        }
        let records = Header { link: &long, ..header() }.pax_records(&BTreeMap::new());
        assert_eq!(String::from_utf8(records).unwrap(), format!("115 linkpath={long}\n"));
        let block = Header { name: "ü/é", size: 8 << 30, ..header() }.block();
        assert_eq!(&block[..8], b"__/__\0\0\0");
        assert_eq!(&block[SIZE], b"00000000000\0");
    }

    #[test]
    fn attributes_keep_their_bytes() {
        let xattrs = BTreeMap::from([
            ("security.capability".to_owned(), vec![1, 0, 0, 2, 0, 4]),
            ("user.empty".to_owned(), Vec::new()),
        ]);
        let records = header().pax_records(&xattrs);
        let lines = records.escape_ascii().to_string().replace("\\n", "\n");
        insta::assert_snapshot!(lines, @r#"
        43 SCHILY.xattr.security.capability=\x01\x00\x00\x02\x00\x04
        28 SCHILY.xattr.user.empty=
        "#);
    }
}
