//! An HTTP server on the loopback interface with configurable faults.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The server's answer to one request for a path.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// The file, or the requested range.
    File(Vec<u8>),
    /// The file. The server ignores ranges.
    WholeFile(Vec<u8>),
    /// The file with a validator; a range only if If-Range names it.
    Tagged(&'static str, Vec<u8>),
    /// Promises the whole content and closes the connection after this many bytes.
    Cut(Vec<u8>, usize),
    /// A status, with more header lines ("Retry-After: 1\r\n"), and no content.
    Status(u16, String),
    /// Sends the beginning of the file and then nothing, for ten seconds.
    Stall(Vec<u8>, usize),
    /// Sends the file a byte at a time, with this pause before each.
    Drip(Vec<u8>, Duration),
}

/// A received request: its path and its headers in lower case.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
}

/// Listens until the test process ends. Each answer of a path serves one request, and the last one all others.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<usize>>,
}

type Answers = Arc<Mutex<HashMap<String, Vec<Answer>>>>;

impl Server {
    pub(crate) fn start(answers: &[(&str, &[Answer])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers: Answers =
            Arc::new(Mutex::new(answers.iter().map(|(path, list)| ((*path).to_owned(), list.to_vec())).collect()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(Mutex::new(0));
        let (log, count) = (requests.clone(), connections.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                *count.lock().unwrap() += 1;
                let (answers, log) = (answers.clone(), log.clone());
                thread::spawn(move || serve(stream, &answers, &log));
            }
        });
        Self { address, requests, connections }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

fn serve(stream: TcpStream, answers: &Answers, log: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(request) = read_request(&mut reader) {
        let answer = {
            let mut answers = answers.lock().unwrap();
            match answers.get_mut(&request.path) {
                Some(list) if list.len() > 1 => list.remove(0),
                Some(list) => list[0].clone(),
                None => Answer::Status(404, String::new()),
            }
        };
        log.lock().unwrap().push(request.clone());
        if !reply(&mut stream, &request, answer) {
            return;
        }
    }
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { return Some(Request { path, headers }) };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

/// Writes the answer; returns false to close the connection.
fn reply(stream: &mut TcpStream, request: &Request, answer: Answer) -> bool {
    let range =
        request.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let mut send = |content: &[u8], start: usize, end: usize, more: &str| {
        let (status, range) = match start {
            0 => ("200 OK", String::new()),
            _ => (
                "206 Partial Content",
                format!("Content-Range: bytes {start}-{}/{}\r\n", content.len() - 1, content.len()),
            ),
        };
        let length = content.len() - start;
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{range}{more}\r\n");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&content[start..end])).is_ok()
    };
    match answer {
        Answer::File(content) => match range.unwrap_or(0) {
            start if start > 0 && start >= content.len() => {
                stream.write_all(b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n").is_ok()
            }
            start => send(&content, start, content.len(), ""),
        },
        Answer::WholeFile(content) => send(&content, 0, content.len(), ""),
        Answer::Tagged(tag, content) => {
            let is_same = request.headers.get("if-range").is_none_or(|given| given == tag);
            let start = range.filter(|_| is_same).unwrap_or(0);
            send(&content, start, content.len(), &format!("ETag: {tag}\r\n"))
        }
        Answer::Cut(content, bytes) => {
            let start = range.unwrap_or(0);
            send(&content, start, (start + bytes).min(content.len()), "ETag: \"cut\"\r\n");
            false
        }
        Answer::Status(status, more) => {
            stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n{more}\r\n").as_bytes()).is_ok()
        }
        Answer::Drip(content, pause) => {
            let start = range.unwrap_or(0);
            send(&content, start, start, "");
            content[start..].iter().all(|byte| {
                thread::sleep(pause);
                stream.write_all(&[*byte]).is_ok()
            })
        }
        Answer::Stall(content, bytes) => {
            send(&content, 0, bytes, "");
            thread::sleep(Duration::from_secs(10));
            false
        }
    }
}
