//! Ports of the target's network that this machine listens for while a session lasts.
//!
//! Each connection is a program in the session's container: socat connects, and hands the socket over to a script that passes
//! bytes on in both directions, so that no direction's end is that of the other. The end of what the target sends is told on
//! stderr, as the number of bytes that there were: the daemon does not keep the two streams in order.

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

/// Where the script lies in a session's container.
pub(crate) const SCRIPT: &str = "/.tierce-forward";

/// Passes bytes on between the connection, which is stdin and stdout, and what the daemon reads and writes.
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

/// How many bytes are read of a connection at once at most.
const CHUNK: usize = 64 * 1024;
/// The time between two looks whether the session has begun.
const PAUSE: Duration = Duration::from_millis(20);

/// A port that this machine listens on.
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

    /// What is forwarded, with the port that was chosen.
    pub fn spec(&self) -> &ForwardSpec {
        &self.spec
    }

    /// Passes connections on from now to the end of this process, from threads of its own, as soon as the session's container
    /// runs. `warn` is told once that nobody listens in the target, and why.
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
                    // Too many open files, say, of which some will be closed.
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
    /// Whether the container runs, as soon as that is known.
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
        // Whoever sends little by little has reasons.
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
            (self.warn)(&format!("nothing came of a connection to {}: {why}", self.spec.target()));
        }
    }

    /// Runs the program of a connection to its end. Gives why it has not come about.
    fn pass_on(&self, stream: &TcpStream, sender: InputSender, input: Input) -> Option<String> {
        let words = ["/bin/sh", "-c", CONNECT, "sh"].map(str::to_owned);
        let command = Command {
            command: words.into_iter().chain(self.spec.socat_addresses()).collect(),
            user: Some("0:0".to_owned()),
            ..Command::default()
        };
        let mut output = Outgoing { sender: Some(sender), passed_on: 0, told: Vec::new() };
        let ended = self.docker.exec(&self.container, &command, input, &mut |from, bytes| match from {
            OutputStream::Stdout => output.pass_on(stream, bytes),
            OutputStream::Stderr => output.told(stream, bytes),
        });
        match ended {
            Ok(Ending::Exited(exit)) if !exit.success() => Some(reason(&output.told)),
            Ok(_) => None,
            // The session is over, and so is this.
            Err(tierce_docker::Error::Interrupted) => None,
            Err(error) => Some(error.to_string()),
        }
    }
}

/// What a client sends, to its end, on the way into the target.
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

/// What the target sends, on the way to a client.
struct Outgoing {
    /// Where to say that the client is gone; none once that is said.
    sender: Option<InputSender>,
    passed_on: u64,
    /// What the script has said.
    told: Vec<u8>,
}

impl Outgoing {
    fn pass_on(&mut self, stream: &TcpStream, bytes: &[u8]) {
        let mut writer = stream;
        if writer.write_all(bytes).is_err()
            && let Some(sender) = self.sender.take()
        {
            // So that whoever feeds makes room.
            let _ = stream.shutdown(Shutdown::Both);
            let _ = sender.send(InputEvent::Detach);
        }
        self.passed_on += bytes.len() as u64;
        self.end(stream);
    }

    fn told(&mut self, stream: &TcpStream, bytes: &[u8]) {
        /// More than any error of socat's.
        const MOST: usize = 4096;
        self.told.extend_from_slice(&bytes[..bytes.len().min(MOST.saturating_sub(self.told.len()))]);
        self.end(stream);
    }

    /// The end of this direction, once everything that there was has come.
    fn end(&self, stream: &TcpStream) {
        if total(&self.told) == Some(self.passed_on) {
            let _ = stream.shutdown(Shutdown::Write);
        }
    }
}

/// The number of bytes that wc has counted: the last whole line.
fn total(told: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(told).ok()?.strip_suffix('\n')?;
    text.lines().last()?.trim().parse().ok()
}

/// Why socat has not connected.
fn reason(told: &[u8]) -> String {
    let text = String::from_utf8_lossy(told);
    let line = text.lines().next().unwrap_or_default();
    if line.ends_with("not found") {
        return "the toolbox has no `socat`".to_owned();
    }
    // 2026/01/31 12:00:00 socat[7] E connect(5, AF=2 127.0.0.1:80, 16): Connection refused
    match line.rsplit_once(": ") {
        Some((_, reason)) => reason.to_ascii_lowercase(),
        None => "it ended without a word".to_owned(),
    }
}

/// Where this machine listens, for data.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ForwardReport {
    /// The address and port.
    pub host: SocketAddr,
    /// What the target is asked to connect to.
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
    fn the_end_is_told_by_a_whole_number() {
        for (told, expected) in [
            ("17\n", Some(17)),
            ("   17\n", Some(17)),
            ("socat[7] E refused\n0\n", Some(0)),
            ("17", None),
            ("", None),
            ("\n", None),
            ("socat[7] E refused\n", None),
        ] {
            assert_eq!(total(told.as_bytes()), expected, "{told:?}");
        }
    }

    #[test]
    fn socats_reason_is_told_without_its_numbers() {
        for (told, expected) in [
            (
                "2026/01/31 12:00:00 socat[7] E connect(5, AF=2 127.0.0.1:80, 16): Connection refused\nx",
                "connection refused",
            ),
            ("/bin/sh: socat: not found\n", "the toolbox has no `socat`"),
            ("sh: line 2: socat: command not found\n", "the toolbox has no `socat`"),
            ("", "it ended without a word"),
        ] {
            assert_eq!(reason(told.as_bytes()), expected, "{told:?}");
        }
    }
}
