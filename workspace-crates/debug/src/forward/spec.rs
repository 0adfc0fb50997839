//! The value of `-L`: a port of this machine, and a port in the target's network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::Error;

/// One `-L`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardSpec {
    /// The address of this machine. The kernel chooses for port 0.
    pub host: SocketAddr,
    /// The address or name to connect to in the target's network; by default its loopback of either kind.
    pub address: Option<String>,
    /// The port there.
    pub port: u16,
}

impl ForwardSpec {
    /// Parses `PORT`, `[HOST_ADDRESS:]HOST_PORT:TARGET_PORT` or, as ssh has it,
    /// `[HOST_ADDRESS:]HOST_PORT:TARGET_ADDRESS:TARGET_PORT`. Addresses with colons stand in brackets.
    ///
    /// # Errors
    /// A text of another form.
    pub fn parse(text: &str) -> Result<ForwardSpec, Error> {
        let wrong =
            |reason: &str| Error::Value { kind: "the forwarding", value: text.to_owned(), reason: reason.into() };
        let parts = parts(text).ok_or_else(|| wrong("a bracket is not closed, or something stands behind it"))?;
        let port = |part: &str| part.parse::<u16>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
        let host_port =
            |part: &str| port(part).ok_or_else(|| wrong("the port of this machine is not between 0 and 65535"));
        let target_port = |part: &str| {
            port(part)
                .filter(|&port| port != 0)
                .ok_or_else(|| wrong("the port of the target is not between 1 and 65535"))
        };
        let (host_address, host, address, target) = match parts[..] {
            [target] => (None, target_port(target)?, None, target),
            [host, target] => (None, host_port(host)?, None, target),
            [host, address, target] if port(host).is_some() && port(address).is_none() => {
                (None, host_port(host)?, Some(address), target)
            }
            [host_address, host, target] => (Some(host_address), host_port(host)?, None, target),
            [host_address, host, address, target] => (Some(host_address), host_port(host)?, Some(address), target),
            _ => return Err(wrong("it is not of the form [HOST_ADDRESS:]HOST_PORT:TARGET_PORT")),
        };
        let host_address = match host_address {
            None | Some("localhost") => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Some(address) => address.parse().map_err(|_| wrong("the address of this machine is not an IP address"))?,
        };
        if address.is_some_and(|address| !is_host(address)) {
            return Err(wrong("the address in the target's network is neither an IP address nor a name"));
        }
        let address = address.filter(|&address| address != "localhost").map(str::to_owned);
        Ok(ForwardSpec { host: SocketAddr::new(host_address, host), address, port: target_port(target)? })
    }

    /// The addresses for socat, in order.
    pub(crate) fn socat_addresses(&self) -> Vec<String> {
        let port = self.port;
        match &self.address {
            // A program may listen on either.
            None => {
                vec![format!("TCP4:{}:{port}", Ipv4Addr::LOCALHOST), format!("TCP6:[{}]:{port}", Ipv6Addr::LOCALHOST)]
            }
            Some(address) if address.parse::<Ipv6Addr>().is_ok() => vec![format!("TCP6:[{address}]:{port}")],
            Some(address) => vec![format!("TCP:{address}:{port}")],
        }
    }

    /// The destination for people.
    pub fn target(&self) -> String {
        match &self.address {
            None => format!("port {}", self.port),
            Some(address) if address.contains(':') => format!("[{address}]:{}", self.port),
            Some(address) => format!("{address}:{}", self.port),
        }
    }
}

impl fmt::Display for ForwardSpec {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} to {}", self.host, self.target())
    }
}

/// Splits at colons outside of brackets, and removes the brackets.
fn parts(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut rest = Some(text);
    while let Some(text) = rest {
        let (part, after) = match text.strip_prefix('[') {
            None => text.split_once(':').map_or((text, None), |(part, after)| (part, Some(after))),
            Some(text) => match text.split_once(']')? {
                (part, "") => (part, None),
                (part, after) => (part, Some(after.strip_prefix(':')?)),
            },
        };
        parts.push(part);
        rest = after;
    }
    Some(parts)
}

/// Whether a text is safe in socat's addresses, where some characters are special.
fn is_host(text: &str) -> bool {
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    text.parse::<Ipv6Addr>().is_ok() || !text.is_empty() && text.bytes().all(of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwards_follow_ssh_syntax() {
        for (text, expected) in [
            ("8080", Some("127.0.0.1:8080 to port 8080")),
            ("0:80", Some("127.0.0.1:0 to port 80")),
            ("8080:80", Some("127.0.0.1:8080 to port 80")),
            ("0.0.0.0:8080:80", Some("0.0.0.0:8080 to port 80")),
            ("localhost:8080:80", Some("127.0.0.1:8080 to port 80")),
            ("[::1]:8080:80", Some("[::1]:8080 to port 80")),
            ("8080:localhost:80", Some("127.0.0.1:8080 to port 80")),
            ("8080:10.0.0.7:80", Some("127.0.0.1:8080 to 10.0.0.7:80")),
            ("8080:db.internal:5432", Some("127.0.0.1:8080 to db.internal:5432")),
            ("8080:[fd00::7]:80", Some("127.0.0.1:8080 to [fd00::7]:80")),
            ("[::]:8080:[::1]:80", Some("[::]:8080 to [::1]:80")),
            ("", None),
            ("0", None),
            ("80:0", None),
            ("65536", None),
            ("+80", None),
            ("80:", None),
            (":80", None),
            ("::1:80:80", None),
            ("web:8080:80", None),
            ("[::1:8080:80", None),
            ("[::1]x:8080:80", None),
            ("8080:a,fork:80", None),
            ("8080:[a]b:80", None),
            ("1:2:3:4:5", None),
        ] {
            assert_eq!(ForwardSpec::parse(text).ok().map(|spec| spec.to_string()).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn default_tries_both_loopbacks() {
        for (text, expected) in [
            ("80", "TCP4:127.0.0.1:80 TCP6:[::1]:80"),
            ("80:db:81", "TCP:db:81"),
            ("80:[::1]:81", "TCP6:[::1]:81"),
            ("80:127.0.0.1:81", "TCP:127.0.0.1:81"),
        ] {
            assert_eq!(ForwardSpec::parse(text).unwrap().socat_addresses().join(" "), expected, "{text}");
        }
    }
}
