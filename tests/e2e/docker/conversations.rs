//! Conversations with programs: bytes, ends, sizes, detach and attach, and slow receivers.

use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tierce_docker::{
    Command, Container, ContainerSpec, ContainerStatus, Ending, Error, Input, InputClosed, InputEvent, InputSender,
    OutputStream, input,
};

use super::support::{Fixture, fixture, unique};

/// A container of the tool that takes input.
fn container(fixture: &Fixture, tty: bool, command: &[&str]) -> Container {
    let spec = ContainerSpec { stdin: true, tty, ..fixture.spec(command) };
    fixture.docker.create(&spec).expect("the container is made")
}

fn all_bytes() -> Vec<u8> {
    (0..=255).collect()
}

/// Talks to a program: `say` gets all output so far whenever it grows, and may send.
fn talk(
    fixture: &Fixture,
    id: &str,
    start: bool,
    mut say: impl FnMut(&[u8], &InputSender),
) -> (Result<Ending, Error>, Vec<u8>) {
    let (sender, input) = input();
    let mut written = Vec::new();
    say(&written, &sender);
    let ending = fixture.docker.converse(id, start, input, &mut |_, bytes| {
        written.extend_from_slice(bytes);
        say(&written, &sender);
    });
    (ending, written)
}

fn code(ending: Result<Ending, Error>) -> i32 {
    ending.expect("a conversation").exit().expect("it has ended").code
}

#[test]
fn bytes_and_end_pass_without_terminal() {
    let fixture = fixture();
    let cat = container(&fixture, false, &["cat"]);
    let (ending, written) = talk(&fixture, cat.id(), true, |written, sender| match written.len() {
        0 => sender.send(InputEvent::Bytes(all_bytes())).unwrap(),
        256 => sender.send(InputEvent::End).unwrap(),
        _ => {}
    });
    assert_eq!((code(ending), written), (0, all_bytes()));
    // Output after the end of the input still arrives.
    let count = container(&fixture, false, &["count"]);
    let (ending, written) = talk(&fixture, count.id(), true, |written, sender| {
        if written.is_empty() {
            sender.send(InputEvent::Bytes(vec![7; 100_000])).unwrap();
            sender.send(InputEvent::End).unwrap();
        }
    });
    assert_eq!((code(ending), written), (0, b"100000".to_vec()));
}

#[test]
fn bytes_pass_through_a_terminal() {
    let fixture = fixture();
    let raw = container(&fixture, true, &["raw"]);
    // At once, and then one by one. Docker delays a last byte of 255 until the next byte.
    let single: Vec<u8> = all_bytes().into_iter().rev().collect();
    let expected = [&single[..], &single].concat();
    let (ending, written) = talk(&fixture, raw.id(), true, |written, sender| {
        let Some(start) = written.windows(6).position(|bytes| bytes == b"ready\n") else { return };
        let echoed = written.len() - start - 6;
        match echoed {
            0 => sender.send(InputEvent::Bytes(single.clone())).unwrap(),
            256 => (0..2).for_each(|key| sender.send(InputEvent::Bytes(vec![single[key]])).unwrap()),
            512 => sender.send(InputEvent::Detach).unwrap(),
            _ if echoed > 257 => sender.send(InputEvent::Bytes(vec![single[echoed - 256]])).unwrap(),
            _ => {}
        }
    });
    assert!(matches!(ending, Ok(Ending::Detached)), "{ending:?}");
    let start = written.len().saturating_sub(expected.len());
    assert_eq!(written[start..], expected, "{}", String::from_utf8_lossy(&written));
}

#[test]
fn resize_changes_the_terminal() {
    let fixture = fixture();
    let sizes = |written: &[u8], sender: &InputSender| {
        let text = String::from_utf8_lossy(written);
        if text.is_empty() {
            sender.send(InputEvent::Resize { rows: 31, columns: 117 }).unwrap();
        } else if text.ends_with("31x117\r\n") {
            sender.send(InputEvent::Resize { rows: 7, columns: 300 }).unwrap();
        } else if text.ends_with("7x300\r\n") {
            sender.send(InputEvent::Bytes(b"\n".to_vec())).unwrap();
        }
    };
    let size = container(&fixture, true, &["size"]);
    let (ending, written) = talk(&fixture, size.id(), true, sizes);
    assert_eq!(code(ending), 0, "{}", String::from_utf8_lossy(&written));

    // The same in a running container.
    let other = container(&fixture, false, &["sleep", "60"]);
    fixture.docker.start(other.id()).unwrap();
    let command = Command { command: vec!["/tool".into(), "size".into()], tty: true, ..Command::default() };
    let (sender, input) = input();
    sizes(b"", &sender);
    let mut written = Vec::new();
    let ending = fixture.docker.exec(other.id(), &command, input, &mut |_, bytes| {
        written.extend_from_slice(bytes);
        sizes(&written, &sender);
    });
    assert_eq!(code(ending), 0, "{}", String::from_utf8_lossy(&written));
}

#[test]
fn attach_follows_a_detach() {
    let fixture = fixture();
    let raw = container(&fixture, true, &["raw"]);
    let exchange = |start, word: &'static [u8]| {
        talk(&fixture, raw.id(), start, move |written, sender| {
            if written.ends_with(word) {
                sender.send(InputEvent::Detach).unwrap();
            } else if written.ends_with(b"ready\n") || (!start && written.is_empty()) {
                sender.send(InputEvent::Bytes(word.to_vec())).unwrap();
            }
        })
    };
    let (ending, _) = exchange(true, b"first");
    assert!(matches!(ending, Ok(Ending::Detached)), "{ending:?}");
    assert_eq!(fixture.docker.state(raw.id()).unwrap().unwrap().status, ContainerStatus::Running);
    let (ending, written) = exchange(false, b"second");
    assert!(matches!(ending, Ok(Ending::Detached)), "{ending:?}");
    assert_eq!(written, b"second");

    fixture.docker.pause(raw.id()).unwrap();
    assert_eq!(fixture.docker.state(raw.id()).unwrap().unwrap().status, ContainerStatus::Paused);
    let (paused, _) = talk(&fixture, raw.id(), false, |_, _| {});
    assert!(fixture.is_podman() || matches!(paused, Err(Error::Refused { .. })), "{paused:?}");
    fixture.docker.unpause(raw.id()).unwrap();
    assert!(matches!(fixture.docker.unpause(raw.id()), Err(Error::Refused { .. })));

    fixture.docker.kill(raw.id(), "KILL").unwrap();
    assert_eq!(fixture.docker.wait(raw.id()).unwrap().signal(), Some(9));
    let (ended, _) = talk(&fixture, raw.id(), false, |_, _| {});
    assert!(matches!(ended, Err(Error::Refused { .. })), "{ended:?}");
    let (absent, _) = talk(&fixture, &unique("tierce-absent"), false, |_, _| {});
    assert!(matches!(absent, Err(Error::NotFound { .. })), "{absent:?}");
}

#[test]
fn executed_program_survives_a_detach() {
    let fixture = fixture();
    let other = container(&fixture, false, &["sleep", "60"]);
    fixture.docker.start(other.id()).unwrap();
    let exec = |tty, verb: &str, last: InputEvent| {
        let command = Command { command: vec!["/tool".into(), verb.to_owned()], tty, ..Command::default() };
        let (sender, input) = input();
        let mut written = Vec::new();
        let mut sent = false;
        let mut say = |written: &[u8]| {
            let begun = !tty || written.ends_with(b"ready\n");
            if begun && !sent {
                sender.send(InputEvent::Bytes(all_bytes())).unwrap();
                sent = true;
            } else if written.ends_with(&all_bytes()) {
                sender.send(last.clone()).unwrap();
            }
        };
        say(b"");
        let ending = fixture.docker.exec(other.id(), &command, input, &mut |_, bytes| {
            written.extend_from_slice(bytes);
            say(&written);
        });
        assert!(written.ends_with(&all_bytes()), "{}", String::from_utf8_lossy(&written));
        ending.unwrap()
    };
    assert_eq!(exec(false, "cat", InputEvent::End).exit().map(|exit| exit.code), Some(0));
    assert_eq!(exec(true, "raw", InputEvent::Detach), Ending::Detached);
}

#[test]
fn auto_removed_container_has_exit_code() {
    let fixture = fixture();
    let spec = ContainerSpec { auto_remove: true, ..fixture.spec(&["exit", "7"]) };
    for _ in 0..3 {
        let container = fixture.docker.create(&spec).unwrap();
        let (ending, _) = talk(&fixture, container.id(), true, |_, _| {});
        assert_eq!(code(ending), 7);
    }
}

#[test]
fn unread_input_blocks_the_sender() {
    let fixture = fixture();
    let deaf = container(&fixture, false, &["sleep", "60"]);
    let (sender, input) = input();
    let (progress, sent) = mpsc::channel();
    let feeder = thread::spawn(move || {
        loop {
            if let Err(closed) = sender.send(InputEvent::Bytes(vec![0; 1 << 16])) {
                return closed;
            }
            progress.send(1 << 16).unwrap();
        }
    });
    let docker = fixture.docker.clone();
    let id = deaf.id().to_owned();
    let conversation = thread::spawn(move || docker.converse(&id, true, input, &mut |_, _| {}));
    let mut total = 0;
    while let Ok(bytes) = sent.recv_timeout(Duration::from_secs(2)) {
        total += bytes;
        assert!(total < 16 << 20, "it is not read, but taken");
    }
    // Waiting, the sender learns of the end.
    fixture.docker.kill(deaf.id(), "KILL").unwrap();
    assert_eq!(code(conversation.join().unwrap()), 137);
    assert_eq!(feeder.join().unwrap(), InputClosed);
}

/// Set in the process that measures its own memory.
const MEASURING: &str = "TIERCE_DOCKER_MEASURES";

#[test]
fn long_stream_needs_little_memory() {
    if std::env::var_os(MEASURING).is_none() {
        let itself = std::env::current_exe().unwrap();
        let test = "docker::conversations::long_stream_needs_little_memory";
        let ran = process::Command::new(itself).args(["--exact", test]).env(MEASURING, "1").output().unwrap();
        let text = String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success() && text.contains("1 passed"), "{text}");
        return;
    }
    const LENGTH: usize = 64 << 20;
    let fixture = fixture();
    let cat = container(&fixture, false, &["cat"]);
    let before = peak_memory();
    let (sender, input) = input();
    let feeder = thread::spawn(move || {
        for piece in 0..LENGTH >> 16 {
            let bytes = (0..1 << 16).map(|at: usize| (at * 31 + piece) as u8).collect();
            sender.send(InputEvent::Bytes(bytes)).unwrap();
        }
    });
    let mut length = 0;
    let ending = fixture.docker.converse(cat.id(), true, input, &mut |stream, bytes| {
        assert_eq!(stream, OutputStream::Stdout);
        // Somebody who takes his time.
        if length >> 22 != (length + bytes.len()) >> 22 {
            thread::sleep(Duration::from_millis(20));
        }
        for byte in bytes {
            assert_eq!(*byte, ((length & 0xffff) * 31 + (length >> 16)) as u8, "at {length}");
            length += 1;
        }
    });
    feeder.join().unwrap();
    assert_eq!((code(ending), length), (0, LENGTH));
    let grown = peak_memory() - before;
    assert!(grown < 16 << 20, "{grown} bytes for {LENGTH}");
}

/// The most memory that this process has had, in bytes.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[test]
fn key_echoes_without_delay() {
    let fixture = fixture();
    let raw = container(&fixture, true, &["raw"]);
    let (mut sent, mut delays) = (None::<Instant>, Vec::new());
    let (ending, _) = talk(&fixture, raw.id(), true, |written, sender| {
        if let Some(sent) = sent.take() {
            delays.push(sent.elapsed());
        }
        if delays.len() == 100 {
            sender.send(InputEvent::Detach).unwrap();
        } else if written.windows(6).any(|bytes| bytes == b"ready\n") {
            sent = Some(Instant::now());
            sender.send(InputEvent::Bytes(vec![b'x'])).unwrap();
        }
    });
    assert!(matches!(ending, Ok(Ending::Detached)), "{ending:?}");
    delays.sort();
    // Half of the delay that polling would add.
    assert!(delays[50] < Duration::from_millis(20), "{:?} at the median, {:?} at most", delays[50], delays[99]);
}

#[test]
fn empty_input_ends_at_once() {
    let fixture = fixture();
    let cat = container(&fixture, false, &["cat"]);
    let ending =
        fixture.docker.converse(cat.id(), true, Input::bytes(*b"text"), &mut |_, bytes| assert_eq!(bytes, b"text"));
    assert_eq!(code(ending), 0);
}
