//! The network of a sandbox: the loopback device alone, as rtnetlink(7) describes it.

use std::fs;
use std::io;
use std::net::Ipv4Addr;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

use crate::error::Failure;

/// The address from which the program sees connections of the host: a server that trusts 127.0.0.1 must not trust them. No network
/// routes these addresses, RFC 2544.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
/// The address at which the program gets them. As a container's address, it reaches a program that listens everywhere, and none that
/// listens on 127.0.0.1 alone.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);

/// `RTM_NEWLINK`.
const NEW_LINK: u16 = 16;
/// `RTM_NEWADDR`.
const NEW_ADDRESS: u16 = 20;
/// `NLM_F_REQUEST` and `NLM_F_ACK`.
const REQUEST_ACKNOWLEDGED: u16 = 1 | 4;
/// `NLM_F_EXCL` and `NLM_F_CREATE`.
const NEW: u16 = 0x200 | 0x400;
/// `AF_INET`.
const IPV4: u8 = 2;
/// `IFA_ADDRESS` and `IFA_LOCAL`.
const ADDRESSES: [u16; 2] = [1, 2];
/// The index of the loopback device in every network namespace.
const LOOPBACK: u32 = 1;
/// `IFF_UP`.
const UP: u32 = 1;
/// The length of a `nlmsghdr`.
const HEADER: usize = 16;
/// The first port that needs no privilege.
const FIRST_PORT: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// Switches the loopback device on. Every user may listen on every port, as in a container of Docker. The host's `/proc` has to be
/// there.
pub(crate) fn switch_on() -> Result<(), Failure> {
    // A container around this process may refuse it. Then a port below 1024 needs a program of root.
    let _ = fs::write(FIRST_PORT, "0");
    ask(&link_up()).map_err(|error| Failure::new("switch its loopback device on", error))
}

/// Gives the device the addresses of connections from the host.
pub(crate) fn add_addresses() -> Result<(), Failure> {
    let add = |address| ask(&new_address(address));
    [CLIENT, SERVER].into_iter().try_for_each(add).map_err(|error| Failure::new("add its addresses", error))
}

fn ask(request: &[u8]) -> io::Result<()> {
    // The protocol without a number is NETLINK_ROUTE.
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    sendto(&socket, request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
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

/// Returns a request: a `nlmsghdr` and its content.
fn request(kind: u16, flags: u16, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + content.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::new();
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((REQUEST_ACKNOWLEDGED | flags).to_ne_bytes());
    // Its number, and the port of the sender, which the kernel fills in.
    bytes.extend([0; 8]);
    bytes.extend(content);
    bytes
}

fn link_up() -> Vec<u8> {
    // An `ifinfomsg`. The family and the type are unspecified.
    let mut content = vec![0; 4];
    content.extend(LOOPBACK.to_ne_bytes());
    content.extend(UP.to_ne_bytes());
    content.extend(UP.to_ne_bytes());
    request(NEW_LINK, 0, &content)
}

fn new_address(address: Ipv4Addr) -> Vec<u8> {
    // An `ifaddrmsg`: the family, the length of the prefix, no flags, and reachable from everywhere.
    let mut content = vec![IPV4, 32, 0, 0];
    content.extend(LOOPBACK.to_ne_bytes());
    for kind in ADDRESSES {
        // A `rtattr` of eight bytes.
        content.extend(8_u16.to_ne_bytes());
        content.extend(kind.to_ne_bytes());
        content.extend(address.octets());
    }
    request(NEW_ADDRESS, NEW, &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_the_lengths_that_they_state() {
        for (bytes, expected) in [(link_up(), 32), (new_address(SERVER), 40)] {
            assert_eq!(
                (bytes.len(), &bytes[..4]),
                (expected, u32::try_from(expected).expect("small").to_ne_bytes().as_slice())
            );
        }
    }
}
