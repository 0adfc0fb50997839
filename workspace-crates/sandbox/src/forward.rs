//! Connections from the host into the network of a sandbox, which has a loopback device alone: the parent accepts them and passes
//! each one on, and the sandbox's first process connects it with the program.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect as connect_socket, socket_with};

use crate::asks::{self, Ask};
use crate::loopback::{CLIENT, SERVER};
use crate::raw;

/// The pause after a connection that could not be accepted, as with too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// A port of the host whose connections go to a port of a sandbox.
#[derive(Debug)]
pub struct Published {
    /// The socket that accepts the connections.
    pub listener: TcpListener,
    /// The port in the sandbox.
    pub port: u16,
}

/// The number of open connections.
#[derive(Clone, Default)]
pub(crate) struct Open(Arc<(Mutex<usize>, Condvar)>);

/// One open connection, until its drop.
pub(crate) struct Held(Open);

impl Open {
    pub(crate) fn hold(&self) -> Held {
        self.change(|count| count + 1);
        Held(self.clone())
    }

    /// Waits until no connection is open, at most for this time.
    pub(crate) fn wait_until_closed(&self, limit: Duration) {
        let (count, changed) = &*self.0;
        let count = count.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_timeout_while(count, limit, |count| *count > 0));
    }

    fn change(&self, change: impl Fn(usize) -> usize) {
        let (count, changed) = &*self.0;
        let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = change(*count);
        changed.notify_all();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.change(|count| count.saturating_sub(1));
    }
}

/// Passes the connections of a port on, in a thread that ends with the sandbox.
pub(crate) fn publish(published: Published, sandbox: Arc<OwnedFd>) -> io::Result<()> {
    let Published { listener, port } = published;
    listener.set_nonblocking(true)?;
    thread::Builder::new().spawn(move || {
        while wait(&listener, &sandbox) {
            match listener.accept() {
                // The sandbox may have ended. Then the next look tells so.
                Ok((connection, _)) => drop(asks::send(&sandbox, &Ask::Connect { port }, connection.as_fd())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => thread::sleep(PAUSE),
            }
        }
    })?;
    Ok(())
}

/// Waits for a connection. Returns false at the end of the sandbox.
fn wait(listener: &TcpListener, sandbox: &OwnedFd) -> bool {
    let mut both = [PollFd::new(listener, PollFlags::IN), PollFd::new(sandbox, PollFlags::empty())];
    match poll(&mut both, None) {
        Ok(_) => both[1].revents().is_empty(),
        Err(error) => error == rustix::io::Errno::INTR,
    }
}

/// Connects a connection with a port of this network namespace until both sides have ended. Without a listener there, it ends at once.
pub(crate) fn connect(connection: OwnedFd, port: u16) {
    connect_between(connection, CLIENT, SocketAddrV4::new(SERVER, port));
}

fn connect_between(connection: OwnedFd, from: Ipv4Addr, to: SocketAddrV4) {
    let client = TcpStream::from(connection);
    if let Ok(server) = connect_from(from, to) {
        join(&client, &server);
    }
}

fn connect_from(from: Ipv4Addr, to: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    raw::bind_without_port(&socket);
    bind(&socket, &SocketAddrV4::new(from, 0))?;
    connect_socket(&socket, &to)?;
    Ok(TcpStream::from(socket))
}

fn join(client: &TcpStream, server: &TcpStream) {
    thread::scope(|scope| {
        // Without a second thread, the connection ends.
        if thread::Builder::new().spawn_scoped(scope, || copy(client, server)).is_ok() {
            copy(server, client);
        }
    });
}

/// Copies one direction, and passes its end on.
fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    let ends = match io::copy(&mut from, &mut to) {
        Ok(_) => Shutdown::Write,
        Err(_) => {
            // A side that is gone takes the other one along.
            let _ = from.shutdown(Shutdown::Both);
            Shutdown::Both
        }
    };
    let _ = to.shutdown(ends);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        (listener, port)
    }

    /// Connects as in a sandbox, with other addresses.
    fn join_with(connection: TcpStream, port: u16) {
        connect_between(connection.into(), Ipv4Addr::LOCALHOST, SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2), port));
    }

    #[test]
    fn open_connections_are_waited_for() {
        let open = Open::default();
        open.wait_until_closed(Duration::from_secs(60));
        let (first, second) = (open.hold(), open.hold());
        drop(first);
        open.wait_until_closed(Duration::from_millis(1));
        let start = std::time::Instant::now();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            drop(second);
        });
        open.wait_until_closed(Duration::from_secs(60));
        assert!((50..20_000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }

    #[test]
    fn both_directions_end_on_their_own() {
        let (server, port) = listener();
        let (front, front_port) = listener();
        let mut client = TcpStream::connect(("127.0.0.1", front_port)).expect("accepted");
        let (accepted, _) = front.accept().expect("a connection");
        let joined = thread::spawn(move || join_with(accepted, port));
        let (mut served, _) = server.accept().expect("a connection");
        client.write_all(b"question").expect("sent");
        client.shutdown(Shutdown::Write).expect("open");
        let mut text = String::new();
        served.read_to_string(&mut text).expect("the end of the question arrives");
        served.write_all(b"answer").expect("the other direction is open");
        drop(served);
        client.read_to_string(&mut text).expect("the end of the answer arrives");
        assert_eq!(text, "questionanswer");
        joined.join().expect("no panic");
    }

    #[test]
    fn connection_without_listener_ends() {
        let (gone, port) = listener();
        drop(gone);
        let (front, front_port) = listener();
        let mut client = TcpStream::connect(("127.0.0.1", front_port)).expect("accepted");
        join_with(front.accept().expect("a connection").0, port);
        assert_eq!(client.read(&mut [0]).expect("the end"), 0);
    }
}
