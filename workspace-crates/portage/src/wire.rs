//! The checked texts of the resolver's answer and of the lock: digests, file names, addresses.

use std::fmt;
use std::str::FromStr;

use crate::syntax::{Fault, SyntaxError, name_type, quoted, text_serde};

/// A digest of `BYTES` bytes as lowercase hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HexDigest<const BYTES: usize>(String);

/// A SHA-256 digest.
pub type Sha256Hex = HexDigest<32>;

/// A SHA-512 or BLAKE2b-512 digest, the two of Gentoo's Manifest files (GLEP 74).
pub type Hex512 = HexDigest<64>;

impl<const BYTES: usize> HexDigest<BYTES> {
    /// Digits that were computed from as many bytes.
    pub(crate) fn checked(text: String) -> Self {
        debug_assert_eq!(text.len(), 2 * BYTES);
        Self(text)
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const BYTES: usize> FromStr for HexDigest<BYTES> {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        let other = text.find(|c: char| !matches!(c, '0'..='9' | 'a'..='f'));
        let fault = match other {
            Some(offset) => Fault::new(offset, "not a lowercase hexadecimal digit"),
            None if text.len() != 2 * BYTES => {
                Fault::new(text.len(), format!("{} digits instead of {}", text.len(), 2 * BYTES))
            }
            None => return Ok(Self(text.to_owned())),
        };
        Err(fault.of("digest", text))
    }
}

impl<const BYTES: usize> fmt::Display for HexDigest<BYTES> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

text_serde!(HexDigest<32>);
text_serde!(HexDigest<64>);

name_type! {
    /// The name of a file in a folder: no separator, no `.` or `..`, no control character.
    FileName, "file name", check_file_name
}

name_type! {
    /// A path below a folder: file names with `/` between them.
    RelativePath, "relative path", check_relative_path
}

name_type! {
    /// An address that the host can download: `http`, `https`, or `mirror` with the name of a mirror that the host
    /// knows; ASCII without spaces.
    SourceUri, "address", check_uri
}

name_type! {
    /// A path inside a root filesystem: absolute, without `.`, `..`, empty components or control characters.
    AbsolutePath, "path", check_absolute_path
}

impl AbsolutePath {
    /// A path of checked parts.
    pub(crate) fn checked(text: String) -> Self {
        debug_assert!(check_absolute_path(&text).is_ok());
        Self(text)
    }
}

/// The longest name of a file in Linux, in bytes.
const NAME_MAX: usize = 255;

fn check_file_name(text: &str) -> Result<(), Fault> {
    if let Some((offset, character)) = text.char_indices().find(|(_, c)| *c == '/' || c.is_control()) {
        return Err(Fault::new(offset, format!("{} is not allowed in a file name", quoted(character))));
    }
    match text {
        "" => Err(Fault::new(0, "the file name is missing")),
        "." | ".." => Err(Fault::new(0, "this names a folder")),
        _ if text.len() > NAME_MAX => Err(Fault::new(NAME_MAX, format!("longer than {NAME_MAX} bytes"))),
        _ => Ok(()),
    }
}

fn check_relative_path(text: &str) -> Result<(), Fault> {
    let mut offset = 0;
    for component in text.split('/') {
        check_file_name(component).map_err(|fault| fault.shifted(offset))?;
        offset += component.len() + 1;
    }
    Ok(())
}

fn check_absolute_path(text: &str) -> Result<(), Fault> {
    match text.strip_prefix('/') {
        None => Err(Fault::new(0, "not an absolute path")),
        Some("") => Ok(()),
        Some(rest) => check_relative_path(rest).map_err(|fault| fault.shifted(1)),
    }
}

fn check_uri(text: &str) -> Result<(), Fault> {
    let rest = ["https://", "http://", "mirror://"].into_iter().find_map(|scheme| text.strip_prefix(scheme));
    let Some(rest) = rest else {
        return Err(Fault::new(0, "it does not begin with `https://`, `http://` or `mirror://`"));
    };
    if let Some((offset, character)) = text.char_indices().find(|(_, c)| !c.is_ascii_graphic()) {
        return Err(Fault::new(offset, format!("{} is not allowed in an address", quoted(character))));
    }
    if rest.is_empty() || rest.starts_with('/') {
        return Err(Fault::new(text.len() - rest.len(), "the host is missing"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_checked() {
        for (text, valid) in [
            ("libpng_1.6.39.orig.tar.gz", true),
            ("a b", true),
            ("", false),
            ("..", false),
            ("../x", false),
            ("a\nb", false),
            ("a\0", false),
        ] {
            assert_eq!(text.parse::<FileName>().is_ok(), valid, "{text:?}");
        }
        assert!("x".repeat(256).parse::<FileName>().is_err());
    }

    #[test]
    fn relative_paths_are_checked() {
        for (text, valid) in [
            ("files/x.patch", true),
            ("files/../../x", false),
            ("/etc/passwd", false),
            ("files//x", false),
            ("files/", false),
        ] {
            assert_eq!(text.parse::<RelativePath>().is_ok(), valid, "{text:?}");
        }
    }

    #[test]
    fn absolute_paths_are_checked() {
        for (text, valid) in [
            ("/", true),
            ("/usr/lib64/a b", true),
            ("usr", false),
            ("//usr", false),
            ("/usr/..", false),
            ("/a\nb", false),
        ] {
            assert_eq!(text.parse::<AbsolutePath>().is_ok(), valid, "{text:?}");
        }
    }

    #[test]
    fn addresses_are_checked() {
        for (text, valid) in [
            ("https://example.org/a.tar.gz", true),
            ("http://example.org", true),
            ("mirror://debian/pool/main/z/zlib.tar.gz", true),
            ("ftp://example.org/a", false),
            ("file:///etc/passwd", false),
            ("https:///a", false),
            ("https://example.org/a b", false),
            ("https://example.org/\u{1b}[0m", false),
        ] {
            assert_eq!(text.parse::<SourceUri>().is_ok(), valid, "{text:?}");
        }
    }

    #[test]
    fn digests_are_checked() {
        assert!("a".repeat(64).parse::<Sha256Hex>().is_ok());
        assert!("a".repeat(63).parse::<Sha256Hex>().is_err());
        assert!("A".repeat(64).parse::<Sha256Hex>().is_err());
        assert!("a".repeat(128).parse::<Hex512>().is_ok());
    }
}
