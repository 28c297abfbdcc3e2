//! Vitals of the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use resilience::admission::PoolUser;
use vitals::{Column, Histogram, Source, Table, TableRow, TableValue};

use crate::StoreError;

const STORE: Table = Table {
    name: "store",
    help: "The store's transactions and connections.",
    columns: &[
        Column::label("db_system_name", "sqlite or postgresql."),
        Column::gauge("connections", "Connections open."),
        Column::gauge("connections_idle", "Connections not in use."),
        Column::gauge("connections_limit", "The most connections.").convention("db.client.connection.max"),
        Column::duration("wait", "Time until a transaction had its connection.")
            .convention("db.client.connection.wait_time"),
        Column::counter("committed", "Transactions committed."),
        Column::counter("rolled_back", "Transactions rolled back."),
        Column::counter("retried", "Transactions run again because another was in the way."),
        Column::counter("replayed", "Requests answered from the idempotency log."),
        Column::counter("acquire_timeouts", "Callers that got no connection in time.")
            .convention("db.client.connection.timeouts"),
    ],
};

const STATEMENTS: Table = Table {
    name: "db_client_operation",
    help: "Statements of the store.",
    columns: &[
        Column::label("db_system_name", "sqlite or postgresql."),
        Column::label("error_type", "_OTHER: the statement failed."),
        Column::duration("duration", "From a statement's start to its last row.")
            .convention("db.client.operation.duration"),
    ],
};

/// Counters of transactions.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) committed: AtomicU64,
    pub(crate) rolled_back: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) replayed: AtomicU64,
    pub(crate) acquire_timeouts: AtomicU64,
    /// Times until a transaction had its connection.
    pub(crate) waits: Histogram,
    statements: Histogram,
    failed_statements: Histogram,
}

/// Fill of the pools.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fill {
    pub(crate) open: u32,
    pub(crate) idle: u32,
    pub(crate) limit: u32,
}

/// One of the connections in use; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct InUse {
    count: Arc<AtomicU32>,
    counters: Arc<Counters>,
    /// Counted in the pool until it is dropped.
    _user: PoolUser,
}

impl InUse {
    pub(crate) fn of(count: &Arc<AtomicU32>, counters: &Arc<Counters>, mut user: PoolUser) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        user.acquired();
        Self { count: count.clone(), counters: counters.clone(), _user: user }
    }

    /// Counts a statement, and logs it for those who look at details. Values are not logged: they may be private.
    pub(crate) fn statement(&self, sql: &'static str, took: Duration, error: Option<&StoreError>) {
        let Counters { statements, failed_statements, .. } = &*self.counters;
        if error.is_some() { failed_statements } else { statements }.record(took);
        let error = error.map(tracing::field::display);
        tracing::debug!(statement = sql, error, duration_ms = took.as_secs_f64() * 1e3, "statement");
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The statements of one store.
#[derive(Debug)]
pub(crate) struct Statements {
    pub(crate) engine: &'static str,
    pub(crate) counters: Arc<Counters>,
}

impl Source for Statements {
    fn table(&self) -> &'static Table {
        &STATEMENTS
    }

    fn rows(&self) -> Vec<TableRow> {
        let Counters { statements, failed_statements, .. } = &*self.counters;
        let row = |(error, durations): (&'static str, &Histogram)| {
            vec![TableValue::text(self.engine), TableValue::text(error), TableValue::from(durations.snapshot())]
        };
        [("", statements), ("_OTHER", failed_statements)].map(row).to_vec()
    }
}

/// The row source of one store.
pub(crate) struct Vitals {
    pub(crate) engine: &'static str,
    pub(crate) counters: Arc<Counters>,
    pub(crate) fill: Box<dyn Fn() -> Fill + Send + Sync>,
}

impl std::fmt::Debug for Vitals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vitals").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Source for Vitals {
    fn table(&self) -> &'static Table {
        &STORE
    }

    fn rows(&self) -> Vec<TableRow> {
        let (fill, counters) = ((self.fill)(), &*self.counters);
        let count = |counter: &AtomicU64| TableValue::from(counter.load(Ordering::Relaxed));
        vec![vec![
            TableValue::text(self.engine),
            TableValue::from(u64::from(fill.open)),
            TableValue::from(u64::from(fill.idle)),
            TableValue::from(u64::from(fill.limit)),
            TableValue::from(counters.waits.snapshot()),
            count(&counters.committed),
            count(&counters.rolled_back),
            count(&counters.retried),
            count(&counters.replayed),
            count(&counters.acquire_timeouts),
        ]]
    }
}
