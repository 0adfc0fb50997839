//! Input of a running program.

use std::time::Duration;

use bollard::errors::Error as Client;
use bollard::exec::ResizeExecOptions;
use bollard::query_parameters::ResizeContainerTTYOptionsBuilder;
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::wire::Writer;

/// The limit of waiting events in a channel.
const DEPTH: usize = 8;

/// Requests to resize a terminal: the daemon refuses until the program has begun.
const RESIZES: u32 = 10;
/// The pause after the first of these requests. Each further pause is longer by this time.
const RESIZE_PAUSE: Duration = Duration::from_millis(10);

/// An event for a running program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputEvent {
    /// Bytes of its standard input. At most eight pieces wait in memory. Docker delays a last byte of 255 for a terminal until
    /// the next byte (for [`crate::Docker::exec`], a byte of 30, the key Ctrl-^).
    Bytes(Vec<u8>),
    /// The size of its terminal in characters. Ignored without a terminal.
    Resize {
        /// The height.
        rows: u16,
        /// The width.
        columns: u16,
    },
    /// Its standard input ends. A terminal has no end: send the byte 4, which its line discipline treats as one.
    End,
    /// Stops listening; the program goes on. Without a terminal, its standard input ends. [`crate::Docker::run`] still waits
    /// for its end.
    Detach,
}

/// The conversation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program no longer takes input")]
pub struct InputClosed;

/// Sends input to a program. The drop of the last sender acts as [`InputEvent::End`].
#[derive(Debug, Clone)]
pub struct InputSender(mpsc::Sender<InputEvent>);

impl InputSender {
    /// Sends an event, and blocks while the channel is full. Panics within an asynchronous runtime.
    ///
    /// # Errors
    /// If the conversation is over. Success does not mean that the program has read the input.
    pub fn send(&self, event: InputEvent) -> Result<(), InputClosed> {
        self.0.blocking_send(event).map_err(|_| InputClosed)
    }
}

/// The source of a program's input.
#[derive(Debug)]
pub struct Input(Option<mpsc::Receiver<InputEvent>>);

/// Creates a channel for a program's input.
pub fn input() -> (InputSender, Input) {
    let (sender, receiver) = mpsc::channel(DEPTH);
    (InputSender(sender), Input(Some(receiver)))
}

impl Input {
    /// An empty standard input.
    pub fn none() -> Self {
        Self(None)
    }

    /// These bytes, then the end.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        // The new channel has room for one.
        let _ = sender.try_send(InputEvent::Bytes(bytes.into()));
        Self(Some(receiver))
    }

    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }
}

/// The owner of a terminal, by id.
pub(crate) enum Terminal {
    Container(String),
    Exec(String),
}

impl Terminal {
    async fn resize(&self, client: &bollard::Docker, rows: u16, columns: u16) {
        for attempt in 1..=RESIZES {
            match self.ask_to_resize(client, rows, columns).await {
                Err(Client::DockerResponseServerError { .. }) => sleep(RESIZE_PAUSE * attempt).await,
                // The reader of the output notices a lost daemon.
                _ => return,
            }
        }
    }

    async fn ask_to_resize(&self, client: &bollard::Docker, rows: u16, columns: u16) -> Result<(), Client> {
        match self {
            Self::Container(id) => {
                let options = ResizeContainerTTYOptionsBuilder::new().h(rows.into()).w(columns.into()).build();
                client.resize_container_tty(id, options).await
            }
            Self::Exec(id) => client.resize_exec(id, ResizeExecOptions { height: rows, width: columns }).await,
        }
    }
}

/// The receiver of input.
pub(crate) struct Destination {
    pub(crate) client: bollard::Docker,
    pub(crate) writer: Writer,
    /// The program's terminal, if it has one.
    pub(crate) terminal: Option<Terminal>,
    /// Signals [`InputEvent::Detach`].
    pub(crate) detached: oneshot::Sender<()>,
}

/// A task that passes input on. Its drop ends the task, as a program may not read all of its input.
pub(crate) struct Feeding(JoinHandle<()>);

impl Feeding {
    /// Panics outside of a runtime.
    pub(crate) fn start(input: Input, destination: Destination) -> Option<Self> {
        input.0.map(|events| Self(tokio::spawn(destination.feed(events))))
    }
}

impl Drop for Feeding {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Destination {
    async fn feed(mut self, mut events: mpsc::Receiver<InputEvent>) {
        // A program may ignore its input, so failed writes do not matter.
        while let Some(event) = events.recv().await {
            match event {
                InputEvent::Bytes(bytes) => drop(self.writer.write_all(&bytes).await),
                InputEvent::Resize { rows, columns } => {
                    if let Some(terminal) = &self.terminal {
                        terminal.resize(&self.client, rows, columns).await;
                    }
                }
                InputEvent::End => self.end().await,
                InputEvent::Detach => {
                    let _ = self.detached.send(());
                    return;
                }
            }
        }
        self.end().await;
    }

    /// Ends the input, except for a terminal: Docker would end its output too.
    async fn end(&mut self) {
        if self.terminal.is_none() {
            let _ = self.writer.shutdown().await;
        }
    }
}
