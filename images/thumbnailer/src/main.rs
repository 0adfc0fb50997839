//! An HTTP service that makes thumbnails.
//!
//! | request | answer |
//! |---|---|
//! | `POST /thumbnail?width=N` with a JPEG or PNG as its body | `image/png`, N pixels wide (1 to 4096), the aspect kept; never wider than the image itself |
//! | `GET /healthz` | `ok` |
//! | `GET /stats` | counts as JSON: `jpeg`, `png`, `refused`, `bytes_received`, `bytes_sent` |
//!
//! A body that is not an image gets 400 and a reason; more than 32 MiB or 64 million pixels get 413; a body that takes
//! longer than 30 seconds gets 408; a request while too many others run gets 503.
//!
//! It decodes and encodes by libjpeg-turbo and libpng, reads the orientation of photos by libexif, and counts in SQLite.
//! Settings are in the environment: `THUMBNAILER_LISTEN` is the address and port (`0.0.0.0:8080`), `THUMBNAILER_DATA` the
//! folder of the counts (`/var/lib/thumbnailer`).
//!
//! As process 1 of a container it has no default signal handlers: it stops on SIGTERM and SIGINT by its own.

use std::env;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

mod bitmap;
mod exif;
mod jpeg;
mod png;
mod scale;
mod server;
mod service;
mod store;
mod thumbnail;

use service::Service;
use store::Store;

/// An error of starting or stopping the service.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("failed to read THUMBNAILER_LISTEN: `{0}` is no address and port")]
    Address(String),
    #[error("failed to listen on `{0}`: {1}")]
    Listen(SocketAddr, io::Error),
    #[error("failed to open the counts in `{}`: {}", .0.display(), .1)]
    Open(PathBuf, rusqlite::Error),
    #[error("failed to close the counts: {0}")]
    Close(rusqlite::Error),
    #[error("failed to start: {0}")]
    Start(io::Error),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log(format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Start)?;
    let result = runtime.block_on(start());
    // A decoder that still runs ends with the process.
    runtime.shutdown_background();
    result
}

async fn start() -> Result<(), Error> {
    // First of all: from here on a signal is not lost.
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Start)?;
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };

    let address = address()?;
    let data = env::var_os("THUMBNAILER_DATA").map_or_else(|| PathBuf::from("/var/lib/thumbnailer"), PathBuf::from);
    let store = Store::open(&data).map_err(|error| Error::Open(data, error))?;
    let listener = TcpListener::bind(address).await.map_err(|error| Error::Listen(address, error))?;
    let address = listener.local_addr().map_err(Error::Start)?;
    log(format_args!("listening on {address}"));

    let service = Arc::new(Service::new(store));
    server::serve(listener, Arc::clone(&service), stop).await;
    service.store().close().map_err(Error::Close)
}

fn address() -> Result<SocketAddr, Error> {
    let Some(text) = env::var_os("THUMBNAILER_LISTEN") else {
        return Ok(SocketAddr::from(([0, 0, 0, 0], 8080)));
    };
    let text = text.to_string_lossy();
    text.parse().map_err(|_| Error::Address(text.into_owned()))
}

/// Writes a line to stderr, which is a container's log. Ignores errors: the service also runs without a log.
fn log(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "thumbnailer: {line}");
}
