//! Requests over a connection of their own, where the client library does not give what is needed: a connection that becomes
//! a stream of bytes both ways (of a terminal's, the library takes some for headers and loses them), an answer of which
//! the beginning counts, and the daemon's own words.

use bollard::errors::Error as Client;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, UPGRADE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf, split};
use tokio::net::{TcpStream, UnixStream};

use crate::Endpoint;

/// The size that an answer which is read as a whole may have, in bytes.
const ANSWER: usize = 16 << 20;

/// A socket of either kind.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A connection that a request has turned into a stream of bytes both ways. Shutting the writing half down closes this
/// direction of the socket alone.
pub(crate) type Upgraded = TokioIo<hyper::upgrade::Upgraded>;
pub(crate) type Reader = ReadHalf<Upgraded>;
pub(crate) type Writer = WriteHalf<Upgraded>;

/// What the daemon says in the body of a refusal.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// Gives the answer once it has begun, if it is one of success.
pub(crate) async fn send(endpoint: &Endpoint, request: Request<String>) -> Result<Response<Incoming>, Client> {
    let socket: Box<dyn Socket> = match endpoint {
        Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Endpoint::Tcp(address) => {
            let socket = TcpStream::connect(address.as_str()).await?;
            // Keys are sent one by one, and waited for.
            socket.set_nodelay(true)?;
            Box::new(socket)
        }
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    // It ends with the answer's body, or when that is dropped.
    tokio::spawn(connection.with_upgrades());
    let response = sender.send_request(request).await?;
    let status = response.status();
    if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    let body = read(response).await?;
    let message = match serde_json::from_slice::<Refusal>(&body) {
        Ok(refusal) => refusal.message,
        Err(_) => String::from_utf8_lossy(&body).trim().to_owned(),
    };
    Err(Client::DockerResponseServerError { status_code: status.as_u16(), message })
}

/// A request without a body, or with one of JSON.
pub(crate) fn request(method: Method, address: &str, body: Option<String>) -> Result<Request<String>, Client> {
    let builder = Request::builder().method(method).uri(address).header(HOST, "docker");
    let builder = if body.is_some() { builder.header(CONTENT_TYPE, "application/json") } else { builder };
    Ok(builder.body(body.unwrap_or_default())?)
}

/// Sends a request whose connection becomes a stream of bytes.
pub(crate) async fn upgrade(
    endpoint: &Endpoint,
    address: &str,
    body: Option<String>,
) -> Result<(Reader, Writer), Client> {
    let mut request = request(Method::POST, address, body)?;
    request.headers_mut().insert(CONNECTION, hyper::header::HeaderValue::from_static("Upgrade"));
    request.headers_mut().insert(UPGRADE, hyper::header::HeaderValue::from_static("tcp"));
    let response = send(endpoint, request).await?;
    Ok(split(TokioIo::new(hyper::upgrade::on(response).await?)))
}

/// The whole body of an answer, which is of no more than some megabytes.
pub(crate) async fn read(response: Response<Incoming>) -> Result<Bytes, Client> {
    let body = Limited::new(response.into_body(), ANSWER).collect().await;
    body.map(|body| body.to_bytes()).map_err(|error| std::io::Error::other(error).into())
}
