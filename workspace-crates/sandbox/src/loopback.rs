//! The network of a sandbox: the loopback device alone, as rtnetlink(7) describes it.

use std::io;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

use crate::error::Failure;

/// `RTM_NEWLINK`.
const NEW_LINK: u16 = 16;
/// `NLM_F_REQUEST` and `NLM_F_ACK`.
const REQUEST_ACKNOWLEDGED: u16 = 1 | 4;
/// The index of the loopback device in every network namespace.
const LOOPBACK: i32 = 1;
/// `IFF_UP`.
const UP: u32 = 1;
/// The length of the request: a `nlmsghdr` and an `ifinfomsg`.
const LENGTH: u32 = 32;

/// Switches the loopback device on.
pub(crate) fn switch_on() -> Result<(), Failure> {
    ask().map_err(|error| Failure::new("switch its loopback device on", error))
}

fn ask() -> io::Result<()> {
    // The protocol without a number is NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    sendto(&socket, &request(), SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = [0; 128];
    let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
    // An acknowledgement is an `nlmsgerr`: its number follows the header, and is negative after a failure.
    let number = answer.get(16..20).filter(|_| length >= 20).and_then(|bytes| bytes.try_into().ok());
    match number.map(i32::from_ne_bytes) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(-number)),
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
    }
}

fn request() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(LENGTH.to_ne_bytes());
    bytes.extend(NEW_LINK.to_ne_bytes());
    bytes.extend(REQUEST_ACKNOWLEDGED.to_ne_bytes());
    // Its number, and the port of the sender, which the kernel fills in.
    bytes.extend([0; 8]);
    // The family and the type are unspecified.
    bytes.extend([0; 4]);
    bytes.extend(LOOPBACK.to_ne_bytes());
    bytes.extend(UP.to_ne_bytes());
    bytes.extend(UP.to_ne_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_has_the_length_that_it_states() {
        assert_eq!(request().len(), usize::try_from(LENGTH).expect("small"));
    }
}
