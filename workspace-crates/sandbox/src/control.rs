//! The socket between a sandbox and its parent: a line of JSON for each message.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::error::Failure;
use crate::stop::{LOOK, Stop};

/// The longest message, in bytes: a specification with a long environment.
const LONGEST: u64 = 16 << 20;

/// A message of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    /// The outer process has new namespaces, and waits for its users.
    Unshared,
    /// The inner process waits for its order. Only one process at a time reads from the socket: its buffer may take more than a line.
    Waiting,
    /// The users are mapped, or the task begins.
    Begun,
    /// The root does not have the file.
    Missing,
    /// The task ended, a program with this code, or 128 plus the number of its signal.
    Ended(i32),
    /// The parent passes a signal with this number on to the program. It may do so once the task has begun.
    Signal(i32),
    /// Something failed.
    Failed(Failure),
}

/// One end of the socket.
pub(crate) struct Control {
    reader: BufReader<UnixStream>,
    /// The beginning of a message whose end has not arrived.
    line: Vec<u8>,
}

impl Control {
    pub(crate) fn new(socket: UnixStream) -> Control {
        Control { reader: BufReader::new(socket), line: Vec::new() }
    }

    /// Lets every wait of this end look for a reason to stop, see [`Control::hear_unless`].
    pub(crate) fn watched(socket: UnixStream) -> io::Result<Control> {
        socket.set_read_timeout(Some(LOOK))?;
        Ok(Control::new(socket))
    }

    /// Sends a message.
    pub(crate) fn say(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.reader.get_mut().write_all(&line)
    }

    /// Receives a message; `None` if the other end is gone.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        self.hear_unless(&mut Stop::never()).unwrap_or(Ok(None))
    }

    /// Receives a message as [`Control::hear`] does, or returns the reason to stop waiting.
    pub(crate) fn hear_unless<T: DeserializeOwned>(&mut self, stop: &mut Stop) -> Result<io::Result<Option<T>>, Error> {
        loop {
            let left = LONGEST.saturating_sub(self.line.len() as u64);
            match (&mut self.reader).take(left).read_until(b'\n', &mut self.line) {
                // The time between two looks is over.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Ok(Err(error)),
                Ok(_) => {
                    let line = std::mem::take(&mut self.line);
                    return Ok(match line.last() {
                        Some(b'\n') => serde_json::from_slice(&line).map(Some).map_err(io::Error::from),
                        _ => Ok(None),
                    });
                }
            }
            if let Some(reason) = stop.reason() {
                return Err(reason);
            }
        }
    }

    /// Returns the bytes after the messages so far.
    pub(crate) fn rest(self) -> BufReader<UnixStream> {
        self.reader
    }

    /// Returns a second handle of the socket.
    pub(crate) fn socket(&self) -> io::Result<UnixStream> {
        self.reader.get_ref().try_clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_in_order_and_the_end_is_noticed() {
        let (one, other) = UnixStream::pair().expect("a pair");
        let (mut one, mut other) = (Control::new(one), Control::new(other));
        one.say(&Said::Unshared).expect("sent");
        one.say(&Said::Ended(3)).expect("sent");
        drop(one);
        assert_eq!(other.hear::<Said>().expect("a message"), Some(Said::Unshared));
        assert_eq!(other.hear::<Said>().expect("a message"), Some(Said::Ended(3)));
        assert_eq!(other.hear::<Said>().expect("the end"), None);
    }

    #[test]
    fn waiting_has_a_limit_and_loses_nothing() {
        let (mut one, other) = UnixStream::pair().expect("a pair");
        let mut other = Control::watched(other).expect("a socket");
        let line = serde_json::to_vec(&Said::Begun).expect("memory");
        let (first, rest) = line.split_at(3);
        one.write_all(first).expect("sent");
        let mut stop = Stop::never().within(Some(LOOK));
        assert!(matches!(other.hear_unless::<Said>(&mut stop), Err(Error::TimedOut { .. })));
        one.write_all(rest).and_then(|()| one.write_all(b"\n")).expect("sent");
        assert_eq!(other.hear::<Said>().expect("a message"), Some(Said::Begun));
    }
}
