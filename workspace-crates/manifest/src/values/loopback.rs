//! Addresses of health checks: those of the container's own loopback device.

use std::num::NonZeroU16;

use super::run::decimal;
use crate::error::Fault;

/// A port of the loopback device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loopback {
    /// `4` for 127.0.0.1, `6` for ::1, `46` for both.
    pub(crate) families: &'static str,
    /// The TCP port.
    pub(crate) port: NonZeroU16,
}

impl Loopback {
    /// Parses `8080`, `localhost:8080`, `127.0.0.1:8080` or `[::1]:8080`.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let (families, port) = match text.rsplit_once(':') {
            None => ("46", text),
            Some((host, port)) => (families(host)?, port),
        };
        match decimal(port) {
            Some(port) => Ok(Self { families, port }),
            None => Err(Fault::new(format!("`{}` is not a port of the container", text.escape_debug()), "not a port")
                .help("write a number from 1 to 65535, or an address such as \"127.0.0.1:8080\"")),
        }
    }

    /// Parses a port, or an address such as `http://127.0.0.1:8080/healthz`. Returns it with the path, by default `/`.
    pub(crate) fn parse_http(text: &str) -> Result<(Self, &str), Fault> {
        if text.starts_with("https:") {
            return Err(Fault::new("the probe speaks no TLS", "https").help(
                "ask a port that speaks plain HTTP inside of the container, or the bare port with `tcp`, or give a `cmd` of \
                 the image's own",
            ));
        }
        let Some(rest) = text.strip_prefix("http://") else { return Ok((Self::parse(text)?, "/")) };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        super::check_request_path(path)?;
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let address = match has_port {
            true => Self::parse(authority)?,
            false => Self { families: families(authority)?, port: NonZeroU16::MIN.saturating_add(79) },
        };
        Ok((address, path))
    }
}

fn families(host: &str) -> Result<&'static str, Fault> {
    match host {
        "localhost" => Ok("46"),
        "127.0.0.1" => Ok("4"),
        "[::1]" => Ok("6"),
        other => {
            let message = format!("a health check asks its own container, and `{}` is not that", other.escape_debug());
            Err(Fault::new(message, "not the container's own address")
                .help("write localhost, 127.0.0.1 or [::1], or the port alone"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_valid() {
        for (text, expected) in [
            ("8080", Some(("46", 8080, "/"))),
            ("localhost:1", Some(("46", 1, "/"))),
            ("http://127.0.0.1:8080/healthz?a=b", Some(("4", 8080, "/healthz?a=b"))),
            ("http://[::1]:65535", Some(("6", 65535, "/"))),
            ("http://localhost/", Some(("46", 80, "/"))),
            ("http://[::1]/x", Some(("6", 80, "/x"))),
            ("https://localhost/", None),
            ("http://example.org/", None),
            ("http://0.0.0.0:80/", None),
            ("http://localhost:0/", None),
            ("http://localhost:80/a b", None),
            ("http://user@localhost:80/", None),
            ("::1:80", None),
            ("0", None),
            ("65536", None),
            ("", None),
        ] {
            let came = Loopback::parse_http(text).map(|(to, path)| (to.families, to.port.get(), path)).ok();
            assert_eq!(came, expected, "{text:?}");
        }
    }
}
