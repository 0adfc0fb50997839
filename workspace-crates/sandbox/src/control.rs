//! The socket between a sandbox and its parent: a line of JSON for each message.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Failure;

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
}

impl Control {
    pub(crate) fn new(socket: UnixStream) -> Control {
        Control { reader: BufReader::new(socket) }
    }

    /// Sends a message.
    pub(crate) fn say(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.reader.get_mut().write_all(&line)
    }

    /// Receives a message; `None` if the other end is gone.
    pub(crate) fn hear<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        (&mut self.reader).take(LONGEST).read_until(b'\n', &mut line)?;
        match line.last() {
            Some(b'\n') => Ok(Some(serde_json::from_slice(&line)?)),
            _ => Ok(None),
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
}
