//! Whether the daemon still answers. A build or a wait may be silent for hours, and a stopped daemon is silent too: only a second
//! request tells them apart.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use bollard::errors::Error as Client;
use futures_util::future::{Either, select};
use hyper::Method;
use tokio::time::{sleep, timeout};

use crate::{Endpoint, Error, wire};

/// The silence of a request after which the daemon gets a ping, and between two pings.
const QUIET: Duration = Duration::from_secs(10);

/// The limit of an answer to a ping. A busy daemon answers within a second.
const LONG: Duration = Duration::from_secs(30);

/// The limit after an interruption, when a user waits.
pub(crate) const SHORT: Duration = Duration::from_secs(2);

/// The pause after a refused ping: the daemon may restart, or its queue of connections may be full.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits for a future while the daemon answers pings.
///
/// # Errors
/// [`Error::Silent`].
pub(crate) async fn while_alive<T>(endpoint: &Endpoint, future: impl Future<Output = T>) -> Result<T, Error> {
    let silence = async {
        loop {
            sleep(QUIET).await;
            if !answers(endpoint, LONG).await {
                return Error::Silent { endpoint: endpoint.clone(), limit: LONG };
            }
        }
    };
    match select(pin!(future), pin!(silence)).await {
        Either::Left((result, _)) => Ok(result),
        Either::Right((error, _)) => Err(error),
    }
}

/// Whether the daemon answers a ping within this time. A refusal is an answer.
pub(crate) async fn answers(endpoint: &Endpoint, limit: Duration) -> bool {
    let answered = async {
        loop {
            match ping(endpoint).await {
                Ok(()) | Err(Client::DockerResponseServerError { .. }) => return,
                Err(_) => sleep(PAUSE).await,
            }
        }
    };
    timeout(limit, answered).await.is_ok()
}

async fn ping(endpoint: &Endpoint) -> Result<(), Client> {
    wire::send(endpoint, wire::request(Method::GET, "/_ping", None)?).await.map(drop)
}
