//! The parent's ends of a sandbox's pipes, which stop waiting for the sandbox when there is a reason.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::stop::{LOOK, Stop};

/// An end of a pipe.
pub(crate) struct PipeEnd<F> {
    end: F,
    stop: Stop,
}

impl<F: AsFd + Into<OwnedFd>> PipeEnd<F> {
    /// The flag belongs to this end alone: the sandbox's end waits as ever.
    pub(crate) fn new(end: F, stop: Stop) -> io::Result<PipeEnd<F>> {
        fcntl_setfl(&end, fcntl_getfl(&end)? | OFlags::NONBLOCK)?;
        Ok(PipeEnd { end, stop })
    }

    /// Repeats an operation until it does not have to wait.
    fn whenever_ready<T>(&mut self, flags: PollFlags, mut act: impl FnMut(&mut F) -> io::Result<T>) -> io::Result<T> {
        loop {
            if let Some(reason) = self.stop.reason() {
                return Err(io::Error::other(reason));
            }
            match act(&mut self.end) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let wait = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
                    let _ = poll(&mut [PollFd::new(&self.end, flags)], Some(&wait));
                }
                done => return done,
            }
        }
    }
}

impl<F: Read + AsFd + Into<OwnedFd>> Read for PipeEnd<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.whenever_ready(PollFlags::IN, |end| end.read(buffer))
    }
}

impl<F: Write + AsFd + Into<OwnedFd>> Write for PipeEnd<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.whenever_ready(PollFlags::OUT, |end| end.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn waiting_ends_with_an_interruption() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let flag = Arc::new(AtomicBool::new(false));
        let mut writer = PipeEnd::new(writer, Stop::at(&flag)).expect("an end");
        let mut reader = PipeEnd::new(reader, Stop::at(&flag)).expect("an end");
        writer.write_all(b"text").expect("written");
        let mut text = [0; 4];
        reader.read_exact(&mut text).expect("read");
        assert_eq!(&text, b"text");
        flag.store(true, Ordering::Relaxed);
        let full = vec![0; 1 << 20];
        for error in [reader.read(&mut text).err(), writer.write_all(&full).err()] {
            let source = error.as_ref().and_then(io::Error::get_ref).map(ToString::to_string);
            assert_eq!(source.as_deref(), Some("interrupted"));
        }
    }
}
