//! Forwards ports of this machine into the target's network during a session.
//!
//! Each connection is a program in the session's container: socat connects, and passes the socket to a script with one process
//! for each direction, so that either direction can end first. At the end of the target's data the script writes the number of
//! bytes to stderr, because the daemon does not keep the two streams in order.

mod spec;

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tierce_docker::{Command, ContainerStatus, Docker, Ending, Input, InputEvent, InputSender, OutputStream};

pub use spec::ForwardSpec;

use crate::Error;

/// The script's path in a session's container.
pub(crate) const SCRIPT: &str = "/.tierce-forward";

/// Passes bytes on between the connection, which is stdin and stdout, and the daemon's streams.
pub(crate) const RELAY: &str = "\
#!/bin/sh
exec 5<&0 </dev/null >/dev/null
socat -u FD:3 FD:5,shut-down 2>/dev/null 4>&- &
tee /dev/fd/4 <&5 3<&- 2>/dev/null | wc -c >&2
exec 4>&- 2>&-
wait
";

/// Connects to the first of the given addresses that listens, and becomes the script.
const CONNECT: &str = "\
exec 3<&0 4>&1
for address; do socat \"$address,nodelay\" EXEC:/.tierce-forward,nofork && exit; done
exit 1";

/// The limit of one read from a connection, in bytes.
const CHUNK: usize = 64 * 1024;
/// The interval between checks for the session's begin.
const PAUSE: Duration = Duration::from_millis(20);

/// A listening port of this machine.
pub struct Forward {
    spec: ForwardSpec,
    listener: TcpListener,
}

impl Forward {
    /// Listens. Nothing is accepted yet.
    ///
    /// # Errors
    /// [`Error::Listen`]
    pub fn listen(spec: ForwardSpec) -> Result<Forward, Error> {
        let failed = |source| Error::Listen { address: spec.host, source };
        let listener = TcpListener::bind(spec.host).map_err(failed)?;
        let host = listener.local_addr().map_err(failed)?;
        Ok(Forward { spec: ForwardSpec { host, ..spec }, listener })
    }

    /// The forwarded port, with the kernel's choice for port 0.
    pub fn spec(&self) -> &ForwardSpec {
        &self.spec
    }

    /// Passes connections on until the end of this process, on its own threads, once the session's container runs. Calls `warn`
    /// once if a connection in the target fails.
    pub fn serve(self, docker: &Docker, container: &str, warn: impl Fn(&str) + Send + Sync + 'static) {
        let Forward { spec, listener } = self;
        let tunnel = Arc::new(Tunnel {
            docker: docker.clone(),
            container: container.to_owned(),
            spec,
            warned: AtomicBool::new(false),
            warn: Box::new(warn),
        });
        thread::spawn(move || {
            if !tunnel.wait_for_start() {
                return;
            }
            for stream in listener.incoming() {
                match stream {
                    Ok(stream) => {
                        let tunnel = Arc::clone(&tunnel);
                        thread::spawn(move || tunnel.connect(&stream));
                    }
                    // For example too many open files, and some will close.
                    Err(_) => thread::sleep(PAUSE),
                }
            }
        });
    }
}

struct Tunnel {
    docker: Docker,
    container: String,
    spec: ForwardSpec,
    warned: AtomicBool,
    warn: Box<dyn Fn(&str) + Send + Sync>,
}

impl Tunnel {
    /// Waits until the container runs; false if it ended.
    fn wait_for_start(&self) -> bool {
        loop {
            match self.docker.state(&self.container).ok().flatten().map(|state| state.status) {
                Some(ContainerStatus::Running) => return true,
                Some(ContainerStatus::Created) => thread::sleep(PAUSE),
                _ => return false,
            }
        }
    }

    fn connect(&self, stream: &TcpStream) {
        // Small pieces must arrive without delay.
        let _ = stream.set_nodelay(true);
        let (sender, input) = tierce_docker::input();
        let Ok(incoming) = stream.try_clone() else { return };
        let feeder = sender.clone();
        let reader = thread::spawn(move || feed(incoming, &feeder));
        let why = self.pass_on(stream, sender, input);
        // Wakes the reader, too.
        let _ = stream.shutdown(Shutdown::Both);
        let _ = reader.join();
        if let Some(why) = why
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            (self.warn)(&format!("failed to connect to {}: {why}", self.spec.target()));
        }
    }

    /// Runs the program of a connection to its end, and returns the cause of a failed connection.
    fn pass_on(&self, stream: &TcpStream, sender: InputSender, input: Input) -> Option<String> {
        let words = ["/bin/sh", "-c", CONNECT, "sh"].map(str::to_owned);
        let command = Command {
            command: words.into_iter().chain(self.spec.socat_addresses()).collect(),
            user: Some("0:0".to_owned()),
            ..Command::default()
        };
        let mut output = Outgoing { sender: Some(sender), passed_on: 0, messages: Vec::new() };
        let ended = self.docker.exec(&self.container, &command, input, &mut |from, bytes| match from {
            OutputStream::Stdout => output.pass_on(stream, bytes),
            OutputStream::Stderr => output.messages(stream, bytes),
        });
        match ended {
            Ok(Ending::Exited(exit)) if !exit.success() => Some(reason(&output.messages)),
            Ok(_) => None,
            // The session has ended.
            Err(tierce_docker::Error::Interrupted) => None,
            Err(error) => Some(error.to_string()),
        }
    }
}

/// Passes a client's bytes into the target, until their end.
fn feed(mut stream: TcpStream, sender: &InputSender) {
    let mut buffer = vec![0; CHUNK];
    loop {
        let event = match stream.read(&mut buffer) {
            Ok(0) => InputEvent::End,
            Ok(length) => InputEvent::Bytes(buffer[..length].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => InputEvent::End,
        };
        let is_end = event == InputEvent::End;
        if sender.send(event).is_err() || is_end {
            return;
        }
    }
}

/// Passes the target's bytes to a client.
struct Outgoing {
    /// Signals that the client has closed; none afterwards.
    sender: Option<InputSender>,
    passed_on: u64,
    /// The script's messages.
    messages: Vec<u8>,
}

impl Outgoing {
    fn pass_on(&mut self, stream: &TcpStream, bytes: &[u8]) {
        let mut writer = stream;
        if writer.write_all(bytes).is_err()
            && let Some(sender) = self.sender.take()
        {
            // Unblocks the sender.
            let _ = stream.shutdown(Shutdown::Both);
            let _ = sender.send(InputEvent::Detach);
        }
        self.passed_on += bytes.len() as u64;
        self.end(stream);
    }

    fn messages(&mut self, stream: &TcpStream, bytes: &[u8]) {
        /// More than any error of socat's.
        const MOST: usize = 4096;
        self.messages.extend_from_slice(&bytes[..bytes.len().min(MOST.saturating_sub(self.messages.len()))]);
        self.end(stream);
    }

    /// Ends this direction once all counted bytes have arrived.
    fn end(&self, stream: &TcpStream) {
        if total(&self.messages) == Some(self.passed_on) {
            let _ = stream.shutdown(Shutdown::Write);
        }
    }
}

/// The number of bytes in the last whole line of wc.
fn total(messages: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(messages).ok()?.strip_suffix('\n')?;
    text.lines().last()?.trim().parse().ok()
}

/// The cause of a failed connection, from socat's message.
fn reason(messages: &[u8]) -> String {
    let text = String::from_utf8_lossy(messages);
    let line = text.lines().next().unwrap_or_default();
    if line.ends_with("not found") {
        return "the toolbox has no `socat`".to_owned();
    }
    // 2026/01/31 12:00:00 socat[7] E connect(5, AF=2 127.0.0.1:80, 16): Connection refused
    match line.rsplit_once(": ") {
        Some((_, reason)) => reason.to_ascii_lowercase(),
        None => "it ended without a message".to_owned(),
    }
}

/// A forwarded port as data.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ForwardReport {
    /// The address and port.
    pub host: SocketAddr,
    /// The address in the target's network.
    pub target: String,
}

impl From<&ForwardSpec> for ForwardReport {
    fn from(spec: &ForwardSpec) -> ForwardReport {
        ForwardReport { host: spec.host, target: spec.target() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_number_marks_the_end() {
        for (messages, expected) in [
            ("17\n", Some(17)),
            ("   17\n", Some(17)),
            ("socat[7] E refused\n0\n", Some(0)),
            ("17", None),
            ("", None),
            ("\n", None),
            ("socat[7] E refused\n", None),
        ] {
            assert_eq!(total(messages.as_bytes()), expected, "{messages:?}");
        }
    }

    #[test]
    fn socat_message_loses_its_prefix() {
        for (messages, expected) in [
            (
                "2026/01/31 12:00:00 socat[7] E connect(5, AF=2 127.0.0.1:80, 16): Connection refused\nx",
                "connection refused",
            ),
            ("/bin/sh: socat: not found\n", "the toolbox has no `socat`"),
            ("sh: line 2: socat: command not found\n", "the toolbox has no `socat`"),
            ("", "it ended without a message"),
        ] {
            assert_eq!(reason(messages.as_bytes()), expected, "{messages:?}");
        }
    }
}
