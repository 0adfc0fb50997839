//! The HTTP client: sends one request and classifies its failure.

use std::io::{self, Read};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};

use crate::error::ErrorKind;
use crate::{Options, masked};

/// The limit of a server's Retry-After.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Keeps connections alive between requests.
pub(crate) struct Client {
    agent: Agent,
}

/// A request that failed.
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// Whether the same request may succeed later.
    pub(crate) is_transient: bool,
    /// The server's Retry-After, limited to [`MAX_WAIT`].
    pub(crate) wait: Duration,
}

/// A response whose status is 200 or 206.
pub(crate) struct Content {
    /// The first byte's position in the file.
    pub(crate) offset: u64,
    /// The whole file's size, if the server gives it.
    pub(crate) total: Option<u64>,
    /// The file version's ETag or date, for If-Range.
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

    /// Ends every request: threads that wait for a server return.
    pub(crate) fn shut_down(&self) {
        self.agent.clone().shutdown();
    }

    /// Requests the head of `url` within `timeout`, without following a redirect.
    pub(crate) fn knock(&self, url: &str, timeout: Duration) -> Result<(), String> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err("it is not an http or https URL".to_owned());
        }
        let request = self.agent.head(url).config();
        let request = request.max_redirects(0).max_redirects_will_error(false).timeout_global(Some(timeout)).build();
        request.call().map(drop).map_err(|error| match error {
            // Its text can have the whole URL.
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => "its URL is invalid".to_owned(),
            other => one_line(&other),
        })
    }

    /// Requests `url` from byte `offset`, or the whole file if `validator` names another version.
    pub(crate) fn get(&self, url: &str, offset: u64, validator: Option<&str>) -> Result<Content, Failure> {
        let uri = Uri::try_from(url).ok().filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
        // Redirects may lead from http to https, never back.
        let is_https = match uri.as_ref().and_then(Uri::scheme_str) {
            Some("https") => true,
            Some("http") => false,
            _ => {
                let why = format!("`{}` is not an http or https URL", masked(url));
                return Err(Failure::permanent(ErrorKind::Request { why }));
            }
        };
        let mut request = self.agent.get(url).config().https_only(is_https).build();
        // The digest covers the uncompressed bytes.
        request = request.header("Accept-Encoding", "identity");
        if offset > 0 {
            request = request.header("Range", format!("bytes={offset}-"));
            if let Some(validator) = validator {
                request = request.header("If-Range", validator);
            }
        }
        let response = request.call().map_err(|error| Failure::from_client(url, error))?;
        match response.status().as_u16() {
            200 => Ok(Content::new(response, 0)),
            206 => match range_start(&response) == Some(offset) {
                true => Ok(Content::new(response, offset)),
                false => Err(Failure::permanent(ErrorKind::Network {
                    url: masked(url),
                    why: "the server answered with another range than requested".to_owned(),
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

    /// A transfer that is too slow. The server may be faster later.
    pub(crate) fn slow(kind: ErrorKind) -> Self {
        Self { kind, is_transient: true, wait: Duration::ZERO }
    }

    /// A transfer that broke off.
    pub(crate) fn broken(url: &str, error: io::Error) -> Self {
        Self::from_client(url, ureq::Error::from(error))
    }

    fn from_client(url: &str, error: ureq::Error) -> Self {
        use ureq::Error as E;
        let is_transient = match &error {
            // The verifier's refusal of a certificate comes as an io error with InvalidData too.
            E::Io(error) => error.kind() != io::ErrorKind::InvalidData,
            E::Timeout(_) | E::HostNotFound | E::ConnectionFailed | E::Protocol(_) | E::BodyStalled => true,
            _ => false,
        };
        let redirect = |why| ErrorKind::Redirect { url: masked(url), why };
        let kind = match &error {
            // The URL itself is valid. ureq's text would show a redirect's credentials.
            E::BadUri(_) | E::Http(_) | E::RedirectFailed => redirect("redirects to a URL that is not http or https"),
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
    // ureq's prefix of system errors.
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
