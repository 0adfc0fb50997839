//! Requests over their own connection. The client library sends its requests through here too, because it reads answers without
//! a limit. It does not support the others: upgrades to a stream of bytes (the library loses a terminal's bytes that look like
//! headers), answers that count from their beginning, and the daemon's own JSON.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bollard::BollardRequest;
use bollard::errors::Error as Client;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, UPGRADE};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf, split};
use tokio::net::{TcpStream, UnixStream};

use crate::Endpoint;

/// The limit in bytes of an answer that is read as a whole.
const ANSWER: usize = 16 << 20;

/// The limit in bytes of an answer to the client library. A list of ten thousand images has 20 MiB.
const LIBRARY_ANSWER: u64 = 64 << 20;

/// The limit in bytes of a pull's messages. Each layer has one for every percent.
const PROGRESS: u64 = 256 << 20;

/// A socket of either kind.
trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A connection that a request has upgraded to a stream of bytes. Shutdown of the writing half keeps the other half open.
pub(crate) type Upgraded = TokioIo<hyper::upgrade::Upgraded>;
pub(crate) type Reader = ReadHalf<Upgraded>;
pub(crate) type Writer = WriteHalf<Upgraded>;

/// The body of a refusal.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// A request whose answer has not begun.
type Answering = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Client>> + Send>>;

/// Sends a request of the client library, with a limit of its answer.
pub(crate) fn transport(endpoint: Endpoint) -> impl Fn(BollardRequest) -> Answering + Send + Sync {
    move |mut request| {
        let endpoint = endpoint.clone();
        Box::pin(async move {
            let limit = limit(request.method(), request.uri().path());
            // A server wants the path alone, and the host in a header.
            let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
            *request.uri_mut() = Uri::from(path);
            request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
            exchange(&endpoint, request, limit).await
        })
    }
}

/// The limit of an answer in bytes. Archives of files and images have none, because the caller reads them piece by piece.
fn limit(method: &Method, path: &str) -> u64 {
    match path.rsplit('/').next() {
        Some("archive" | "export" | "get") if method == Method::GET => u64::MAX,
        Some("create") if path.ends_with("/images/create") => PROGRESS,
        _ => LIBRARY_ANSWER,
    }
}

/// Returns the answer once it has begun, or the daemon's refusal as an error.
pub(crate) async fn send(endpoint: &Endpoint, request: Request<String>) -> Result<Response<Incoming>, Client> {
    let response = exchange(endpoint, request, u64::MAX).await?;
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

/// Sends a request over a connection of its own. The connection breaks where its answer exceeds the limit in bytes.
async fn exchange<B>(endpoint: &Endpoint, request: Request<B>, limit: u64) -> Result<Response<Incoming>, Client>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let socket: Box<dyn Socket> = match endpoint {
        Endpoint::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Endpoint::Tcp(address) => {
            let socket = TcpStream::connect(address.as_str()).await?;
            // A key has to arrive without delay.
            socket.set_nodelay(true)?;
            Box::new(socket)
        }
    };
    let socket = LimitedSocket { socket, left: limit };
    let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await?;
    // The task ends with the answer's body, or with its drop.
    tokio::spawn(connection.with_upgrades());
    Ok(sender.send_request(request).await?)
}

/// A socket that fails where the daemon has sent more than the limit.
struct LimitedSocket {
    socket: Box<dyn Socket>,
    /// The bytes up to the limit.
    left: u64,
}

impl AsyncRead for LimitedSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(context, buffer))?;
        let read = (buffer.filled().len() - before) as u64;
        match self.left.checked_sub(read) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::new(io::ErrorKind::FileTooLarge, "the daemon's answer is too large"))),
        }
    }
}

impl AsyncWrite for LimitedSocket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// A request without a body, or with a JSON body.
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
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    request.headers_mut().insert(UPGRADE, HeaderValue::from_static("tcp"));
    let response = send(endpoint, request).await?;
    Ok(split(TokioIo::new(hyper::upgrade::on(response).await?)))
}

/// Reads the whole body of an answer, up to [`ANSWER`] bytes.
pub(crate) async fn read(response: Response<Incoming>) -> Result<Bytes, Client> {
    let body = Limited::new(response.into_body(), ANSWER).collect().await;
    body.map(|body| body.to_bytes()).map_err(|error| std::io::Error::other(error).into())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc;

    use super::*;
    use crate::Error;

    /// A server that answers every request with an endless list. Returns its address, and the number of bytes that a client took.
    fn endless_server() -> (Endpoint, mpsc::Receiver<u64>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = Endpoint::Tcp(listener.local_addr().unwrap().to_string());
        let (sender, taken) = mpsc::channel();
        std::thread::spawn(move || {
            for mut connection in listener.incoming().flatten() {
                let _ = connection.read(&mut [0; 4096]);
                let mut total = 0;
                let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[".to_vec();
                while connection.write_all(&bytes).is_ok() {
                    total += bytes.len() as u64;
                    bytes = vec![b' '; 1 << 20];
                }
                let _ = sender.send(total);
            }
        });
        (endpoint, taken)
    }

    #[test]
    fn endless_answer_is_an_error() {
        let (endpoint, taken) = endless_server();
        let version = bollard::API_DEFAULT_VERSION;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let error = runtime.block_on(async {
            let transport = transport(endpoint);
            let client =
                bollard::Docker::connect_with_custom_transport(transport, Some("http://docker"), 60, version).unwrap();
            client.list_containers(None).await.unwrap_err()
        });
        assert!(matches!(Error::from_client("list containers", error), Error::Unexpected { .. }));
        // The kernel buffers some more.
        let taken = taken.recv().unwrap();
        assert!((LIBRARY_ANSWER..LIBRARY_ANSWER + (32 << 20)).contains(&taken), "{taken}");
    }

    #[test]
    fn archives_alone_have_no_limit() {
        for (method, path, expected) in [
            (Method::GET, "/containers/web/archive", u64::MAX),
            (Method::GET, "/containers/web/export", u64::MAX),
            (Method::GET, "/images/a/b:1/get", u64::MAX),
            (Method::PUT, "/containers/web/archive", LIBRARY_ANSWER),
            (Method::POST, "/images/create", PROGRESS),
            (Method::POST, "/containers/create", LIBRARY_ANSWER),
            (Method::GET, "/images/json", LIBRARY_ANSWER),
        ] {
            assert_eq!(limit(&method, path), expected, "{method} {path}");
        }
    }
}
