//! Forwards stdin to a session.

use std::io;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use tierce_debug::{DetachKeys, Key, Keys};
use tierce_docker::{InputEvent, InputSender};

/// The most bytes of one read.
const CHUNK: usize = 32 * 1024;
/// The pause between reads of a stdin that another program made non-blocking.
const NONBLOCKING_PAUSE: Duration = Duration::from_millis(10);

/// Forwards stdin from a thread of its own. It ends with this process, because nothing interrupts its read.
pub(super) fn forward(keys: Option<&DetachKeys>, sender: InputSender) {
    let mut keys = keys.map(Keys::new);
    thread::spawn(move || {
        let mut buffer = vec![0; CHUNK];
        // An error of the sender means that the conversation is over.
        while let Some(bytes) = read(&mut buffer) {
            let (bytes, leave) = match keys.as_mut().map(|keys| keys.typed(bytes)) {
                None => (bytes.to_vec(), false),
                Some(Key::Pass(bytes)) => (bytes, false),
                Some(Key::Leave(bytes)) => (bytes, true),
            };
            if !bytes.is_empty() && sender.send(InputEvent::Bytes(bytes)).is_err() {
                return;
            }
            if leave {
                let _ = sender.send(InputEvent::Detach);
                return;
            }
        }
        let rest = keys.map(Keys::rest).unwrap_or_default();
        let _ = sender.send(InputEvent::Bytes(rest)).and_then(|()| sender.send(InputEvent::End));
    });
}

/// Reads available bytes of stdin; None at its end. The standard library's buffer would delay them.
fn read(buffer: &mut [u8]) -> Option<&[u8]> {
    loop {
        match rustix::io::read(io::stdin(), &mut *buffer) {
            Ok(0) => return None,
            Ok(length) => return Some(&buffer[..length]),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => thread::sleep(NONBLOCKING_PAUSE),
            Err(_) => return None,
        }
    }
}
