//! The client's vitals: what it calls, and how that goes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use url::Url;
use vitals::{Column, Histogram, Row, Source, Table, Value};

use crate::Error;

/// Peers told apart; calls to further ones are counted together, as `other`.
const MAX_PEERS: usize = 64;

const CLIENT: Table = Table {
    name: "client",
    help: "Calls made, by the peer they were made to.",
    columns: &[
        Column::label("peer", "Host and port."),
        Column::gauge("calls_in_flight", "Calls that have not ended."),
        Column::counter("calls_answered", "Calls that were answered, whatever the status."),
        Column::counter("calls_failed", "Calls that have no whole answer."),
        Column::counter("answers_5xx", "Answers of 500 and above."),
        Column::duration("call_duration", "From the call to its end."),
        Column::state("last_failure", "Why the last call that failed has no answer; empty once one is answered."),
    ],
};

/// What is counted for all peers.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    peers: Mutex<BTreeMap<String, Arc<Peer>>>,
}

/// What is counted for one.
#[derive(Debug)]
pub(crate) struct Peer {
    name: String,
    in_flight: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    durations: Histogram,
    last_failure: Mutex<&'static str>,
}

/// A call that is counted as in flight until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted(Arc<Peer>);

impl Traffic {
    /// Counts a call from now on.
    pub(crate) fn begin(&self, url: &Url) -> Counted {
        let name = url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        let mut peers = self.peers();
        let name = if peers.contains_key(&name) || peers.len() < MAX_PEERS { name } else { "other".to_owned() };
        let peer = peers.entry(name).or_insert_with_key(|name| Arc::new(Peer::new(name))).clone();
        peer.in_flight.fetch_add(1, Relaxed);
        Counted(peer)
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Peer>>> {
        // A map of counters is whole whatever happened to the thread that held the lock.
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Peer {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            in_flight: AtomicU64::default(),
            answered: AtomicU64::default(),
            failed: AtomicU64::default(),
            refused: AtomicU64::default(),
            durations: Histogram::new(),
            last_failure: Mutex::new(""),
        }
    }

    fn last_failure(&self) -> MutexGuard<'_, &'static str> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Counts what came of it.
    pub(crate) fn end(&self, outcome: Result<http::StatusCode, &Error>, took: Duration) {
        let peer = &self.0;
        peer.durations.record(took);
        match outcome {
            Ok(status) => {
                peer.answered.fetch_add(1, Relaxed);
                peer.refused.fetch_add(u64::from(status.is_server_error()), Relaxed);
                *peer.last_failure() = "";
            }
            Err(error) => {
                peer.failed.fetch_add(1, Relaxed);
                *peer.last_failure() = error.kind();
            }
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Source for Traffic {
    fn table(&self) -> &'static Table {
        &CLIENT
    }

    fn rows(&self) -> Vec<Row> {
        let peers: Vec<Arc<Peer>> = self.peers().values().cloned().collect();
        let count = |counter: &AtomicU64| Value::from(counter.load(Relaxed));
        let row = |peer: &Arc<Peer>| {
            vec![
                Value::text(peer.name.as_str()),
                count(&peer.in_flight),
                count(&peer.answered),
                count(&peer.failed),
                count(&peer.refused),
                Value::from(peer.durations.snapshot()),
                Value::text(*peer.last_failure()),
            ]
        };
        peers.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(host: &str) -> Url {
        format!("http://user:secret@{host}/path?token=secret").parse().expect("a URL")
    }

    #[test]
    fn a_call_is_in_flight_until_it_is_dropped_however_it_ends() {
        let traffic = Traffic::default();
        let call = traffic.begin(&url("bank:80"));
        assert_eq!(traffic.rows()[0][..2], [Value::text("bank"), Value::from(1)]);
        let error = Error::Timeout { url: String::new(), what: "first byte", bound: Duration::from_secs(1) };
        call.end(Err(&error), Duration::from_secs(1));
        drop(call);
        drop(traffic.begin(&url("bank:80")));
        let row = &traffic.rows()[0];
        assert_eq!(row[1..4], [Value::from(0), Value::from(0), Value::from(1)]);
        assert_eq!(row[6], Value::text("timeout"));
    }

    #[test]
    fn peers_over_the_bound_are_counted_together() {
        let traffic = Traffic::default();
        for number in 0..MAX_PEERS + 10 {
            drop(traffic.begin(&url(&format!("host-{number}:81"))));
        }
        assert_eq!(traffic.rows().len(), MAX_PEERS + 1);
    }
}
