//! What is sent to a program while it runs.

use std::time::Duration;

use bollard::errors::Error as Client;
use bollard::exec::ResizeExecOptions;
use bollard::query_parameters::ResizeContainerTTYOptionsBuilder;
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::wire::Writer;

/// How many events wait in a channel at most.
const DEPTH: usize = 8;

/// How often the daemon is asked to give a terminal its size: it refuses until the program has begun.
const RESIZES: u32 = 10;
/// The time before the second of these requests; before each further one it is that much longer.
const RESIZE_PAUSE: Duration = Duration::from_millis(10);

/// Something that is sent to a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputEvent {
    /// Bytes of its standard input. Memory is bounded by eight times the longest piece. Docker holds a last byte back from a
    /// terminal until the next comes, if it is 255 (or 30, the key Ctrl-^, for [`crate::Docker::exec`]).
    Bytes(Vec<u8>),
    /// The size of its terminal in characters. Nothing happens to a program without one.
    Resize {
        /// The height.
        rows: u16,
        /// The width.
        columns: u16,
    },
    /// Its standard input ends. A terminal has no end: send the byte 4, which its line discipline takes for one.
    End,
    /// Nobody listens any more; the program goes on. Without a terminal, its standard input ends. [`crate::Docker::run`]
    /// still waits for its end.
    Detach,
}

/// The conversation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program no longer takes input")]
pub struct InputClosed;

/// Where a program's input is put in. Dropping the last one is the same as [`InputEvent::End`].
#[derive(Debug, Clone)]
pub struct InputSender(mpsc::Sender<InputEvent>);

impl InputSender {
    /// Waits while the daemon takes no more. Not to be called from within an asynchronous runtime.
    ///
    /// # Errors
    /// If the conversation is over. Whether the program reads what it is sent is not known here.
    pub fn send(&self, event: InputEvent) -> Result<(), InputClosed> {
        self.0.blocking_send(event).map_err(|_| InputClosed)
    }
}

/// Where a program's input comes from.
#[derive(Debug)]
pub struct Input(Option<mpsc::Receiver<InputEvent>>);

/// A way of sending input to a program while it runs.
pub fn input() -> (InputSender, Input) {
    let (sender, receiver) = mpsc::channel(DEPTH);
    (InputSender(sender), Input(Some(receiver)))
}

impl Input {
    /// No standard input at all: the program sees an empty one.
    pub fn none() -> Self {
        Self(None)
    }

    /// These bytes, then the end.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let (sender, receiver) = mpsc::channel(1);
        // There is room for one.
        let _ = sender.try_send(InputEvent::Bytes(bytes.into()));
        Self(Some(receiver))
    }

    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }
}

/// Whose terminal is resized.
pub(crate) enum Terminal {
    Container(String),
    Exec(String),
}

impl Terminal {
    async fn resize(&self, client: &bollard::Docker, rows: u16, columns: u16) {
        for attempt in 1..=RESIZES {
            match self.ask_to_resize(client, rows, columns).await {
                Err(Client::DockerResponseServerError { .. }) => sleep(RESIZE_PAUSE * attempt).await,
                // A daemon that is lost is noticed by whoever reads the output.
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

/// Where input goes to.
pub(crate) struct Destination {
    pub(crate) client: bollard::Docker,
    pub(crate) writer: Writer,
    /// The program's terminal, if it has one.
    pub(crate) terminal: Option<Terminal>,
    /// Told when nobody listens any more.
    pub(crate) detached: oneshot::Sender<()>,
}

/// A task that passes input on; it ends with this value, as a program need not read all of its input.
pub(crate) struct Feeding(JoinHandle<()>);

impl Feeding {
    /// Has to be called within the runtime.
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
        // A program that does not read its input is not at fault: what cannot be written is left out.
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

    /// Docker takes the end of a terminal's input for the wish to hear nothing more of it.
    async fn end(&mut self) {
        if self.terminal.is_none() {
            let _ = self.writer.shutdown().await;
        }
    }
}
