//! Durations of attempts, by dependency and type of error.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use telemetry::RequestContext;
use vitals::{Column, Histogram, HistogramSnapshot, Source, Table, TableRow, TableValue};

/// The values of `error_type`: none; an answer of 500 or above; no answer.
const ERRORS: [&str; 3] = ["", "5xx", "_OTHER"];

const ATTEMPTS: Table = Table {
    name: "http_client_request",
    help: "Attempts of calls, each request that was sent.",
    columns: &[
        Column::label("service_peer_name", "The dependency, or scheme, host and port of a peer that was not declared."),
        Column::label("error_type", "5xx: an answer of 500 or above; _OTHER: no whole answer."),
        Column::duration("duration", "From the attempt's start to its end.").convention("http.client.request.duration"),
    ],
};

/// Durations of the attempts to one peer.
#[derive(Debug)]
pub(crate) struct Attempts {
    peer: Arc<str>,
    /// By the position in [`ERRORS`].
    durations: [OnceLock<Box<Histogram>>; ERRORS.len()],
}

/// Durations of the attempts to all peers: as many as there are peers, which have a bound.
#[derive(Debug, Default)]
pub(crate) struct AllAttempts(Mutex<Vec<Arc<Attempts>>>);

impl AllAttempts {
    /// Adds a peer.
    pub(crate) fn add(&self, peer: &str) -> Arc<Attempts> {
        let attempts = Arc::new(Attempts { peer: peer.into(), durations: Default::default() });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(attempts.clone());
        attempts
    }
}

impl Attempts {
    /// Counts an attempt with the status of its answer; none: it has no whole answer.
    pub(crate) fn record(&self, status: Option<http::StatusCode>, took: Duration) {
        let error = match status {
            Some(status) if status.is_server_error() => 1,
            Some(_) => 0,
            None => 2,
        };
        let durations = self.durations[error].get_or_init(Box::default);
        match RequestContext::current() {
            Some(context) => durations.record_traced(took, &context.trace),
            None => durations.record(took),
        }
    }

    fn row(&self, error: usize) -> TableRow {
        let durations = self.durations[error].get().map_or_else(HistogramSnapshot::default, |made| made.snapshot());
        vec![TableValue::Text(self.peer.clone()), TableValue::text(ERRORS[error]), TableValue::from(durations)]
    }
}

impl Source for AllAttempts {
    fn table(&self) -> &'static Table {
        &ATTEMPTS
    }

    fn rows(&self) -> Vec<TableRow> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.iter().flat_map(|attempts| (0..ERRORS.len()).map(|error| attempts.row(error))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_attempts_are_apart_and_all_series_are_there_at_zero() {
        let all = AllAttempts::default();
        let bank = all.add("bank");
        let counts = || -> Vec<u64> {
            let count = |row: &TableRow| match &row[2] {
                TableValue::Distribution(durations) => durations.count(),
                _ => u64::MAX,
            };
            all.rows().iter().map(count).collect()
        };
        assert_eq!(counts(), [0, 0, 0]);
        bank.record(Some(http::StatusCode::NOT_FOUND), Duration::from_millis(1));
        bank.record(Some(http::StatusCode::BAD_GATEWAY), Duration::from_millis(1));
        bank.record(None, Duration::from_millis(1));
        bank.record(None, Duration::from_millis(1));
        assert_eq!(counts(), [1, 1, 2]);
    }
}
