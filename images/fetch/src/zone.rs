//! The time in a zone, by the C library.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::mem::MaybeUninit;

/// Returns the date, time, offset and name of a zone now. For an unknown zone, the C library takes the given name and no
/// offset.
pub(crate) fn now(zone: &str) -> Option<String> {
    let zone = CString::new(zone).ok()?;
    let mut text = [0_u8; 64];
    // SAFETY: this program has one thread, so no other one reads the environment meanwhile; strings end with a zero byte;
    // strftime gets the size of the buffer.
    let length = unsafe {
        if libc::setenv(c"TZ".as_ptr(), zone.as_ptr(), 1) != 0 {
            return None;
        }
        let now = libc::time(std::ptr::null_mut());
        let mut broken_down = MaybeUninit::<libc::tm>::uninit();
        if libc::localtime_r(&now, broken_down.as_mut_ptr()).is_null() {
            return None;
        }
        libc::strftime(text.as_mut_ptr().cast(), text.len(), c"%Y-%m-%d %H:%M:%S %z %Z".as_ptr(), broken_down.as_ptr())
    };
    String::from_utf8(text[..length].to_vec()).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_its_offset_and_name() {
        let now = now("<+03>-3").expect("a zone in POSIX's own words");
        assert!(now.ends_with(" +0300 +03"), "{now}");
    }
}
