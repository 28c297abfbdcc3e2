//! The plan of one run of the generator, as JSON on its command line.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One run of the generator.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) sources: Vec<Source>,
    /// Time before the first request that counts.
    pub(crate) warm_up: Duration,
    /// Time in which requests count.
    pub(crate) counted: Duration,
}

/// Requests of one kind, from clients of their own.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) path: String,
    /// The header `criticality`.
    pub(crate) criticality: Option<String>,
    /// The number of the first client, and the number of clients; each has an address of its own.
    pub(crate) first_client: usize,
    pub(crate) clients: usize,
    /// The most connections of one client.
    pub(crate) connections: usize,
    /// The most retries of a request that was not answered with 200, 50, 100 and 200 ms after each failure.
    pub(crate) retries: u32,
    pub(crate) pace: Pace,
}

/// Pace of the requests.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) enum Pace {
    /// Poisson arrivals, in parts of this duration and this rate a second.
    Open(Vec<(Duration, f64)>),
    /// Each of this many clients sends its next request when the last one is answered.
    Closed(usize),
}

/// Clients of a source that is not one client.
pub(crate) const CLIENTS: usize = 200;
/// Connections of one client at the same time.
pub(crate) const CONNECTIONS: usize = 20;

impl Source {
    /// Requests to a path from [`CLIENTS`] clients at this pace.
    pub(crate) fn new(name: &str, path: &str, pace: Pace) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            criticality: None,
            first_client: 0,
            clients: CLIENTS,
            connections: CONNECTIONS,
            retries: 0,
            pace,
        }
    }

    /// The same from other clients.
    pub(crate) fn by_clients(self, first_client: usize, clients: usize, connections: usize) -> Self {
        Self { first_client, clients, connections, ..self }
    }
}
