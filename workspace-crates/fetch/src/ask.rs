//! One request to a service on this machine, and its answer with any status.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use ureq::http::Request as HttpRequest;
use ureq::{Agent, SendBody};

use crate::client::one_line;

/// The limit of an answer's body in bytes.
const LONGEST: u64 = 16 << 20;

/// A request by HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question<'a> {
    /// The method, in capital letters.
    pub method: &'a str,
    /// `http://127.0.0.1:8080/path`
    pub url: &'a str,
    /// Headers besides those that HTTP needs.
    pub headers: &'a BTreeMap<String, String>,
    /// The body; none for GET and HEAD.
    pub body: Option<&'a [u8]>,
    /// The limit of the whole exchange.
    pub timeout: Duration,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// The first 16 MiB of its body.
    pub body: Vec<u8>,
}

/// Sends one request, without a proxy and without following a redirect.
///
/// # Errors
/// The cause in one line: a refused or broken connection, or the timeout.
pub fn ask(question: &Question<'_>) -> Result<Answer, String> {
    let agent: Agent = Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .user_agent(concat!("tierce/", env!("CARGO_PKG_VERSION")))
        .timeout_global(Some(question.timeout))
        .build()
        .new_agent();
    let mut request = HttpRequest::builder().method(question.method).uri(question.url);
    for (name, value) in question.headers {
        request = request.header(name, value);
    }
    let answer = match question.body {
        Some(body) => agent.run(request.body(body).map_err(|error| one_line(&error))?),
        None => agent.run(request.body(SendBody::none()).map_err(|error| one_line(&error))?),
    };
    let answer = answer.map_err(|error| one_line(&error))?;
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    answer.into_body().into_reader().take(LONGEST).read_to_end(&mut body).map_err(|error| one_line(&error))?;
    Ok(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Asks a server that sends `answer`: its request and the result.
    fn exchange(answer: &'static [u8], body: Option<&[u8]>) -> (String, Result<Answer, String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/a?b", listener.local_addr().expect("an address"));
        let server = thread::spawn(move || {
            let (mut connection, _) = listener.accept().expect("a connection");
            let mut request = [0; 1024];
            let mut length = connection.read(&mut request).expect("a request");
            // The body may come in a packet of its own.
            while request[..length].starts_with(b"POST") && !request[..length].ends_with(b"body") {
                length += connection.read(&mut request[length..]).expect("a body");
            }
            connection.write_all(answer).expect("an answer");
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let headers = BTreeMap::from([("x-test".to_owned(), "1".to_owned())]);
        let method = if body.is_some() { "POST" } else { "GET" };
        let timeout = Duration::from_millis(500);
        let result = ask(&Question { method, url: &url, headers: &headers, body, timeout });
        (server.join().expect("a request"), result)
    }

    #[test]
    fn errors_and_redirects_are_answers() {
        let (request, answer) = exchange(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", None);
        assert!(request.starts_with("GET /a?b HTTP/1.1\r\n") && request.contains("x-test: 1\r\n"), "{request}");
        assert_eq!(answer, Ok(Answer { status: 404, body: b"no".to_vec() }));
        let (request, answer) =
            exchange(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", Some(b"body"));
        assert!(request.contains("content-length: 4\r\n") && request.ends_with("\r\n\r\nbody"), "{request}");
        assert_eq!(answer, Ok(Answer { status: 302, body: vec![] }));
    }

    #[test]
    fn missing_answer_explains_in_one_line() {
        let (_, broken) = exchange(b"", None);
        let (_, slow) = exchange(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nno", None);
        for result in [broken, slow] {
            let why = result.expect_err("no answer");
            assert!(!why.is_empty() && !why.contains('\n'), "{why}");
        }
    }
}
