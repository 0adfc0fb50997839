//! From the bytes of a JPEG or PNG file to those of a small PNG.

use std::fmt;

use crate::bitmap::{Bitmap, Orientation};
use crate::{exif, jpeg, png, scale};

/// The most pixels of an image that is decoded: the largest cameras of phones have 50 million. The pixels of one request
/// then take 256 MB at most, whatever the file claims.
pub(crate) const MAX_PIXELS: u64 = 64_000_000;

/// The format of a file, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// ITU-T T.81, with or without EXIF.
    Jpeg,
    /// Any kind that libpng reads; of an animated one, the default image.
    Png,
}

impl Format {
    fn of(file: &[u8]) -> Option<Self> {
        match file {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
        })
    }
}

/// An error of making a thumbnail.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The first bytes are those of neither format.
    #[error("the body is neither a JPEG nor a PNG")]
    Unknown,
    /// The codec gave up.
    #[error("failed to decode the {format}: {reason}")]
    Corrupt {
        /// Which codec.
        format: Format,
        /// Its own words.
        reason: String,
    },
    /// More than [`MAX_PIXELS`].
    #[error("the image has {width} x {height} pixels, more than {MAX_PIXELS} in all")]
    TooManyPixels {
        /// As the header says.
        width: u32,
        /// As the header says.
        height: u32,
    },
    /// A codec got no memory.
    #[error("out of memory")]
    OutOfMemory,
    /// libpng did not write.
    #[error("failed to encode the thumbnail: {reason}")]
    Encode {
        /// Its own words.
        reason: String,
    },
}

/// Makes a PNG file that is `width` pixels wide, and as high as keeps the aspect; of an image that is narrower, one of the
/// image's own size. A JPEG is turned upright by its EXIF orientation, and the width counts after that.
///
/// # Errors
/// See [`Error`]: all but the last two are the input's fault.
pub(crate) fn thumbnail(file: &[u8], width: u32) -> Result<(Format, Vec<u8>), Error> {
    let format = Format::of(file).ok_or(Error::Unknown)?;
    let scaled = match format {
        Format::Jpeg => from_jpeg(file, width)?,
        Format::Png => from_png(file, width)?,
    };
    Ok((format, png::encode(&scaled)?))
}

fn from_jpeg(file: &[u8], width: u32) -> Result<Bitmap, Error> {
    let decoder = jpeg::Decoder::new(file)?;
    let stored = (decoder.width, decoder.height);
    check_pixels(stored)?;
    let orientation: Orientation = exif::orientation(file);
    let target = orientation.turn(scale::fit(orientation.turn(stored), width));
    let bitmap = decoder.decode(target)?;
    Ok(scale::scale(&bitmap, target.0, target.1).upright(orientation))
}

fn from_png(file: &[u8], width: u32) -> Result<Bitmap, Error> {
    let decoder = png::Decoder::new(file)?;
    check_pixels(decoder.size())?;
    let (width, height) = scale::fit(decoder.size(), width);
    Ok(scale::scale(&decoder.decode()?, width, height))
}

/// Before anything is allocated: what a header claims costs its author nothing.
fn check_pixels((width, height): (u32, u32)) -> Result<(), Error> {
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::TooManyPixels { width, height });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! fixture {
        ($name:literal) => {
            include_bytes!(concat!("../tests/fixtures/", $name)).as_slice()
        };
    }

    fn size(png: &[u8]) -> (u32, u32) {
        png::Decoder::new(png).unwrap().size()
    }

    #[test]
    fn thumbnails_have_the_width_that_was_asked_for() {
        let cases = [
            ("JPEG", fixture!("photo.jpg"), 64, (64, 48)),
            ("JPEG, not scaled up", fixture!("photo.jpg"), 1000, (160, 120)),
            ("JPEG, one pixel", fixture!("photo.jpg"), 1, (1, 1)),
            ("JPEG on its side", fixture!("rotated.jpg"), 60, (60, 80)),
            ("progressive", fixture!("progressive.jpg"), 33, (33, 25)),
            ("CMYK", fixture!("cmyk.jpg"), 80, (80, 60)),
            ("PNG with alpha", fixture!("alpha.png"), 50, (50, 25)),
            ("PNG, interlaced", fixture!("interlaced.png"), 32, (32, 24)),
            ("PNG, 16 bits", fixture!("grey16.png"), 2, (2, 1)),
        ];
        for (name, file, width, expected) in cases {
            let (_, png) = thumbnail(file, width).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(size(&png), expected, "{name}");
        }
    }

    #[test]
    fn a_photo_taken_sideways_is_upright() {
        // Stored red at the left and blue at the right, to be turned clockwise: red at the top.
        let (_, png) = thumbnail(fixture!("rotated.jpg"), 60).unwrap();
        let bitmap = png::Decoder::new(&png).unwrap().decode().unwrap();
        let pixel = |row: usize| &bitmap.pixels[(row * 60 + 30) * 4..][..3];
        assert!(pixel(5)[0] > 200 && pixel(5)[2] < 60, "{:?}", pixel(5));
        assert!(pixel(75)[2] > 200 && pixel(75)[0] < 60, "{:?}", pixel(75));
    }

    #[test]
    fn invalid_and_large_images_are_refused() {
        let photo = fixture!("photo.jpg");
        let cases: [(&[u8], &str); 6] = [
            (b"", "the body is neither a JPEG nor a PNG"),
            (b"GIF89a", "the body is neither a JPEG nor a PNG"),
            (&photo[..photo.len() - 100], "failed to decode the JPEG: Premature end of JPEG file"),
            (b"\xff\xd8\xff", "failed to decode the JPEG: "),
            (b"\x89PNG\r\n\x1a\n", "failed to decode the PNG: "),
            (fixture!("bomb.png"), "the image has 60000 x 60000 pixels, more than 64000000 in all"),
        ];
        for (file, expected) in cases {
            let error = thumbnail(file, 10).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
