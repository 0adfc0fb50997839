//! Streams of bytes between blocking readers and the asynchronous client, through bounded channels.

use std::future::Future;
use std::io::{self, Read};

use bollard::errors::Error as Client;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::mpsc;

use crate::{Docker, Error};

/// The size of a piece, in bytes.
const CHUNK: usize = 256 * 1024;

/// The limit of waiting pieces in a channel.
pub(crate) const DEPTH: usize = 8;

/// A part of a request's body. The end is explicit: if the sender vanishes (by a panic or an interruption), the request must
/// break, as the daemon would take a properly ended body as complete.
enum Piece {
    Data(Bytes),
    End,
}

/// A request's body, fed from another thread.
pub(crate) struct Body(mpsc::Receiver<Piece>);

impl Body {
    /// The body as a stream for the client.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + 'static {
        stream::unfold(Some(self.0), |receiver| async move {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(Piece::Data(bytes)) => Some((Ok(bytes), Some(receiver))),
                Some(Piece::End) => None,
                None => Some((Err(io::Error::from(io::ErrorKind::UnexpectedEof)), None)),
            }
        })
    }
}

impl Docker {
    /// Sends all bytes of `reader` as the body of a request: this thread reads, the runtime's threads send. Returns the
    /// response and the number of bytes.
    pub(crate) fn upload<T, F>(
        &self,
        action: impl Fn() -> String,
        mut reader: impl Read,
        request: impl FnOnce(bollard::Docker, Body) -> F,
    ) -> Result<(T, u64), Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Client>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(DEPTH);
        let task = self.runtime().spawn(request(self.client().clone(), Body(receiver)));
        let fed = self.feed(&action, &mut reader, &sender);
        // Without `Piece::End`, this breaks the request.
        drop(sender);
        let bytes = match fed {
            Ok(bytes) => bytes,
            Err(error) => {
                task.abort();
                return Err(error);
            }
        };
        // A task survives the drop of its handle.
        let abort = task.abort_handle();
        match self.wait_for(task).inspect_err(|_| abort.abort())? {
            Ok(response) => response.map(|value| (value, bytes)).map_err(|error| Error::from_client(action(), error)),
            Err(broken) => Err(Error::Lost { action: action(), source: Box::new(broken) }),
        }
    }

    /// Reads until the end, or until the daemon's answer drops the receiver.
    fn feed(
        &self,
        action: &impl Fn() -> String,
        reader: &mut impl Read,
        sender: &mpsc::Sender<Piece>,
    ) -> Result<u64, Error> {
        let mut total = 0;
        loop {
            let mut chunk = vec![0; CHUNK];
            let length = fill(reader, &mut chunk).map_err(|source| Error::Read { action: action(), source })?;
            chunk.truncate(length);
            total += length as u64;
            let last = length < CHUNK;
            if length > 0 && self.wait_for(sender.send(Piece::Data(chunk.into())))?.is_err() {
                return Ok(total);
            }
            if last {
                // An error means that the daemon has answered.
                let _ = self.wait_for(sender.send(Piece::End))?;
                return Ok(total);
            }
        }
    }
}

/// Fills the buffer; fewer bytes mean the reader's end.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
