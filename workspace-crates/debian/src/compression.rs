//! Bounded decompression of xz, gzip and zstd, selected by magic number; concatenated streams are read as one.

use std::io::{self, BufRead, BufReader, Read};

use liblzma::stream::{CONCATENATED, Stream};
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::Error;

/// The memory limit of an xz decoder, in bytes: the largest preset (-9) needs 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;
/// The largest accepted zstd window, in bytes: the limit of `zstd -d` without `--long`.
const ZSTD_WINDOW: u64 = 128 << 20;

/// Decompresses xz, gzip or zstd, by the first bytes of `reader`; any other content passes through unchanged.
///
/// Concatenated streams (and zstd's skippable frames) are read as one. The result is not bounded: the caller limits it.
///
/// # Errors
/// When the first bytes cannot be read. Corrupt data is an error of the returned reader.
pub fn decompress<'r>(reader: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    let mut reader = BufReader::with_capacity(128 * 1024, reader);
    let mut magic = Vec::with_capacity(6);
    // A pipe may hand out its first bytes one at a time, which `fill_buf` alone would show as a short magic.
    (&mut reader).take(6).read_to_end(&mut magic)?;
    let kind = Compression::of(&magic);
    let reader = BufReader::new(io::Cursor::new(magic).chain(reader));
    Ok(match kind {
        Some(Compression::Xz) => {
            let stream = Stream::new_stream_decoder(XZ_MEMORY, CONCATENATED).map_err(io::Error::other)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(reader, stream))
        }
        Some(Compression::Gzip) => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        Some(Compression::Zstd) => Box::new(ZstdFrames::new(reader)),
        None => Box::new(reader),
    })
}

/// Decompresses a whole text of at most `limit` bytes; `name` is the text's in errors.
///
/// # Errors
/// [`Error::Decompress`] when the data is corrupt, longer than `limit`, or not UTF-8.
pub fn decompress_text(name: &str, reader: impl Read, limit: u64) -> Result<String, Error> {
    let mut text = String::new();
    decompress(reader)
        .and_then(|reader| limited(reader, limit).read_to_string(&mut text))
        .map_err(|source| Error::Decompress { name: name.to_owned(), source })?;
    Ok(text)
}

/// Guards against decompression bombs: the reader fails after `limit` bytes if there are more.
pub(crate) fn limited<R: Read>(reader: R, limit: u64) -> Limited<R> {
    Limited { reader, left: limit, limit }
}

/// See [`limited`].
pub(crate) struct Limited<R> {
    reader: R,
    left: u64,
    limit: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::FileTooLarge, format!("more than the allowed {} bytes", self.limit))
        })?;
        Ok(count)
    }
}

enum Compression {
    Xz,
    Gzip,
    Zstd,
}

impl Compression {
    fn of(magic: &[u8]) -> Option<Self> {
        match magic {
            [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Some(Self::Xz),
            [0x1F, 0x8B, ..] => Some(Self::Gzip),
            // RFC 8878: a frame, or a skippable frame (0x184D2A50 to 0x184D2A5F).
            [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Reads all frames of a zstd stream: `ruzstd`'s own streaming decoder ends after the first.
struct ZstdFrames<R> {
    source: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(ZSTD_WINDOW);
        Self { source, decoder, in_frame: false }
    }

    /// Enters the next frame; false at the end of the stream.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut (&mut self.source).take(length.into()), &mut io::sink())?;
                    if skipped < length.into() {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        Ok(false)
    }

    /// Compares the frame's content with its checksum, if it has one, as `zstd -d` does.
    fn check(&self) -> io::Result<()> {
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(expected), Some(found)) if expected != found => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum of a zstd frame differs"))
            }
            _ => Ok(()),
        }
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.in_frame && !self.next_frame()? {
                return Ok(0);
            }
            self.in_frame = true;
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            self.check()?;
            self.in_frame = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn xz(data: &[u8]) -> Vec<u8> {
        let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn formats_and_concatenations_decompress() {
        let big = "a line of text\n".repeat(50_000).into_bytes();
        let skippable = [&[0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let cases: &[(&str, Vec<u8>, Vec<u8>)] = &[
            ("empty", vec![], vec![]),
            ("shorter than a magic", b"ab".to_vec(), b"ab".to_vec()),
            ("plain", big.clone(), big.clone()),
            ("gzip", gzip(&big), big.clone()),
            ("two gzip members", [gzip(b"one "), gzip(b"two")].concat(), b"one two".to_vec()),
            ("xz", xz(&big), big.clone()),
            ("two xz streams, padded", [xz(b"one "), vec![0; 4], xz(b"two")].concat(), b"one two".to_vec()),
            ("zstd", zstd(&big), big.clone()),
            ("two zstd frames", [zstd(b"one "), zstd(b"two")].concat(), b"one two".to_vec()),
            ("a skippable frame first", [skippable.clone(), zstd(b"x")].concat(), b"x".to_vec()),
            ("a skippable frame last", [zstd(b"x"), skippable].concat(), b"x".to_vec()),
        ];
        for (name, compressed, expected) in cases {
            let mut found = Vec::new();
            decompress(&compressed[..])
                .unwrap()
                .read_to_end(&mut found)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(&found == expected, "{name}");
        }
    }

    #[test]
    fn corrupt_streams_are_errors() {
        let text = "some text that is worth compressing".repeat(100);
        for (name, whole) in
            [("gzip", gzip(text.as_bytes())), ("xz", xz(text.as_bytes())), ("zstd", zstd(text.as_bytes()))]
        {
            let cut = &whole[..whole.len() - 5];
            let read = |data: &[u8]| decompress(data).unwrap().read_to_end(&mut Vec::new());
            assert!(read(cut).is_err(), "{name}: cut");
            let trailing = [&whole[..], b"garbage!"].concat();
            assert!(read(&trailing).is_err(), "{name}: garbage after the end");
        }
    }

    #[test]
    fn bomb_stops_at_the_limit() {
        let bomb = xz(&vec![b' '; 10 << 20]);
        assert!(bomb.len() < 10_000);
        let error = decompress_text("Packages.xz", &bomb[..], 1 << 20).unwrap_err();
        insta::assert_snapshot!(format!("{error}: {}", std::error::Error::source(&error).unwrap()),
            @"failed to decompress `Packages.xz`: more than the allowed 1048576 bytes");
        assert_eq!(decompress_text("x", &xz(b"1234")[..], 4).unwrap(), "1234");
    }
}
