//! Open streams of a route: server-sent events, WebSockets and long polls, bounded in all and for each client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;

use crate::Problem;
use crate::route_rate::ClientKey;

/// Shortest time after which a refused client can come again; up to twice as long, so that not all come at once.
const AGAIN: Duration = Duration::from_secs(5);

/// The streams of one route that are open.
#[derive(Debug)]
pub(crate) struct OpenStreams {
    in_all: u32,
    per_client: u32,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    in_all: u32,
    /// Clients with an open stream: never more than `in_all`.
    clients: HashMap<ClientKey, u32>,
}

/// The place of one stream; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct StreamPlace {
    streams: Arc<OpenStreams>,
    client: Option<ClientKey>,
}

impl OpenStreams {
    /// No streams, with room for so many in all, and for so many of each client.
    pub(crate) fn new(in_all: u32, per_client: u32) -> Self {
        Self { in_all, per_client, open: Mutex::default() }
    }

    /// Takes a place, or refuses at once. Without a key the client has no bound of its own.
    pub(crate) fn enter(self: &Arc<Self>, client: Option<ClientKey>) -> Result<StreamPlace, Problem> {
        let mut open = self.open();
        if open.in_all >= self.in_all {
            let detail = format!("all {} streams of this route are taken; try again after Retry-After", self.in_all);
            return Err(refused(StatusCode::SERVICE_UNAVAILABLE, detail, "streams_full"));
        }
        if let Some(client) = client {
            let own = open.clients.entry(client).or_default();
            if *own >= self.per_client {
                let detail =
                    format!("this client has {own} open streams of this route, and may have no more; close one");
                return Err(refused(StatusCode::TOO_MANY_REQUESTS, detail, "streams_of_client"));
            }
            *own += 1;
        }
        open.in_all += 1;
        drop(open);
        Ok(StreamPlace { streams: self.clone(), client })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(status: StatusCode, detail: String, code: &'static str) -> Problem {
    let wait = AGAIN.mul_f64(1.0 + vitals::random_fraction());
    Problem::new(status, detail).with("code", code).retry_after(wait)
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        open.in_all -= 1;
        if let Some(client) = self.client
            && let Some(own) = open.clients.get_mut(&client)
        {
            *own -= 1;
            if *own == 0 {
                open.clients.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn client(last: u8) -> Option<ClientKey> {
        Some(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))))
    }

    #[test]
    fn streams_are_bounded_for_each_client_and_in_all() {
        let streams = Arc::new(OpenStreams::new(3, 2));
        let status = |refused: Result<StreamPlace, Problem>| refused.map_err(|problem| problem.status().as_u16()).err();
        let first = streams.enter(client(1)).unwrap();
        let _second = streams.enter(client(1)).unwrap();
        assert_eq!(status(streams.enter(client(1))), Some(429));
        let _third = streams.enter(client(2)).unwrap();
        assert_eq!(status(streams.enter(client(2))), Some(503));
        assert_eq!(status(streams.enter(None)), Some(503), "the bound in all holds for everybody");
        drop(first);
        let _again = streams.enter(client(1)).unwrap();
        assert_eq!(streams.open().clients.len(), 2);
    }
}
