//! libjpeg-turbo through its TurboJPEG interface, as of version 2.1 (version 3 still has it).
//!
//! TurboJPEG turns libjpeg's `exit` on errors into return values, so hostile input ends neither the process nor a
//! stack frame of Rust's.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_uchar, c_ulong, c_void};
use std::ptr::NonNull;

use crate::bitmap::{Bitmap, CHANNELS};
use crate::thumbnail::{Error, Format};

/// `TJPF_RGBA`; the alpha is set to 255.
const PIXELS_RGBA: c_int = 7;
/// `TJPF_CMYK`.
const PIXELS_CMYK: c_int = 11;
/// `TJCS_CMYK`.
const COLOURS_CMYK: c_int = 3;
/// `TJCS_YCCK`.
const COLOURS_YCCK: c_int = 4;
/// `TJFLAG_LIMITSCANS`: at most 500 scans of a progressive file; each scan costs a pass over all pixels.
const LIMIT_SCANS: c_int = 32_768;
/// `TJERR_WARNING`: the pixels were decoded nevertheless.
const ERROR_WARNING: c_int = 0;

unsafe extern "C" {
    fn tjInitDecompress() -> *mut c_void;
    fn tjDestroy(handle: *mut c_void) -> c_int;
    fn tjGetErrorStr2(handle: *mut c_void) -> *const c_char;
    fn tjGetErrorCode(handle: *mut c_void) -> c_int;
    fn tjDecompressHeader3(
        handle: *mut c_void,
        jpeg: *const c_uchar,
        jpeg_size: c_ulong,
        width: *mut c_int,
        height: *mut c_int,
        subsampling: *mut c_int,
        colours: *mut c_int,
    ) -> c_int;
    fn tjDecompress2(
        handle: *mut c_void,
        jpeg: *const c_uchar,
        jpeg_size: c_ulong,
        pixels: *mut c_uchar,
        width: c_int,
        pitch: c_int,
        height: c_int,
        pixel_format: c_int,
        flags: c_int,
    ) -> c_int;
}

/// A JPEG file whose header was read.
pub(crate) struct Decoder<'a> {
    handle: Handle,
    file: &'a [u8],
    /// In pixels, never 0.
    pub(crate) width: u32,
    /// In pixels, never 0.
    pub(crate) height: u32,
    colours: c_int,
}

struct Handle(NonNull<c_void>);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle came from `tjInitDecompress` and is destroyed once, here.
        unsafe { tjDestroy(self.0.as_ptr()) };
    }
}

impl Handle {
    /// Returns the message of the last call, and whether it is only a warning.
    fn complaint(&self) -> (String, bool) {
        // SAFETY: the handle is alive; the text is a C string inside it, copied before the next call.
        let text = unsafe { CStr::from_ptr(tjGetErrorStr2(self.0.as_ptr())) }.to_string_lossy().into_owned();
        // SAFETY: the handle is alive.
        (text, unsafe { tjGetErrorCode(self.0.as_ptr()) } == ERROR_WARNING)
    }
}

fn corrupt(reason: String) -> Error {
    Error::Corrupt { format: Format::Jpeg, reason }
}

impl<'a> Decoder<'a> {
    /// Reads the header of a JPEG file.
    ///
    /// # Errors
    /// `Error::Corrupt`, with libjpeg-turbo's words.
    pub(crate) fn new(file: &'a [u8]) -> Result<Self, Error> {
        // SAFETY: no preconditions.
        let handle = NonNull::new(unsafe { tjInitDecompress() }).ok_or(Error::OutOfMemory)?;
        let handle = Handle(handle);
        let (mut width, mut height, mut subsampling, mut colours) = (0, 0, 0, 0);
        // SAFETY: `file` is readable for its length, and the four places are valid for writes.
        let code = unsafe {
            tjDecompressHeader3(
                handle.0.as_ptr(),
                file.as_ptr(),
                file.len() as c_ulong,
                &raw mut width,
                &raw mut height,
                &raw mut subsampling,
                &raw mut colours,
            )
        };
        let (reason, warning) = handle.complaint();
        match (u32::try_from(width), u32::try_from(height)) {
            // A warning that matters comes again when the pixels are decoded.
            (Ok(width @ 1..), Ok(height @ 1..)) if code == 0 || warning => {
                Ok(Self { handle, file, width, height, colours })
            }
            _ => Err(corrupt(reason)),
        }
    }

    /// Decodes the pixels, at a half, a quarter or an eighth of the size as long as both sides have still twice as many
    /// pixels as are `wanted`: libjpeg then leaves out the work for frequencies that the scaling would drop anyway.
    ///
    /// # Errors
    /// `Error::Corrupt` if the file is cut short or does not decode.
    pub(crate) fn decode(&self, wanted: (u32, u32)) -> Result<Bitmap, Error> {
        let (width, height) = [8, 4, 2]
            .map(|part| (self.width.div_ceil(part), self.height.div_ceil(part)))
            .into_iter()
            .find(|size| size.0 / 2 >= wanted.0 && size.1 / 2 >= wanted.1)
            .unwrap_or((self.width, self.height));
        let cmyk = matches!(self.colours, COLOURS_CMYK | COLOURS_YCCK);
        let mut pixels = vec![0; width as usize * height as usize * CHANNELS];
        let side = |length: u32| c_int::try_from(length).map_err(|_| corrupt("a side is too long".to_owned()));
        // SAFETY: `file` is readable for its length; `pixels` has room for `height` rows of `width` pixels of four bytes,
        // which both pixel formats take; a pitch of 0 stands for rows without padding.
        let code = unsafe {
            tjDecompress2(
                self.handle.0.as_ptr(),
                self.file.as_ptr(),
                self.file.len() as c_ulong,
                pixels.as_mut_ptr(),
                side(width)?,
                0,
                side(height)?,
                if cmyk { PIXELS_CMYK } else { PIXELS_RGBA },
                LIMIT_SCANS,
            )
        };
        if code != 0 {
            let (reason, warning) = self.handle.complaint();
            // Many cameras leave a few bytes between segments, which libjpeg skips with a warning. Any other warning
            // means that pixels are missing or wrong.
            if !warning || !reason.contains("extraneous bytes before marker") {
                return Err(corrupt(reason));
            }
        }
        if cmyk {
            pixels.as_chunks_mut::<CHANNELS>().0.iter_mut().for_each(|pixel| *pixel = cmyk_to_rgba(*pixel));
        }
        Ok(Bitmap { width, height, pixels })
    }
}

/// Inks to colours. In JPEG files as Adobe's programs write them (all CMYK files in practice), 255 means no ink.
fn cmyk_to_rgba([cyan, magenta, yellow, key]: [u8; 4]) -> [u8; 4] {
    let mix = |ink: u8| ((u16::from(ink) * u16::from(key) + 127) / 255) as u8;
    [mix(cyan), mix(magenta), mix(yellow), 255]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHOTO: &[u8] = include_bytes!("../tests/fixtures/photo.jpg");
    const CMYK: &[u8] = include_bytes!("../tests/fixtures/cmyk.jpg");
    const PROGRESSIVE: &[u8] = include_bytes!("../tests/fixtures/progressive.jpg");

    fn pixel(bitmap: &Bitmap, x: u32, y: u32) -> [u8; 4] {
        let at = (y * bitmap.width + x) as usize * CHANNELS;
        bitmap.pixels[at..at + CHANNELS].try_into().unwrap()
    }

    /// The fixtures are red at the left and blue at the right.
    fn assert_red_and_blue(bitmap: &Bitmap, name: &str) {
        let left = pixel(bitmap, bitmap.width / 8, bitmap.height / 2);
        let right = pixel(bitmap, bitmap.width * 7 / 8, bitmap.height / 2);
        assert!(left[0] > 200 && left[2] < 60 && left[3] == 255, "{name}: {left:?}");
        assert!(right[2] > 200 && right[0] < 60 && right[3] == 255, "{name}: {right:?}");
    }

    #[test]
    fn files_of_each_kind_are_decoded() {
        for (name, file) in [("baseline", PHOTO), ("CMYK", CMYK), ("progressive", PROGRESSIVE)] {
            let decoder = Decoder::new(file).unwrap();
            assert_eq!((decoder.width, decoder.height), (160, 120), "{name}");
            let bitmap = decoder.decode((160, 120)).unwrap();
            assert_eq!((bitmap.width, bitmap.height), (160, 120), "{name}");
            assert_red_and_blue(&bitmap, name);
        }
    }

    #[test]
    fn large_image_is_decoded_smaller() {
        let cases = [((160, 120), (160, 120)), ((60, 45), (160, 120)), ((40, 30), (80, 60)), ((1, 1), (20, 15))];
        let decoder = Decoder::new(PHOTO).unwrap();
        for (wanted, expected) in cases {
            let bitmap = decoder.decode(wanted).unwrap();
            assert_eq!((bitmap.width, bitmap.height), expected, "{wanted:?}");
            assert_red_and_blue(&bitmap, "scaled");
        }
    }

    #[test]
    fn truncated_file_is_refused() {
        for (name, file) in [("baseline", PHOTO), ("progressive", PROGRESSIVE)] {
            for end in (0..file.len() - 2).step_by(7) {
                let decoded = Decoder::new(&file[..end]).and_then(|decoder| decoder.decode((160, 120)));
                assert!(matches!(decoded, Err(Error::Corrupt { .. })), "{name} cut at {end}");
            }
        }
    }

    #[test]
    fn extra_bytes_before_a_marker_are_tolerated() {
        let mut file = PHOTO[..2].to_vec();
        file.extend([0, 0, 0]);
        file.extend(&PHOTO[2..]);
        let decoded = Decoder::new(&file).and_then(|decoder| decoder.decode((160, 120)));
        assert_red_and_blue(&decoded.unwrap(), "extraneous bytes");
    }

    #[test]
    fn flipped_bits_neither_crash_nor_hang() {
        for at in (0..PHOTO.len()).step_by(3) {
            let mut file = PHOTO.to_vec();
            file[at] ^= 0x55;
            if let Ok(decoder) = Decoder::new(&file)
                && u64::from(decoder.width) * u64::from(decoder.height) < 1_000_000
            {
                let _ = decoder.decode((160, 120));
            }
        }
    }
}
