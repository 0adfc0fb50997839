//! Connections: their number, their lifetime and their end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use crate::log;
use crate::service::Service;

/// The most connections at a time; others wait in the kernel's queue.
const MAX_CONNECTIONS: u32 = 256;
/// The time limit for the head of a request, and for an idle connection.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The lifetime of a connection; after it, clients must reconnect.
const LIFE_TIME: Duration = Duration::from_secs(120);
/// The time limit for the last request of a connection whose lifetime ended.
const LAST_REQUEST_TIME: Duration = Duration::from_secs(60);
/// The time limit for running requests after a stop signal. `docker stop` waits ten seconds.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until `stop` completes. Then idle connections end at once, and running requests have [`GRACE`].
pub(crate) async fn serve(listener: TcpListener, service: Arc<Service>, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(false);
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&connections).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, Arc::clone(&service), stopped.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: a pause lets some connections end.
                log(format_args!("failed to accept a connection: {error}"));
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    // An error means that no connection is left to notify.
    let _ = stopping.send(true);
    // Both outcomes end the service.
    let _ = timeout(GRACE, connections.acquire_many(MAX_CONNECTIONS)).await;
}

/// Serves a connection. Its errors (the client went away, spoke no HTTP, was too slow) are the client's own.
async fn connection(stream: TcpStream, service: Arc<Service>, mut stopped: watch::Receiver<bool>) {
    // Answers are written at once; without the option small ones may wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let used = Arc::new(AtomicBool::new(false));
    let answer = service_fn(|request| {
        used.store(true, Ordering::Relaxed);
        Arc::clone(&service).answer(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = pin!(connection);
    let last = tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => GRACE,
        () = sleep(LIFE_TIME) => LAST_REQUEST_TIME,
    };
    if used.load(Ordering::Relaxed) {
        connection.as_mut().graceful_shutdown();
        // A request that takes longer is cut off.
        let _ = timeout(last, connection).await;
    }
}
