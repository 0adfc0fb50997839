//! `--publish`: ports of this machine that lead to ports of the program.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use tierce_execute::{Error, ErrorKind};
use tierce_sandbox::Published;

/// A value of `--publish`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Publish {
    /// The address and the port of this machine; the kernel chooses a free port for 0.
    pub(crate) host: SocketAddr,
    /// The port of the program.
    pub(crate) port: u16,
}

/// Parses `[[ADDRESS:][HOST_PORT]:]PORT[/tcp]`.
pub(crate) fn parse(text: &str) -> Result<Publish, String> {
    let (rest, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    match protocol {
        "tcp" => {}
        "udp" | "sctp" => {
            return Err(format!("the sandbox passes on TCP alone, not {protocol}; run the image in a daemon"));
        }
        _ => return Err(format!("`{protocol}` is no protocol; write /tcp, or nothing")),
    }
    let (host, port) = rest.rsplit_once(':').unwrap_or(("", rest));
    if host.ends_with(']') {
        return Err(format!("`{text}` has no port of this machine; write {host}::{port} for a free one"));
    }
    let (address, host_port) = match host.rsplit_once(':') {
        Some((address, host_port)) => (Some(address), host_port),
        None => (None, host),
    };
    let address = match address {
        None => IpAddr::from(Ipv4Addr::LOCALHOST),
        Some(address) => {
            let bare = address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address);
            bare.parse().map_err(|_| format!("`{address}` is no address; write numbers, such as 127.0.0.1 or [::1]"))?
        }
    };
    let host_port = if host_port.is_empty() { 0 } else { number(host_port)? };
    match number(port)? {
        0 => Err("no program has the port 0".to_owned()),
        port => Ok(Publish { host: SocketAddr::new(address, host_port), port }),
    }
}

fn number(text: &str) -> Result<u16, String> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_number);
    number.ok_or_else(|| match text.contains('-') {
        true => format!("`{text}` is a range; give each port an option of its own"),
        false => format!("`{text}` is no port; write [[ADDRESS:]HOST_PORT:]PORT, such as 8080:80"),
    })
}

/// Opens the ports of this machine. Returns also a line for each one whose number the kernel chose.
///
/// # Errors
/// If another program has the port, or the user may not open it.
pub(crate) fn open(ports: &[Publish]) -> Result<(Vec<Published>, Vec<String>), Error> {
    let (mut opened, mut told) = (Vec::new(), Vec::new());
    for Publish { host, port } in ports {
        let bound = TcpListener::bind(host).and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|error| refused(host, &error))?;
        if host.port() == 0 {
            told.push(format!("{address} leads to port {port}"));
        }
        opened.push(Published { listener, port: *port });
    }
    Ok((opened, told))
}

fn refused(host: &SocketAddr, error: &std::io::Error) -> Error {
    let help = match error.kind() {
        std::io::ErrorKind::AddrInUse => "publish another port, or end the program that has this one",
        std::io::ErrorKind::PermissionDenied => "publish a port from 1024 on, or run as root",
        _ => "give an address of this machine, such as 127.0.0.1 or 0.0.0.0",
    };
    Error::new(ErrorKind::Table, format!("cannot listen on {host}: {error}")).with_help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_written_as_for_docker() {
        for (text, host, port) in [
            ("80", "127.0.0.1:0", 80),
            ("8080:80", "127.0.0.1:8080", 80),
            ("8080:80/tcp", "127.0.0.1:8080", 80),
            (":80", "127.0.0.1:0", 80),
            ("0.0.0.0:8080:80", "0.0.0.0:8080", 80),
            ("0.0.0.0::80", "0.0.0.0:0", 80),
            ("[::1]:8080:80", "[::1]:8080", 80),
            ("::1:8080:80", "[::1]:8080", 80),
            ("[::1]::80", "[::1]:0", 80),
        ] {
            let host = host.parse().expect("an address");
            assert_eq!(parse(text), Ok(Publish { host, port }), "{text}");
        }
        for (text, expected) in [
            ("53:53/udp", "TCP alone"),
            ("80/http", "no protocol"),
            ("localhost:8080:80", "`localhost` is no address"),
            ("8000-8010:80", "`8000-8010` is a range"),
            ("8080:", "`` is no port"),
            ("", "`` is no port"),
            ("+80", "`+80` is no port"),
            ("65536", "`65536` is no port"),
            ("8080:0", "the port 0"),
            ("[::1]:80", "write [::1]::80 for a free one"),
        ] {
            let refused = parse(text).expect_err(text);
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }

    #[test]
    fn taken_port_is_named() {
        let (opened, told) = open(&[parse("80").expect("valid")]).expect("a free port");
        let address = opened[0].listener.local_addr().expect("an address");
        assert_eq!((told, opened[0].port), (vec![format!("{address} leads to port 80")], 80));
        let error = open(&[Publish { host: address, port: 80 }]).expect_err("taken");
        assert!(error.to_string().contains(&format!("cannot listen on {address}: ")), "{error}");
    }
}
