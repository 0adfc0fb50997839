//! The daemon's stream of a program's output.
//!
//! A terminal's stream is raw. Otherwise both outputs share a stream of frames: the number of the output, three zeroes, the
//! length as a big-endian number of four bytes, and the data (Docker Engine API, "Attach to a container").

use std::io;

use bytes::{Buf, Bytes, BytesMut};

use crate::OutputStream;

/// The size of a frame's header in bytes.
const HEADER: usize = 8;

/// Splits the stream into outputs. Returns parts of frames at once, and keeps no data.
#[derive(Debug)]
pub(crate) struct Demultiplexer {
    tty: bool,
    /// The output of the current frame; none for another stream.
    stream: Option<OutputStream>,
    /// Missing bytes of the current frame.
    left: usize,
}

impl Demultiplexer {
    pub(crate) fn new(tty: bool) -> Self {
        Self { tty, stream: None, left: 0 }
    }

    /// Removes the next piece of output from `buffer`; none if the buffer needs more bytes.
    pub(crate) fn next(&mut self, buffer: &mut BytesMut) -> io::Result<Option<(OutputStream, Bytes)>> {
        if self.tty {
            let piece = buffer.split().freeze();
            return Ok((!piece.is_empty()).then_some((OutputStream::Stdout, piece)));
        }
        loop {
            if self.left > 0 {
                let piece = buffer.split_to(self.left.min(buffer.len())).freeze();
                self.left -= piece.len();
                match self.stream {
                    _ if piece.is_empty() => return Ok(None),
                    Some(stream) => return Ok(Some((stream, piece))),
                    None => continue,
                }
            }
            if buffer.len() < HEADER {
                return Ok(None);
            }
            self.stream = match buffer.get_u8() {
                0 => None,
                1 => Some(OutputStream::Stdout),
                // The daemon sends its own errors as number 3.
                2 | 3 => Some(OutputStream::Stderr),
                other => return Err(io::Error::other(format!("output number {other} in the daemon's stream"))),
            };
            buffer.advance(3);
            self.left = buffer.get_u32() as usize;
        }
    }

    /// Whether the stream may end here.
    pub(crate) fn is_between_frames(&self, buffer: &BytesMut) -> bool {
        self.left == 0 && buffer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u8, data: &[u8]) -> Vec<u8> {
        [&[number, 0, 0, 0][..], &u32::try_from(data.len()).unwrap().to_be_bytes(), data].concat()
    }

    /// The outputs of a stream that arrives in pieces of this size.
    fn outputs(stream: &[u8], size: usize, tty: bool) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let (mut demultiplexer, mut buffer) = (Demultiplexer::new(tty), BytesMut::new());
        for piece in stream.chunks(size) {
            buffer.extend_from_slice(piece);
            while let Some((stream, bytes)) = demultiplexer.next(&mut buffer)? {
                match stream {
                    OutputStream::Stdout => stdout.extend_from_slice(&bytes),
                    OutputStream::Stderr => stderr.extend_from_slice(&bytes),
                }
            }
        }
        assert!(demultiplexer.is_between_frames(&buffer));
        Ok((stdout, stderr))
    }

    #[test]
    fn frames_survive_any_cut() {
        let all: Vec<u8> = (0..=255).collect();
        let stream =
            [frame(1, &all), frame(0, b"input"), frame(2, b"error"), frame(1, b""), frame(1, b"\x01\0")].concat();
        for size in 1..stream.len() {
            let (stdout, stderr) = outputs(&stream, size, false).unwrap();
            assert_eq!((stdout, stderr), ([&all[..], b"\x01\0"].concat(), b"error".to_vec()), "{size}");
        }
    }

    #[test]
    fn terminal_bytes_pass_unchanged() {
        let stream = [&[1, 0, 0, 0, 0, 0, 0, 1][..], &(0..=255).collect::<Vec<u8>>()].concat();
        for size in [1, 3, 8, stream.len()] {
            assert_eq!(outputs(&stream, size, true).unwrap(), (stream.clone(), vec![]), "{size}");
        }
    }

    #[test]
    fn invalid_stream_is_refused() {
        assert!(outputs(b"HTTP/1.1 200 OK", 4, false).is_err());
        let mut buffer = BytesMut::from(&frame(1, b"abc")[..9]);
        let mut demultiplexer = Demultiplexer::new(false);
        assert!(demultiplexer.next(&mut buffer).unwrap().is_some());
        assert!(!demultiplexer.is_between_frames(&buffer));
        // A frame's length must not allocate memory.
        let mut buffer = BytesMut::from(&[1, 0, 0, 0, 255, 255, 255, 255, 7][..]);
        assert_eq!(Demultiplexer::new(false).next(&mut buffer).unwrap().unwrap().1.len(), 1);
    }
}
