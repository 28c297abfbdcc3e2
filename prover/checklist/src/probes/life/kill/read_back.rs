//! Reads a thing back from a service that has just started.

use std::time::Duration;

use keel_wire::http::{Client, Exchange, Request};

/// Maximum number of repeats of a read that is told to wait (429, 503).
const READ_AGAIN: usize = 10;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks until it is no longer told to wait.
pub(super) async fn read(client: &Client, request: &Request) -> Exchange {
    let mut exchange = client.send(request.clone()).await;
    for _ in 0..READ_AGAIN {
        if exchange.status().is_none_or(|status| ![429, 503].contains(&status.as_u16())) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        exchange = client.send(request.clone()).await;
    }
    exchange
}
