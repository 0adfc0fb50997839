//! libexif: how the camera was held.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_uchar, c_uint, c_ulong, c_void};
use std::ptr::NonNull;

use crate::bitmap::Orientation;

/// `EXIF_IFD_0`: the directory that describes the main image.
const IFD_0: usize = 0;
/// `EXIF_IFD_COUNT`.
const IFD_COUNT: usize = 5;
/// `EXIF_TAG_ORIENTATION`.
const TAG_ORIENTATION: c_int = 0x0112;
/// `EXIF_FORMAT_SHORT`.
const FORMAT_SHORT: c_int = 3;

/// `struct _ExifData` of libexif/exif-data.h, whose layout is part of the interface of libexif.so.12.
#[repr(C)]
struct ExifData {
    ifd: [*mut c_void; IFD_COUNT],
    data: *mut c_uchar,
    size: c_uint,
    private: *mut c_void,
}

/// `struct _ExifEntry` of libexif/exif-entry.h.
#[repr(C)]
struct ExifEntry {
    tag: c_int,
    format: c_int,
    components: c_ulong,
    data: *mut c_uchar,
    size: c_uint,
    parent: *mut c_void,
    private: *mut c_void,
}

unsafe extern "C" {
    fn exif_data_new_from_data(data: *const c_uchar, size: c_uint) -> *mut ExifData;
    fn exif_data_unref(data: *mut ExifData);
    fn exif_data_get_byte_order(data: *mut ExifData) -> c_int;
    fn exif_content_get_entry(content: *mut c_void, tag: c_int) -> *mut ExifEntry;
    fn exif_get_short(bytes: *const c_uchar, order: c_int) -> u16;
}

/// Owns libexif's view of a file.
struct Tags(NonNull<ExifData>);

impl Drop for Tags {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `exif_data_new_from_data`, and this is the only reference to it.
        unsafe { exif_data_unref(self.0.as_ptr()) }
    }
}

/// Returns the orientation in a JPEG file's EXIF segment; upright if it has none or an unreadable one.
pub(crate) fn orientation(jpeg: &[u8]) -> Orientation {
    tag(jpeg).map(Orientation::from_tag).unwrap_or_default()
}

fn tag(jpeg: &[u8]) -> Option<u16> {
    let size = c_uint::try_from(jpeg.len()).ok()?;
    // SAFETY: `jpeg` is readable for `size` bytes, and libexif copies what it keeps.
    let tags = Tags(NonNull::new(unsafe { exif_data_new_from_data(jpeg.as_ptr(), size) })?);
    // SAFETY: `tags` is alive, and its directories are made together with it.
    let directory = NonNull::new(unsafe { tags.0.as_ref() }.ifd[IFD_0])?;
    // SAFETY: the directory belongs to `tags`, which is alive.
    let entry = NonNull::new(unsafe { exif_content_get_entry(directory.as_ptr(), TAG_ORIENTATION) })?;
    // SAFETY: the entry belongs to `tags`, which outlives this reference.
    let entry = unsafe { entry.as_ref() };
    if entry.format != FORMAT_SHORT || entry.components < 1 || entry.size < 2 || entry.data.is_null() {
        return None;
    }
    // SAFETY: `tags` is alive, and `entry.data` has at least the two bytes that were asked for above.
    Some(unsafe { exif_get_short(entry.data, exif_data_get_byte_order(tags.0.as_ptr())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a JPEG file up to and with an EXIF segment that has one entry.
    fn jpeg(order: &[u8; 2], entry: [u8; 12]) -> Vec<u8> {
        let big = order == b"MM";
        let short = |value: u16| {
            if big { value.to_be_bytes() } else { value.to_le_bytes() }
        };
        let long = |value: u32| {
            if big { value.to_be_bytes() } else { value.to_le_bytes() }
        };
        let mut segment = b"Exif\0\0".to_vec();
        segment.extend_from_slice(order);
        segment.extend(short(42));
        segment.extend(long(8));
        segment.extend(short(1));
        segment.extend(entry);
        segment.extend(long(0));
        let mut file = vec![0xff, 0xd8, 0xff, 0xe1];
        file.extend((segment.len() as u16 + 2).to_be_bytes());
        file.extend(segment);
        file.extend([0xff, 0xd9]);
        file
    }

    #[test]
    fn the_orientation_is_read_in_either_byte_order() {
        let big = jpeg(b"MM", [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]);
        let little = jpeg(b"II", [0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
        assert_eq!(tag(&big), Some(6));
        assert_eq!(tag(&little), Some(6));
    }

    #[test]
    fn damaged_exif_counts_as_upright() {
        let whole = jpeg(b"MM", [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]);
        // A count and a format that do not fit, and a count far past the end.
        let wrong = [
            jpeg(b"MM", [0x01, 0x12, 0, 2, 0, 0, 0, 1, 0, 6, 0, 0]),
            jpeg(b"MM", [0x01, 0x12, 0, 3, 0, 0, 0, 0, 0, 6, 0, 0]),
            jpeg(b"MM", [0x01, 0x12, 0, 3, 0xff, 0xff, 0xff, 0xff, 0, 6, 0, 0]),
        ];
        for file in wrong {
            assert_eq!(orientation(&file), Orientation::default());
        }
        for end in 0..whole.len() - 6 {
            // Cut anywhere: read or not, but neither a crash nor a read past the end.
            let _ = orientation(&whole[..end]);
        }
        assert_eq!(orientation(b""), Orientation::default());
        assert_eq!(orientation(b"not a picture"), Orientation::default());
    }
}
