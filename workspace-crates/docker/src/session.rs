//! Listens to a program until its end.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bollard::errors::Error as Client;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use crate::OutputStream;
use crate::demultiplex::Demultiplexer;
use crate::input::Feeding;
use crate::wire::Reader;

/// The silence after a program's end that ends its output: another process may hold it open.
const DRAIN: Duration = Duration::from_secs(5);

/// The limit of one read of output, in bytes.
const OUTPUT_CHUNK: usize = 64 * 1024;

/// The output of a program.
pub(crate) struct Output<R> {
    reader: R,
    demultiplexer: Demultiplexer,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Output<R> {
    pub(crate) fn new(reader: R, tty: bool) -> Self {
        Self { reader, demultiplexer: Demultiplexer::new(tty), buffer: BytesMut::new() }
    }

    /// The next piece; none at the end.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<(OutputStream, Bytes)>>> {
        loop {
            if let Some(piece) = self.demultiplexer.next(&mut self.buffer)? {
                return Poll::Ready(Ok(Some(piece)));
            }
            self.buffer.reserve(OUTPUT_CHUNK);
            let length = match ready!(pin!(self.reader.read_buf(&mut self.buffer)).poll(context)) {
                // Podman resets the connection of a program that ended before it read all input. If the daemon is lost, the
                // request of the exit code fails.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
                length => length?,
            };
            if length == 0 {
                let whole = self.demultiplexer.is_between_frames(&self.buffer);
                return Poll::Ready(if whole { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) });
            }
        }
    }
}

/// An event of a program.
pub(crate) enum Event {
    Output(OutputStream, Bytes),
    /// Its exit code, after its last output.
    Exited(i32),
    /// The sender of input has detached.
    Detached,
}

/// A request of the exit code.
pub(crate) type End = Pin<Box<dyn Future<Output = Result<i32, Client>> + Send>>;

/// The output and the end of a program. Passes input on meanwhile.
pub(crate) struct Session {
    output: Output<Reader>,
    output_ended: bool,
    end: End,
    /// Whether the exit code is known only after the end of the output.
    end_after_output: bool,
    code: Option<i32>,
    drained: Option<Pin<Box<Sleep>>>,
    detached: Option<oneshot::Receiver<()>>,
    _feeding: Option<Feeding>,
}

impl Session {
    pub(crate) fn new(
        output: Output<Reader>,
        end: End,
        end_after_output: bool,
        detached: oneshot::Receiver<()>,
        feeding: Option<Feeding>,
    ) -> Self {
        Self {
            output,
            output_ended: false,
            end,
            end_after_output,
            code: None,
            drained: None,
            detached: Some(detached),
            _feeding: feeding,
        }
    }

    /// Waits for the next event.
    pub(crate) fn next(&mut self) -> impl Future<Output = Result<Event, Client>> {
        poll_fn(|context| self.poll(context))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, Client>> {
        // First, as output may never pause.
        if self.poll_detached(context) {
            return Poll::Ready(Ok(Event::Detached));
        }
        // Before the end, so that no output is lost.
        if !self.output_ended
            && let Poll::Ready(piece) = self.output.poll(context)?
        {
            self.drained = None;
            match piece {
                Some((stream, bytes)) => return Poll::Ready(Ok(Event::Output(stream, bytes))),
                None => self.output_ended = true,
            }
        }
        let may_end = self.output_ended || !self.end_after_output;
        if self.code.is_none()
            && may_end
            && let Poll::Ready(code) = self.end.as_mut().poll(context)?
        {
            self.code = Some(code);
        }
        let Some(code) = self.code else { return Poll::Pending };
        if !self.output_ended {
            // Another process holds the output open.
            let drained = self.drained.get_or_insert_with(|| Box::pin(sleep(DRAIN)));
            ready!(drained.as_mut().poll(context));
        }
        Poll::Ready(Ok(Event::Exited(code)))
    }

    fn poll_detached(&mut self, context: &mut Context<'_>) -> bool {
        let Some(detached) = &mut self.detached else { return false };
        let Poll::Ready(result) = Pin::new(detached).poll(context) else { return false };
        // A finished receiver must not be polled again.
        self.detached = None;
        result.is_ok()
    }
}
