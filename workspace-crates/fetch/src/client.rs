//! The HTTP client: one request at a time, and what its failure means.

use std::io::{self, Read};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};

use crate::error::ErrorKind;
use crate::{Options, masked};

/// No server is waited for longer than this, whatever its Retry-After says.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Connections that are kept alive between requests.
pub(crate) struct Client {
    agent: Agent,
}

/// A request that failed.
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// Whether the same request may succeed later.
    pub(crate) is_transient: bool,
    /// How long the server asks to be left alone.
    pub(crate) wait: Duration,
}

/// A response whose status is 200 or 206.
pub(crate) struct Content {
    /// Where in the file its bytes start.
    pub(crate) offset: u64,
    /// The whole file's size, if the server says it.
    pub(crate) total: Option<u64>,
    /// What names this version of the file, for If-Range.
    pub(crate) validator: Option<String>,
    pub(crate) reader: Box<dyn Read>,
}

impl Client {
    pub(crate) fn new(options: &Options) -> Self {
        let connections = options.connections.max(1);
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .user_agent(concat!("tierce/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(options.connect_timeout))
            .timeout_connect(Some(options.connect_timeout))
            .timeout_recv_response(Some(options.read_timeout))
            .timeout_per_read(Some(options.read_timeout))
            .timeout_per_write(Some(options.read_timeout))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections);
        Self { agent: config.build().new_agent() }
    }

    /// Ends every request, so that a thread that waits for a server returns.
    pub(crate) fn shut_down(&self) {
        self.agent.clone().shutdown();
    }

    /// Asks for `url` from byte `offset`, provided that the file is still the one that `validator` names.
    pub(crate) fn get(&self, url: &str, offset: u64, validator: Option<&str>) -> Result<Content, Failure> {
        let uri = Uri::try_from(url).ok().filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
        // Redirects may lead from http to https, never back.
        let is_https = match uri.as_ref().and_then(Uri::scheme_str) {
            Some("https") => true,
            Some("http") => false,
            _ => {
                let why = format!("`{}` is no http or https URL", masked(url));
                return Err(Failure::permanent(ErrorKind::Request { why }));
            }
        };
        let mut request = self.agent.get(url).config().https_only(is_https).build();
        // Compressed transfer would make the bytes other than those the digest is of.
        request = request.header("Accept-Encoding", "identity");
        if offset > 0 {
            request = request.header("Range", format!("bytes={offset}-"));
            if let Some(validator) = validator {
                request = request.header("If-Range", validator);
            }
        }
        let response = request.call().map_err(|error| Failure::of(url, error))?;
        match response.status().as_u16() {
            200 => Ok(Content::new(response, 0)),
            206 => match range_start(&response) == Some(offset) {
                true => Ok(Content::new(response, offset)),
                false => Err(Failure::permanent(ErrorKind::Network {
                    url: masked(url),
                    why: "the server answered with another range than the one asked for".to_owned(),
                })),
            },
            status => Err(Failure::status(url, status, &response)),
        }
    }
}

impl Content {
    fn new(response: Response<ureq::Body>, offset: u64) -> Self {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        // A weak validator names no exact bytes (RFC 9110, 13.1.5).
        let etag = header("etag").filter(|etag| !etag.starts_with("W/"));
        let validator = etag.or_else(|| header("last-modified")).map(str::to_owned);
        let length = header("content-length").and_then(|length| length.parse::<u64>().ok());
        let total = length.and_then(|length| length.checked_add(offset));
        Self { offset, total, validator, reader: Box::new(response.into_body().into_reader()) }
    }
}

/// The first byte of "Content-Range: bytes 100-199/200".
fn range_start(response: &Response<ureq::Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range.trim().strip_prefix("bytes")?.trim_start().split_once('-')?.0.parse().ok()
}

impl Failure {
    fn permanent(kind: ErrorKind) -> Self {
        Self { kind, is_transient: false, wait: Duration::ZERO }
    }

    fn status(url: &str, status: u16, response: &Response<ureq::Body>) -> Self {
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Self {
            kind: ErrorKind::status(url, status),
            is_transient: matches!(status, 408 | 425 | 429 | 500..),
            wait: Duration::from_secs(wait.unwrap_or(0)).min(MAX_WAIT),
        }
    }

    /// A transfer that broke off.
    pub(crate) fn broken(url: &str, error: io::Error) -> Self {
        Self::of(url, ureq::Error::from(error))
    }

    fn of(url: &str, error: ureq::Error) -> Self {
        use ureq::Error as E;
        let is_transient = match &error {
            // The verifier's refusal of a certificate comes as an io error with InvalidData too.
            E::Io(error) => error.kind() != io::ErrorKind::InvalidData,
            E::Timeout(_) | E::HostNotFound | E::ConnectionFailed | E::Protocol(_) | E::BodyStalled => true,
            _ => false,
        };
        let redirect = |why| ErrorKind::Redirect { url: masked(url), why };
        let kind = match &error {
            // The URL itself was looked at before; these texts would show a redirect's credentials.
            E::BadUri(_) | E::Http(_) | E::RedirectFailed => redirect("redirects to what is no http or https URL"),
            E::RequireHttpsOnly(_) => redirect("redirects from https to http"),
            E::TooManyRedirects => redirect("redirects too many times"),
            other => ErrorKind::Network { url: masked(url), why: one_line(other) },
        };
        Self { kind, is_transient, wait: Duration::ZERO }
    }
}

/// An error and its causes as one line, each once.
pub(crate) fn one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    // What ureq says of the system's own errors before their words.
    let mut line = text.strip_prefix("io: ").unwrap_or(&text).to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}
