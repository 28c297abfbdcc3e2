//! Vitals of subscriptions and of the log.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use vitals::{Column, Source, Table, TableRow, TableValue, Unit};

use super::store::SubscriptionState;
use crate::event::{HeldBack, Lag};

const SUBSCRIPTION: Table = Table {
    name: "subscription",
    help: "A subscription to the event log.",
    columns: &[
        Column::label("subscription", "The subscription."),
        Column::words("state", &STATES, "working, following when another process consumes, paused, halted, or done.")
            .degraded(&["halted"]),
        Column::gauge("behind", "Events that are not consumed yet, at most 10000; of the process that consumes."),
        Column::gauge("lag", "Age of the first event that is not consumed yet.").in_unit(Unit::Seconds),
        Column::counter("events", "Events consumed."),
        Column::counter("batches", "Batches consumed."),
        Column::counter("failures", "Batches that failed."),
        Column::counter("quarantined", "Events that went to the quarantine."),
        Column::counter("refused", "Batches that were refused by their fence or cursor."),
        Column::counter("errors", "Operations on the database that failed."),
    ],
};

const EVENT_LOG: Table = Table {
    name: "event_log",
    help: "The event log: events that a transaction which still runs holds back.",
    columns: &[
        Column::label("log", "The log."),
        Column::state(
            "culprit",
            "The session with the oldest transaction that writes; empty when no event is held back.",
        ),
        Column::gauge("held_back", "Events that are committed and cannot be read yet, at most 10000."),
        Column::gauge("oldest", "Age of the oldest of them.").in_unit(Unit::Seconds),
    ],
};

/// The states of a subscription in one process.
const STATES: [&str; 5] = ["following", "working", "paused", "halted", "done"];

/// Counters of one subscription in one process.
#[derive(Debug)]
pub(super) struct Stats {
    name: Arc<str>,
    state: AtomicU8,
    lag: Mutex<Lag>,
    pub(super) events: AtomicU64,
    pub(super) batches: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) quarantined: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) errors: AtomicU64,
}

impl Stats {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            state: AtomicU8::new(0),
            lag: Mutex::default(),
            events: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            quarantined: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        }
    }

    pub(super) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// Sets the state; none when another process consumes.
    pub(super) fn set_state(&self, state: Option<SubscriptionState>) {
        let number = match state {
            None => 0,
            Some(SubscriptionState::Active) => 1,
            Some(SubscriptionState::Paused) => 2,
            Some(SubscriptionState::Halted) => 3,
            Some(SubscriptionState::Done) => 4,
        };
        self.state.store(number, Ordering::Relaxed);
        if number == 0 {
            self.set_lag(Lag::default());
        }
    }

    pub(super) fn set_lag(&self, lag: Lag) {
        *self.lag.lock().unwrap_or_else(PoisonError::into_inner) = lag;
    }
}

impl Source for Stats {
    fn table(&self) -> &'static Table {
        &SUBSCRIPTION
    }

    fn rows(&self) -> Vec<TableRow> {
        let count = |counter: &AtomicU64| TableValue::from(counter.load(Ordering::Relaxed));
        let lag = *self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        let state = usize::from(self.state.load(Ordering::Relaxed));
        vec![vec![
            TableValue::text(&*self.name),
            TableValue::text(STATES.get(state).copied().unwrap_or_default()),
            TableValue::from(lag.events),
            TableValue::Level(lag.oldest.as_secs_f64()),
            count(&self.events),
            count(&self.batches),
            count(&self.failures),
            count(&self.quarantined),
            count(&self.refused),
            count(&self.errors),
        ]]
    }
}

/// The row source of the log, with what was read last.
#[derive(Debug, Default)]
pub(super) struct LogTable(Mutex<HeldBack>);

impl LogTable {
    pub(super) fn set(&self, held_back: HeldBack) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = held_back;
    }
}

impl Source for LogTable {
    fn table(&self) -> &'static Table {
        &EVENT_LOG
    }

    fn rows(&self) -> Vec<TableRow> {
        let held_back = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        vec![vec![
            TableValue::text("events"),
            TableValue::text(held_back.culprit),
            TableValue::from(held_back.events),
            TableValue::Level(held_back.oldest.as_secs_f64()),
        ]]
    }
}
