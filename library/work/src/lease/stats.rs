//! Vitals of a candidate for a lease.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vitals::{Column, Source, Table, TableRow, TableValue, Unit};

const LEADER: Table = Table {
    name: "leader",
    help: "A lease for which this process is a candidate.",
    columns: &[
        Column::label("lease", "The lease."),
        Column::words("state", &["following", "leading"], "leading or following."),
        Column::gauge("fence", "The fence of the last term of this process; 0 before the first."),
        Column::gauge("trusted", "Time for which this process trusts its lease without a further renewal.")
            .in_unit(Unit::Seconds),
        Column::counter("terms", "Terms of this process."),
        Column::counter("renewals", "Renewals."),
        Column::counter("lost", "Terms that ended because the lease was over or taken."),
        Column::counter("refused", "Writes that were refused by their fence."),
        Column::counter("errors", "Operations on the database that failed."),
    ],
};

/// Counters of one candidate.
#[derive(Debug)]
pub(super) struct Stats {
    name: Arc<str>,
    is_leading: AtomicBool,
    fence: AtomicI64,
    trusted_until: Mutex<Option<Instant>>,
    terms: AtomicU64,
    pub(super) renewals: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) errors: AtomicU64,
}

impl Stats {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            is_leading: AtomicBool::new(false),
            fence: AtomicI64::new(0),
            trusted_until: Mutex::new(None),
            terms: AtomicU64::new(0),
            renewals: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        }
    }

    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn begin_term(&self, fence: i64) {
        Self::count(&self.terms);
        self.fence.store(fence, Ordering::Relaxed);
        self.is_leading.store(true, Ordering::Relaxed);
    }

    pub(super) fn end_term(&self) {
        self.is_leading.store(false, Ordering::Relaxed);
        self.trust(None);
    }

    pub(super) fn trust(&self, until: Option<Instant>) {
        *self.trusted_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl Source for Stats {
    fn table(&self) -> &'static Table {
        &LEADER
    }

    fn rows(&self) -> Vec<TableRow> {
        let count = |counter: &AtomicU64| TableValue::from(counter.load(Ordering::Relaxed));
        let until = *self.trusted_until.lock().unwrap_or_else(PoisonError::into_inner);
        let trusted = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        vec![vec![
            TableValue::text(&*self.name),
            TableValue::text(if self.is_leading.load(Ordering::Relaxed) { "leading" } else { "following" }),
            TableValue::Level(self.fence.load(Ordering::Relaxed) as f64),
            TableValue::Level(trusted.as_secs_f64()),
            count(&self.terms),
            count(&self.renewals),
            count(&self.lost),
            count(&self.refused),
            count(&self.errors),
        ]]
    }
}
