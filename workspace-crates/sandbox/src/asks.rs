//! Requests of the parent to a sandbox whose program runs: each is a message with one descriptor, unix(7).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Deserialize, Serialize};

/// The longest request, in bytes: a path, or a command.
const LONGEST: usize = 64 << 10;

/// The kinds of requests while a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Attention {
    /// The parent passes connections on.
    Connections,
    /// The parent may ask everything. The files stay after the program's end, and the program has the signals of a container's first
    /// process: those that it does not handle have no effect.
    Everything,
}

/// A request of the parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Connects the descriptor, a connection, with a port of the sandbox.
    Connect { port: u16 },
    /// Answers on the descriptor, a socket, and then writes a file or folder of the root to it, as a tar archive.
    Pack { path: String },
    /// Runs a further program of the root, and answers on the descriptor, a socket, with a [`Checked`].
    Check { command: Vec<String>, limit: Duration },
}

/// The end of a further program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Its exit code, or 128 plus the number of its signal; none if it did not start, or not end in time.
    pub code: Option<i32>,
    /// The beginning of its output, or the reason why it has no code.
    pub output: String,
}

/// Returns the two ends of a socket for requests.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

/// Sends a request with its descriptor.
pub(crate) fn send(socket: impl AsFd, ask: &Ask, descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let bytes = serde_json::to_vec(ask)?;
    if bytes.len() > LONGEST {
        // The other end would get a part of it.
        let reason = format!("the path or command is too long: {} bytes, and {LONGEST} are possible", bytes.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    send_bytes(socket, &bytes, descriptor)
}

/// Receives a request with its descriptor; none if the parent is gone. The data of one that makes no sense are invalid.
pub(crate) fn receive(socket: impl AsFd) -> io::Result<Option<(Ask, OwnedFd)>> {
    let mut bytes = vec![0; LONGEST];
    Ok(match receive_bytes(socket, &mut bytes)? {
        (0, _) => None,
        (length, Some(descriptor)) => {
            let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
            Some((serde_json::from_slice(&bytes[..length]).map_err(invalid)?, descriptor))
        }
        // This process has as many descriptors as it may: the connection ends.
        (_, None) => return Err(io::Error::from(io::ErrorKind::QuotaExceeded)),
    })
}

/// Sends a descriptor over a stream that carries messages besides, after the other end has said that it waits.
pub(crate) fn give(socket: impl AsFd, descriptor: BorrowedFd<'_>) -> io::Result<()> {
    send_bytes(socket, b"\n", descriptor)
}

/// Receives the descriptor of [`give`].
pub(crate) fn take(socket: impl AsFd) -> io::Result<OwnedFd> {
    receive_bytes(socket, &mut [0])?.1.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
}

/// Whether there is something to read, or the other end is gone, within this time.
pub(crate) fn has_news(socket: impl AsFd, limit: Duration) -> io::Result<bool> {
    let limit = Timespec { tv_sec: 0, tv_nsec: limit.subsec_nanos().into() };
    match poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&limit)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn send_bytes(socket: impl AsFd, bytes: &[u8], descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    control.push(SendAncillaryMessage::ScmRights(&descriptors));
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive_bytes(socket: impl AsFd, bytes: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let descriptor = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok((message.bytes, descriptor))
}

/// Sends what is no request.
#[cfg(test)]
pub(crate) fn send_nonsense(socket: impl AsFd, descriptor: BorrowedFd<'_>) {
    send_bytes(socket, &[b'['; LONGEST + 1], descriptor).expect("sent");
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn too_long_request_is_refused() {
        let (ours, theirs) = pair().expect("a pair");
        let (_near, far) = UnixStream::pair().expect("a pair");
        let pack = |length| Ask::Pack { path: "a".repeat(length) };
        let other = serde_json::to_vec(&pack(0)).expect("JSON").len();
        let error = send(&ours, &pack(LONGEST - other + 1), far.as_fd()).expect_err("too long");
        assert_eq!(error.to_string(), "the path or command is too long: 65537 bytes, and 65536 are possible");
        send(&ours, &pack(LONGEST - other), far.as_fd()).expect("sent");
        let (ask, _) = receive(&theirs).expect("received").expect("a request");
        assert_eq!(ask, pack(LONGEST - other));
        send_nonsense(&ours, far.as_fd());
        assert_eq!(receive(&theirs).expect_err("no request").kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn requests_bring_their_descriptors() {
        let (ours, theirs) = pair().expect("a pair");
        let (mut near, far) = UnixStream::pair().expect("a pair");
        for port in [80, 8080] {
            send(&ours, &Ask::Connect { port }, far.as_fd()).expect("sent");
        }
        drop(far);
        for port in [80, 8080] {
            let (ask, descriptor) = receive(&theirs).expect("received").expect("a request");
            assert_eq!(ask, Ask::Connect { port });
            UnixStream::from(descriptor).write_all(&[1]).expect("a socket");
        }
        let mut said = Vec::new();
        near.read_to_end(&mut said).expect("both ends are closed");
        assert_eq!(said, [1, 1]);
        assert!(!has_news(&theirs, Duration::from_millis(1)).expect("a socket"));
        drop(ours);
        assert!(has_news(&theirs, Duration::from_millis(1)).expect("a socket"));
        assert_eq!(receive(&theirs).expect("the end").map(|(ask, _)| ask), None);
    }
}
