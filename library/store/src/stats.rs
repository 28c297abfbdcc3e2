//! Vitals of the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use vitals::{Column, Source, Table, TableRow, TableValue};

const STORE: Table = Table {
    name: "store",
    help: "The store's transactions and connections.",
    columns: &[
        Column::label("engine", "sqlite or postgres."),
        Column::gauge("connections", "Connections open."),
        Column::gauge("connections_idle", "Connections not in use."),
        Column::gauge("connections_limit", "The most connections."),
        Column::counter("committed", "Transactions committed."),
        Column::counter("rolled_back", "Transactions rolled back."),
        Column::counter("retried", "Transactions run again because another was in the way."),
        Column::counter("replayed", "Requests answered from the idempotency log."),
        Column::counter("acquire_timeouts", "Callers that got no connection in time."),
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
pub(crate) struct InUse(Arc<AtomicU32>);

impl InUse {
    pub(crate) fn of(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
            count(&counters.committed),
            count(&counters.rolled_back),
            count(&counters.retried),
            count(&counters.replayed),
            count(&counters.acquire_timeouts),
        ]]
    }
}
