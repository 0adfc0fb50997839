//! One GET over TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod};

/// The most bytes of a response.
const MAX_ANSWER: u64 = 64 << 20;
/// The longest silence of a server.
const PATIENCE: Duration = Duration::from_secs(30);

/// Fetches a URL. Returns the body of the response.
pub(crate) fn get(url: &str) -> Result<Vec<u8>, String> {
    let (host, port, path) = parts(url).ok_or("it is not https://HOST[:PORT][/PATH]")?;
    let stream = TcpStream::connect((host, port)).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
    let connector = SslConnector::builder(SslMethod::tls_client()).map_err(|error| error.to_string())?.build();
    let mut stream = connector.connect(host, stream).map_err(|error| error.to_string())?;
    // With this version the server sends no chunks, and closes the connection after its response.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: fetch\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER + 1).read_to_end(&mut answer).map_err(|error| error.to_string())?;
    if answer.len() as u64 > MAX_ANSWER {
        return Err(format!("the answer has more than {MAX_ANSWER} bytes"));
    }
    body(answer)
}

/// Returns the host, port and path of a URL without a user.
fn parts(url: &str) -> Option<(&str, u16, &str)> {
    let rest = url.strip_prefix("https://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, 443),
    };
    let is_clean = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    let is_host = !host.is_empty() && is_clean(host) && !host.contains('@');
    (is_host && is_clean(path)).then_some((host, port, if path.is_empty() { "/" } else { path }))
}

/// Returns the body of a response, or an error if its status is not a success.
fn body(mut answer: Vec<u8>) -> Result<Vec<u8>, String> {
    const END: &[u8] = b"\r\n\r\n";
    let end = answer.windows(END.len()).position(|bytes| bytes == END).ok_or("the answer has no head")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.lines().next().unwrap_or_default();
    match status.split(' ').nth(1) {
        Some(code) if code.len() == 3 && code.starts_with('2') => Ok(answer.split_off(end + END.len())),
        _ => Err(format!("the server says `{}`", status.escape_debug())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_parts() {
        for (url, expected) in [
            ("https://a", Some(("a", 443, "/"))),
            ("https://a.example:8443/x?y=1", Some(("a.example", 8443, "/x?y=1"))),
            ("http://a", None),
            ("https:///x", None),
            ("https://a:x/", None),
            ("https://user@a/", None),
            ("https://a/ HTTP", None),
        ] {
            assert_eq!(parts(url), expected, "{url}");
        }
    }

    #[test]
    fn only_a_success_has_a_body() {
        assert_eq!(body(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\nx\r\n\r\ny".to_vec()), Ok(b"x\r\n\r\ny".to_vec()));
        for (answer, problem) in [
            (&b"HTTP/1.0 404 Not Found\r\n\r\nx"[..], "the server says `HTTP/1.0 404 Not Found`"),
            (b"nothing", "the answer has no head"),
            (b"\r\n\r\n", "the server says ``"),
        ] {
            assert_eq!(body(answer.to_vec()), Err(problem.to_owned()));
        }
    }
}
