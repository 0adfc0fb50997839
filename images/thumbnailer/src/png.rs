//! libpng through its simplified interface, which keeps `setjmp` and `longjmp` on its own side.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr;

use crate::bitmap::{Bitmap, CHANNELS};
use crate::thumbnail::{Error, Format};

/// `PNG_IMAGE_VERSION`.
const IMAGE_VERSION: u32 = 1;
/// `PNG_FORMAT_RGB`: three bytes a pixel, sRGB.
const FORMAT_RGB: u32 = 2;
/// `PNG_FORMAT_RGBA`: four bytes a pixel, sRGB, alpha not premultiplied.
const FORMAT_RGBA: u32 = 3;

/// `png_image` of png.h, version 1.
#[repr(C)]
struct PngImage {
    opaque: *mut c_void,
    version: u32,
    width: u32,
    height: u32,
    format: u32,
    flags: u32,
    colormap_entries: u32,
    warning_or_error: u32,
    message: [c_char; 64],
}

unsafe extern "C" {
    fn png_image_begin_read_from_memory(image: *mut PngImage, memory: *const c_void, size: usize) -> c_int;
    fn png_image_finish_read(
        image: *mut PngImage,
        background: *const c_void,
        pixels: *mut c_void,
        row_stride: i32,
        colormap: *mut c_void,
    ) -> c_int;
    fn png_image_write_to_memory(
        image: *mut PngImage,
        memory: *mut c_void,
        memory_bytes: *mut usize,
        convert_to_8_bit: c_int,
        pixels: *const c_void,
        row_stride: i32,
        colormap: *const c_void,
    ) -> c_int;
    fn png_image_free(image: *mut PngImage);
}

impl PngImage {
    /// On the heap: libpng keeps a pointer to the struct itself, for its error handler.
    fn new() -> Box<Self> {
        Box::new(Self {
            opaque: ptr::null_mut(),
            version: IMAGE_VERSION,
            width: 0,
            height: 0,
            format: 0,
            flags: 0,
            colormap_entries: 0,
            warning_or_error: 0,
            message: [0; 64],
        })
    }

    fn message(&self) -> String {
        let bytes = self.message.map(|byte| byte as u8);
        CStr::from_bytes_until_nul(&bytes).unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Drop for PngImage {
    fn drop(&mut self) {
        // SAFETY: made by `new`; libpng frees what `opaque` points at, if anything, and sets it to null.
        unsafe { png_image_free(self) }
    }
}

/// A PNG file whose header was read.
pub(crate) struct Decoder<'a> {
    image: Box<PngImage>,
    /// libpng keeps a pointer to the file between the two calls.
    file: PhantomData<&'a [u8]>,
}

impl<'a> Decoder<'a> {
    /// Reads the part of a PNG file before the pixels.
    ///
    /// # Errors
    /// `Error::Corrupt`, with libpng's words.
    pub(crate) fn new(file: &'a [u8]) -> Result<Self, Error> {
        let mut decoder = Self { image: PngImage::new(), file: PhantomData };
        // SAFETY: the image is made as the interface asks; `file` is readable for its length and outlives the decoder.
        let read =
            unsafe { png_image_begin_read_from_memory(&raw mut *decoder.image, file.as_ptr().cast(), file.len()) };
        if read == 0 { Err(decoder.corrupt()) } else { Ok(decoder) }
    }

    fn corrupt(&self) -> Error {
        Error::Corrupt { format: Format::Png, reason: self.image.message() }
    }

    /// Width and height in pixels, never 0.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.image.width, self.image.height)
    }

    /// Decodes the pixels. Every kind of PNG becomes sRGB with eight bits a channel. A warning of libpng is not an error: it
    /// concerns an unknown or broken chunk that the pixels do not need.
    ///
    /// # Errors
    /// `Error::Corrupt` if the file is cut short, a checksum is wrong, or the data do not decode.
    pub(crate) fn decode(mut self) -> Result<Bitmap, Error> {
        let (width, height) = self.size();
        self.image.format = FORMAT_RGBA;
        let mut pixels = vec![0_u8; width as usize * height as usize * CHANNELS];
        // SAFETY: the header was read; `pixels` has room for `height` rows of `width` pixels of four bytes; a stride of 0
        // stands for rows without padding; neither background nor colour map is asked for with this format.
        let read = unsafe {
            png_image_finish_read(&raw mut *self.image, ptr::null(), pixels.as_mut_ptr().cast(), 0, ptr::null_mut())
        };
        if read == 0 { Err(self.corrupt()) } else { Ok(Bitmap { width, height, pixels }) }
    }
}

/// Encodes an image as a PNG file, without an alpha channel where every pixel is opaque.
///
/// # Errors
/// `Error::Encode`, with libpng's words.
pub(crate) fn encode(bitmap: &Bitmap) -> Result<Vec<u8>, Error> {
    let (pixels, _) = bitmap.pixels.as_chunks::<CHANNELS>();
    if pixels.iter().all(|pixel| pixel[3] == 255) {
        let opaque: Vec<u8> = pixels.iter().flat_map(|&[red, green, blue, _]| [red, green, blue]).collect();
        write(bitmap, FORMAT_RGB, &opaque)
    } else {
        write(bitmap, FORMAT_RGBA, &bitmap.pixels)
    }
}

/// `pixels` has as many bytes as `format` needs for the size of `bitmap`.
fn write(bitmap: &Bitmap, format: u32, pixels: &[u8]) -> Result<Vec<u8>, Error> {
    // Deflate makes hardly any data larger; where it does, libpng says how much it would have needed.
    let mut room = pixels.len() + pixels.len() / 64 + 4096;
    loop {
        let mut image = PngImage::new();
        (image.width, image.height, image.format) = (bitmap.width, bitmap.height, format);
        let mut file = vec![0_u8; room];
        let mut size = room;
        // SAFETY: `file` has `size` bytes for writing; `pixels` holds all rows without padding, which a stride of 0 says.
        let written = unsafe {
            png_image_write_to_memory(
                &raw mut *image,
                file.as_mut_ptr().cast(),
                &raw mut size,
                0,
                pixels.as_ptr().cast(),
                0,
                ptr::null(),
            )
        };
        if written != 0 {
            file.truncate(size);
            return Ok(file);
        }
        if size <= room {
            return Err(Error::Encode { reason: image.message() });
        }
        room = size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREY_16: &[u8] = include_bytes!("../tests/fixtures/grey16.png");
    const PALETTE: &[u8] = include_bytes!("../tests/fixtures/palette.png");

    fn noise(width: u32, height: u32, opaque: bool) -> Bitmap {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let pixels = (0..width * height).flat_map(|_| [next(), next(), next(), if opaque { 255 } else { next() }]);
        Bitmap { width, height, pixels: pixels.collect() }
    }

    #[test]
    fn encoded_pixels_decode_unchanged() {
        for (width, height, opaque) in [(1, 1, true), (1, 1, false), (97, 31, true), (97, 31, false), (300, 300, false)]
        {
            let bitmap = noise(width, height, opaque);
            let file = encode(&bitmap).unwrap();
            // The colour type of the IHDR chunk: 2 is RGB, 6 is RGB with alpha.
            assert_eq!(file[25], if opaque { 2 } else { 6 });
            assert_eq!(Decoder::new(&file).unwrap().decode().unwrap(), bitmap);
        }
    }

    #[test]
    fn every_kind_becomes_eight_bit_rgba() {
        let grey = Decoder::new(GREY_16).unwrap().decode().unwrap();
        assert_eq!((grey.width, grey.height), (4, 1));
        assert_eq!(grey.pixels[..4], [0, 0, 0, 255]);
        assert_eq!(grey.pixels[12..], [255, 255, 255, 255]);
        let palette = Decoder::new(PALETTE).unwrap().decode().unwrap();
        assert_eq!(palette.pixels, [255, 0, 0, 255, 0, 0, 255, 0]);
    }

    #[test]
    fn damaged_file_is_refused() {
        let file = encode(&noise(40, 40, false)).unwrap();
        for end in (0..file.len() - 12).step_by(11) {
            let decoded = Decoder::new(&file[..end]).and_then(Decoder::decode);
            assert!(matches!(decoded, Err(Error::Corrupt { .. })), "cut at {end}");
        }
        for at in 33..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 0x20;
            // A chunk whose name became an unknown one is skipped; nothing may crash.
            let _ = Decoder::new(&damaged).and_then(|decoder| {
                let (width, height) = decoder.size();
                if u64::from(width) * u64::from(height) < 1_000_000 { decoder.decode().map(drop) } else { Ok(()) }
            });
        }
    }
}
