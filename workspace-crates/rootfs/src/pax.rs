//! The extended headers of POSIX.1-2001 (pax) as far as an archive of a root filesystem has them.

use std::collections::BTreeMap;

/// The values of one extended header for the next entry.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) xattrs: BTreeMap<String, Vec<u8>>,
}

impl Extension {
    /// Reads the records `LENGTH KEY=VALUE\n`. A value may contain any byte, newlines included. Later records win. Ignores keys
    /// that do not matter for an image (times, comments, vendors' keys).
    pub(crate) fn take(&mut self, mut records: &[u8]) -> Result<(), String> {
        while !records.is_empty() {
            let (key, value, rest) = record(records).ok_or("its extended header is malformed")?;
            records = rest;
            match key {
                "path" => self.path = Some(value.to_vec()),
                "linkpath" => self.link = Some(value.to_vec()),
                "size" => self.size = Some(number(key, value)?),
                "uid" => self.uid = Some(number(key, value)?),
                "gid" => self.gid = Some(number(key, value)?),
                _ if key.starts_with("GNU.sparse.") => return Err("sparse files are not supported".to_owned()),
                _ => {
                    if let Some(name) = key.strip_prefix("SCHILY.xattr.") {
                        self.xattrs.insert(name.to_owned(), value.to_vec());
                    }
                }
            }
        }
        Ok(())
    }
}

fn record(records: &[u8]) -> Option<(&str, &[u8], &[u8])> {
    let space = records.iter().take(8).position(|&byte| byte == b' ')?;
    let length: usize = str::from_utf8(&records[..space]).ok()?.parse().ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    Some((str::from_utf8(&record[..equals]).ok()?, &record[equals + 1..], rest))
}

fn number<N: std::str::FromStr>(key: &str, value: &[u8]) -> Result<N, String> {
    str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("the {key} `{}` of its extended header is not a number", value.escape_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records() {
        let xattr = BTreeMap::from([("security.capability".to_owned(), b"\x01\n=\0".to_vec())]);
        let cases: &[(&[u8], Result<Extension, &str>)] = &[
            (b"", Ok(Extension::default())),
            (b"9 path=x\n", Ok(Extension { path: Some(b"x".to_vec()), ..Extension::default() })),
            (b"9 path=x\n9 path=y\n", Ok(Extension { path: Some(b"y".to_vec()), ..Extension::default() })),
            (b"20 mtime=1.123456789\n", Err("its extended header is malformed")),
            (b"21 mtime=1.123456789\n", Ok(Extension::default())),
            (b"11 uid=70000\n", Err("its extended header is malformed")),
            (b"13 uid=70000\n", Ok(Extension { uid: Some(70_000), ..Extension::default() })),
            (b"9 uid=-1\n", Err("the uid `-1` of its extended header is not a number")),
            (b"40 SCHILY.xattr.security.capability=\x01\n=\0\n", Err("its extended header is malformed")),
            (
                b"41 SCHILY.xattr.security.capability=\x01\n=\0\n",
                Ok(Extension { xattrs: xattr, ..Extension::default() }),
            ),
            (b"22 GNU.sparse.major=1\n", Err("sparse files are not supported")),
            (b"99999999999999999999 path=x\n", Err("its extended header is malformed")),
            (b"0 path=x\n", Err("its extended header is malformed")),
        ];
        for (bytes, expected) in cases {
            let mut extension = Extension::default();
            let found = extension.take(bytes).map(|()| extension);
            assert_eq!(
                found.as_ref().map_err(String::as_str),
                expected.as_ref().map_err(|text| *text),
                "{}",
                bytes.escape_ascii()
            );
        }
    }

    proptest! {
        #[test]
        fn random_records_never_panic(bytes in proptest::collection::vec(prop_oneof![Just(b' '), Just(b'='), b'0'..=b'9', any::<u8>()], 0..64)) {
            let _ = Extension::default().take(&bytes);
        }
    }
}
