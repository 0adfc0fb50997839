//! The write end of a pipe to an engine.

use std::io::{self, Write};

/// The write end of a pipe, which remembers whether the reader closed it first.
pub(super) struct PipeEnd {
    writer: io::PipeWriter,
    /// Whether the reader closed it.
    pub(super) broken: bool,
}

impl PipeEnd {
    pub(super) fn new(writer: io::PipeWriter) -> PipeEnd {
        PipeEnd { writer, broken: false }
    }
}

impl Write for PipeEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes).inspect_err(|error| self.broken |= error.kind() == io::ErrorKind::BrokenPipe)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
