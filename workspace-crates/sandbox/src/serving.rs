//! The sandbox's side of requests: a thread of the first process answers each one, with the privileges of its programs.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::archive;
use crate::asks::{self, Ask, Checked};
use crate::children::Children;
use crate::control::{Control, Said};
use crate::error::Failure;
use crate::forward::{self, Open};
use crate::program::{command_of, give_pipe};
use crate::spec::Program;

/// The output of a check that counts, in bytes, as a daemon keeps it.
const KEPT: usize = 4096;
/// The time in which the output of an ended check arrives: a process that it left may keep the pipe.
const ARRIVAL: Duration = Duration::from_millis(100);

/// Answers requests until the parent is gone, in a thread of its own. `open` counts those that are not done.
pub(crate) fn serve(socket: OwnedFd, program: Program, children: Arc<Children>, open: Open) -> Result<(), Failure> {
    let serving = thread::Builder::new().spawn(move || {
        loop {
            match asks::receive(&socket) {
                Ok(Some((ask, descriptor))) => {
                    let (program, children) = (program.clone(), Arc::clone(&children));
                    // Without a thread the descriptor is closed, and the parent notices.
                    let held = open.hold();
                    let _ = thread::Builder::new().spawn(move || {
                        let _held = held;
                        answer(ask, descriptor, &program, &children);
                    });
                }
                Ok(None) => return,
                // The descriptor is closed, and the parent notices.
                Err(error) if matches!(error.kind(), io::ErrorKind::QuotaExceeded | io::ErrorKind::InvalidData) => {}
                Err(_) => return,
            }
        }
    });
    serving.map(drop).map_err(|error| Failure::new("listen to its parent", error))
}

fn answer(ask: Ask, descriptor: OwnedFd, program: &Program, children: &Children) {
    match ask {
        Ask::Connect { port } => forward::connect(descriptor, port),
        Ask::Pack { path } => pack(&path, UnixStream::from(descriptor)),
        Ask::Check { command, limit } => {
            let checked = check(&Program { command, ..program.clone() }, limit, children);
            // The parent may be gone.
            let _ = Control::new(UnixStream::from(descriptor)).say(&checked);
        }
    }
}

fn pack(path: &str, socket: UnixStream) {
    let Ok(out) = socket.try_clone() else { return };
    let mut control = Control::new(socket);
    let said = match archive::pack(path, &mut control, out) {
        Ok(Some(_)) => return,
        Ok(None) => Said::Missing,
        Err(failure) => Said::Failed(failure),
    };
    // After the beginning of an archive, this makes it end in the middle of an entry or after one: never as a whole one.
    let _ = control.say(&said);
}

/// The output of a program. It arrives in a thread of its own.
struct Hearing {
    output: Arc<Mutex<Vec<u8>>>,
    /// Ends with the thread.
    is_read: mpsc::Receiver<()>,
}

impl Hearing {
    fn begin(mut reader: io::PipeReader) -> io::Result<Hearing> {
        let output = Arc::new(Mutex::new(Vec::new()));
        let (kept, (ended, is_read)) = (Arc::clone(&output), mpsc::channel::<()>());
        thread::Builder::new().spawn(move || {
            let _ended = ended;
            let mut buffer = [0; KEPT];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                let room = KEPT - kept.len();
                kept.extend_from_slice(&buffer[..length.min(room)]);
            }
        })?;
        Ok(Hearing { output, is_read })
    }

    /// Returns the output of a program that has ended.
    fn end(self) -> String {
        let _ = self.is_read.recv_timeout(ARRIVAL);
        String::from_utf8_lossy(&self.output.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

/// Runs a program to its end, or to its time limit.
fn check(program: &Program, limit: Duration, children: &Children) -> Checked {
    let checked = check_heard(program, limit, children, &Hearing::begin);
    checked.unwrap_or_else(|error| Checked { code: None, output: error.to_string() })
}

fn check_heard(
    program: &Program,
    limit: Duration,
    children: &Children,
    hear: &dyn Fn(io::PipeReader) -> io::Result<Hearing>,
) -> io::Result<Checked> {
    let (reader, writer) = io::pipe()?;
    let mut command = command_of(program).map_err(|failure| io::Error::other(failure.reason))?;
    give_pipe(&writer, program);
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    // Before the program: without its reader, nothing would limit it.
    let hearing = hear(reader)?;
    let child = children.start(&mut command)?;
    // It has the pipe's other end.
    drop(command);
    let Some(code) = children.wait_or_kill(child.id().cast_signed(), limit) else {
        return Ok(Checked { code: None, output: format!("it did not end within {} s", limit.as_secs_f64()) });
    };
    Ok(Checked { code: Some(code), output: hearing.end() })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn program_that_nobody_hears_does_not_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("there");
        let command = vec!["/bin/touch".to_owned(), file.display().to_string()];
        let (program, children) = (Program { command, ..Program::default() }, Children::default());
        let deaf = |_| Err(io::Error::from(io::ErrorKind::WouldBlock));
        let checked = check_heard(&program, Duration::from_secs(1), &children, &deaf);
        assert!(checked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
        thread::sleep(Duration::from_millis(200));
        assert!(!file.exists());
    }

    #[test]
    fn nonsense_does_not_end_serving() {
        let (ours, theirs) = asks::pair().expect("a pair");
        serve(theirs, Program::default(), Arc::default(), Open::default()).expect("a thread");
        let (near, far) = UnixStream::pair().expect("a pair");
        asks::send_nonsense(&ours, far.as_fd());
        drop(far);
        assert_eq!(Control::new(near).hear::<Said>().expect("an end"), None);
        let (near, far) = UnixStream::pair().expect("a pair");
        asks::send(&ours, &Ask::Pack { path: "/missing/file".to_owned() }, far.as_fd()).expect("sent");
        drop(far);
        assert_eq!(Control::new(near).hear().expect("an answer"), Some(Said::Missing));
    }
}
