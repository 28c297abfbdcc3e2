//! Counts of the calls to one peer.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use telemetry::objectives::LiveObjective;
use vitals::{Column, Histogram, Table, TableRow, TableValue, Unit};

use crate::Error;
use crate::checked::Checked;

/// The shape of [`Counts::row`].
pub(crate) const CLIENT: Table = Table {
    name: "client",
    help: "Calls made, by the peer they were made to.",
    columns: &[
        Column::label("service_peer_name", "The dependency, or scheme, host and port of a peer that was not declared."),
        Column::gauge("calls_in_flight", "Calls that have not ended."),
        Column::counter("calls_answered", "Calls that were answered, with any status."),
        Column::counter("calls_failed", "Calls that have no whole answer."),
        Column::counter("answers_5xx", "Answers of 500 and above."),
        Column::duration("call_duration", "From the call to its end, of calls answered below 500."),
        Column::state("last_failure", "Error of the last failed call; empty once one is answered."),
        Column::gauge("checked", "Time since the last call or health check ended; NaN before.").in_unit(Unit::Seconds),
    ],
};

/// Counts of the calls to one peer.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) in_flight: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    durations: Histogram,
    last_failure: Mutex<&'static str>,
    pub(crate) checked: Checked,
    objectives: Arc<[Arc<LiveObjective>]>,
}

impl Counts {
    pub(crate) fn new(objectives: Arc<[Arc<LiveObjective>]>) -> Self {
        Self {
            in_flight: AtomicU64::default(),
            answered: AtomicU64::default(),
            failed: AtomicU64::default(),
            refused: AtomicU64::default(),
            durations: Histogram::new(),
            last_failure: Mutex::new(""),
            checked: Checked::new(),
            objectives,
        }
    }

    /// Counts the outcome of a call. Durations are those of answers below 500: fast failures would improve the percentiles.
    pub(crate) fn end(&self, outcome: Result<http::StatusCode, &Error>, took: Duration) {
        self.checked.note();
        let failed = outcome.as_ref().map_or(true, http::StatusCode::is_server_error);
        self.objectives.iter().for_each(|objective| objective.record_end(failed, took));
        match outcome {
            Ok(status) => {
                self.answered.fetch_add(1, Relaxed);
                if status.is_server_error() {
                    self.refused.fetch_add(1, Relaxed);
                } else {
                    self.durations.record(took);
                }
                *self.last_failure() = "";
            }
            Err(error) => {
                self.failed.fetch_add(1, Relaxed);
                *self.last_failure() = error.kind();
            }
        }
    }

    /// The row of a peer of this name.
    pub(crate) fn row(&self, name: &str) -> TableRow {
        let count = |counter: &AtomicU64| TableValue::from(counter.load(Relaxed));
        vec![
            TableValue::text(name),
            count(&self.in_flight),
            count(&self.answered),
            count(&self.failed),
            count(&self.refused),
            TableValue::from(self.durations.snapshot()),
            TableValue::text(*self.last_failure()),
            TableValue::from(self.checked.age()),
        ]
    }

    fn last_failure(&self) -> MutexGuard<'_, &'static str> {
        self.last_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
