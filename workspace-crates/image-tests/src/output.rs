//! The output of a container.

use tierce_docker::OutputStream;

use crate::expect;

/// The maximum number of bytes that Tierce keeps of stdout, of stderr and of the log.
const KEPT: usize = 16 << 20;

/// The output of a container.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Both streams in the order of their arrival.
    pub(crate) log: Vec<u8>,
}

impl Output {
    pub(crate) fn push(&mut self, stream: OutputStream, bytes: &[u8]) {
        let of_stream = match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        };
        for kept in [of_stream, &mut self.log] {
            let room = KEPT.saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// Returns the last lines of the log as text.
    pub(crate) fn last_lines(&self, count: usize) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.log[self.log.len().saturating_sub(64 << 10)..]);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].iter().map(|line| expect::excerpt_of_line(line)).collect()
    }
}
