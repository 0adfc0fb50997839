//! The routes, and the requests that each of them refuses.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, EXPECT, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::log;
use crate::store::{Outcome, Store};
use crate::thumbnail::{self, thumbnail};

/// The most bytes of a file.
const MAX_BODY: usize = 32 << 20;
/// Bytes of a body too large that are still read and thrown away, so that its sender gets to read the answer instead of a
/// reset connection.
const MAX_DISCARDED: usize = 32 << 20;
/// The widest thumbnail, in pixels.
const MAX_WIDTH: u32 = 4096;
/// The time limit for a body to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// The most bodies in memory at a time.
const UPLOADS: usize = 16;
/// The longest wait of a request for a place among them.
const QUEUE_TIME: Duration = Duration::from_secs(10);
/// The most images that are decoded at a time, on however many cores: each may take `4 * MAX_PIXELS` bytes.
const MAX_DECODERS: usize = 4;

/// The state that all connections share.
pub(crate) struct Service {
    store: Store,
    uploads: Semaphore,
    decoders: Semaphore,
}

/// A request that gets a status and a reason.
struct Refusal(StatusCode, String);

impl Refusal {
    fn bad(reason: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, reason.into())
    }

    fn too_large() -> Self {
        Self(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {MAX_BODY} bytes"))
    }

    fn internal(error: impl std::fmt::Display) -> Self {
        log(format_args!("{error}"));
        Self(StatusCode::INTERNAL_SERVER_ERROR, "internal error".to_owned())
    }
}

impl From<thumbnail::Error> for Refusal {
    fn from(error: thumbnail::Error) -> Self {
        use thumbnail::Error;
        match error {
            Error::Unknown | Error::Corrupt { .. } => Self::bad(error.to_string()),
            Error::TooManyPixels { .. } => Self(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            Error::OutOfMemory | Error::Encode { .. } => Self::internal(error),
        }
    }
}

impl Service {
    /// A service that counts in `store` and decodes on the host's cores.
    pub(crate) fn new(store: Store) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { store, uploads: Semaphore::new(UPLOADS), decoders: Semaphore::new(cores.min(MAX_DECODERS)) }
    }

    /// Where the counts are kept.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Answers a request; every failure becomes an answer too.
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let read_only = matches!(*request.method(), Method::GET | Method::HEAD);
        let answer = match request.uri().path() {
            "/healthz" if read_only => Ok(response(StatusCode::OK, "text/plain; charset=utf-8", "ok")),
            "/stats" if read_only => self.stats().await,
            "/thumbnail" if request.method() == Method::POST => self.thumbnail(request).await,
            "/healthz" | "/stats" => return Ok(not_allowed("GET, HEAD")),
            "/thumbnail" => return Ok(not_allowed("POST")),
            _ => Err(Refusal(StatusCode::NOT_FOUND, "there is nothing here".to_owned())),
        };
        Ok(answer.unwrap_or_else(refuse))
    }

    async fn stats(self: Arc<Self>) -> Result<Response<Full<Bytes>>, Refusal> {
        let stats = blocking(move || self.store.stats()).await?.map_err(Refusal::internal)?;
        let json = serde_json::to_string(&stats).map_err(Refusal::internal)?;
        Ok(response(StatusCode::OK, "application/json", json + "\n"))
    }

    /// Makes a thumbnail and counts the outcome.
    async fn thumbnail(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Refusal> {
        let made = self.make(request).await;
        let outcome = made.as_ref().map_or(Outcome::Refused, |(outcome, _)| *outcome);
        // A count that is lost is no reason to withhold the thumbnail.
        if let Err(error) = blocking(move || self.store.record(outcome)).await? {
            log(format_args!("failed to count a request: {error}"));
        }
        made.map(|(_, png)| response(StatusCode::OK, "image/png", png))
    }

    async fn make(&self, request: Request<Incoming>) -> Result<(Outcome, Vec<u8>), Refusal> {
        let width = width(request.uri().query().unwrap_or_default())?;
        let busy = |_| Refusal(StatusCode::SERVICE_UNAVAILABLE, "too many requests at a time".to_owned());
        let closed = |_| Refusal(StatusCode::SERVICE_UNAVAILABLE, "the service stops".to_owned());
        let _upload = timeout(QUEUE_TIME, self.uploads.acquire()).await.map_err(busy)?.map_err(closed)?;
        let file = timeout(BODY_TIME, body(request)).await.map_err(|_| {
            Refusal(StatusCode::REQUEST_TIMEOUT, format!("the body took longer than {} s", BODY_TIME.as_secs()))
        })??;
        let _decoder = self.decoders.acquire().await.map_err(closed)?;
        let received = file.len();
        let (format, png) = blocking(move || thumbnail(&file, width)).await??;
        Ok((Outcome::Made { format, received, sent: png.len() }, png))
    }
}

/// Runs a function that computes or waits for a disk, outside of the thread that serves the connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(Refusal::internal)
}

/// Reads a whole body.
async fn body(request: Request<Incoming>) -> Result<Vec<u8>, Refusal> {
    let claimed = request.body().size_hint().lower();
    let large = claimed > MAX_BODY as u64;
    if large && request.headers().contains_key(EXPECT) {
        // The sender waits for a word before it sends.
        return Err(Refusal::too_large());
    }
    let mut body = request.into_body();
    // A length that is only claimed takes no memory.
    let mut file = Vec::new();
    let mut received = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::bad(format!("failed to read the body: {error}")))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        received = received.saturating_add(data.len());
        if received > MAX_BODY + MAX_DISCARDED {
            return Err(Refusal::too_large());
        }
        if large || received > MAX_BODY {
            file = Vec::new();
        } else {
            file.extend_from_slice(&data);
        }
    }
    if received > MAX_BODY { Err(Refusal::too_large()) } else { Ok(file) }
}

/// The width that a query asks for: `width=N`, among other keys that are ignored.
fn width(query: &str) -> Result<u32, Refusal> {
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("width="))
        .ok_or_else(|| Refusal::bad("the query has no width: POST /thumbnail?width=N"))?;
    match value.parse() {
        Ok(width @ 1..=MAX_WIDTH) => Ok(width),
        _ => Err(Refusal::bad(format!("the width is no number from 1 to {MAX_WIDTH}"))),
    }
}

fn response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn refuse(Refusal(status, reason): Refusal) -> Response<Full<Bytes>> {
    let mut response = response(status, "text/plain; charset=utf-8", reason + "\n");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn not_allowed(allowed: &'static str) -> Response<Full<Bytes>> {
    let reason = format!("the methods here are: {allowed}");
    let mut response = refuse(Refusal(StatusCode::METHOD_NOT_ALLOWED, reason));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_is_a_number_in_range() {
        let cases = [
            ("width=1", Some(1)),
            ("width=4096", Some(4096)),
            ("quality=3&width=64", Some(64)),
            ("", None),
            ("width", None),
            ("width=", None),
            ("width=0", None),
            ("width=-1", None),
            ("width=4097", None),
            ("width=99999999999999999999", None),
            ("width=64px", None),
            ("maxwidth=64", None),
        ];
        for (query, expected) in cases {
            assert_eq!(width(query).ok(), expected, "{query}");
        }
    }
}
