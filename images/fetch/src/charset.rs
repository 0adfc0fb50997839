//! Conversion by the C library.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;

/// A conversion descriptor, which drop closes.
struct Converter(libc::iconv_t);

impl Drop for Converter {
    fn drop(&mut self) {
        // SAFETY: the descriptor is open, and this is its only owner.
        unsafe { libc::iconv_close(self.0) };
    }
}

/// Converts text from `charset` to UTF-8.
pub(crate) fn to_utf8(charset: &str, text: &[u8]) -> io::Result<Vec<u8>> {
    let from = CString::new(charset)?;
    // SAFETY: both names end with a zero byte.
    let descriptor = unsafe { libc::iconv_open(c"UTF-8".as_ptr(), from.as_ptr()) };
    if descriptor as isize == -1 {
        return Err(io::Error::last_os_error());
    }
    let converter = Converter(descriptor);
    // No character of another set is longer in UTF-8 than this.
    let mut converted = vec![0_u8; text.len() * 6 + 16];
    let (mut input, mut input_left) = (text.as_ptr().cast_mut().cast(), text.len());
    let (mut output, mut output_left) = (converted.as_mut_ptr().cast(), converted.len());
    // SAFETY: each pointer has as many bytes behind it as its counter says; iconv does not write to its input.
    let count = unsafe { libc::iconv(converter.0, &mut input, &mut input_left, &mut output, &mut output_left) };
    if count == usize::MAX {
        return Err(io::Error::last_os_error());
    }
    converted.truncate(converted.len() - output_left);
    Ok(converted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_converted() {
        assert_eq!(to_utf8("ISO-8859-15", b"\xa4 5").expect("known"), "€ 5".as_bytes());
        assert_eq!(to_utf8("UTF-8", b"").expect("known"), b"");
        for (charset, text) in [("no-such-set", &b"x"[..]), ("UTF-8", b"\xff"), ("a\0b", b"x")] {
            assert!(to_utf8(charset, text).is_err(), "{charset:?}");
        }
    }
}
