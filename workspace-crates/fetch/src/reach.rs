//! Whether a server answers.

use std::time::Duration;

use crate::Options;
use crate::client::Client;

/// Requests the head of a URL, as a download would: with the host's proxy and certificates. Any status is an answer.
///
/// # Errors
/// The cause in one line, without credentials.
pub fn reach(url: &str, timeout: Duration) -> Result<(), String> {
    let options = Options { connect_timeout: timeout, read_timeout: timeout, ..Options::default() };
    Client::new(&options).knock(url, timeout)
}

/// Returns the host of a URL with its port, without credentials.
pub fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Knocks at a server that sends `answer`.
    fn knock(answer: &'static [u8]) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://user:secret@{}/debian", listener.local_addr().expect("an address"));
        let server = thread::spawn(move || {
            let (mut connection, _) = listener.accept().expect("a connection");
            let length = connection.read(&mut [0; 1024]).expect("a request");
            connection.write_all(answer).expect("an answer");
            assert!(length > 0);
        });
        let result = reach(&url, Duration::from_millis(500));
        server.join().expect("a request");
        result
    }

    #[test]
    fn every_status_is_an_answer() {
        for answer in ["200 OK", "301 Moved\r\nLocation: http://127.0.0.1:1/", "404 Not Found", "503 Busy"] {
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").leak();
            assert_eq!(knock(answer.as_bytes()), Ok(()), "{answer}");
        }
    }

    #[test]
    fn silent_server_has_a_cause() {
        let broken = knock(b"").expect_err("no answer");
        let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let refused = reach(&format!("http://user:secret@{closed}/"), Duration::from_secs(1)).expect_err("no answer");
        let invalid = reach("ftp://user:secret@mirror.example/", Duration::from_secs(1)).expect_err("no answer");
        for why in [broken, refused, invalid] {
            assert!(!why.is_empty() && !why.contains(['\n']) && !why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn host_has_no_credentials() {
        for (url, expected) in [
            ("http://mirror.example/debian", "mirror.example"),
            ("https://a:b@c@mirror.example:8080?x", "mirror.example:8080"),
            ("http://[::1]:80/a@b", "[::1]:80"),
            ("mirror.example", "mirror.example"),
        ] {
            assert_eq!(host(url), expected);
        }
    }
}
