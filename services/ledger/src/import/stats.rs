//! The quality of imports, as metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use evenkeel::vitals::{Column, Source, Table, TableRow, TableValue};

const IMPORT: Table = Table {
    name: "import",
    help: "Records of imports that this instance has read.",
    columns: &[
        Column::label("source", "What was imported."),
        Column::counter("accepted", "Records that were taken."),
        Column::counter("quarantined", "Records that went to the quarantine."),
    ],
};

/// Counters of records.
#[derive(Debug, Default)]
pub struct ImportStats {
    accepted: AtomicU64,
    quarantined: AtomicU64,
}

impl ImportStats {
    pub(super) fn add(&self, accepted: u64, quarantined: u64) {
        self.accepted.fetch_add(accepted, Ordering::Relaxed);
        self.quarantined.fetch_add(quarantined, Ordering::Relaxed);
    }
}

impl Source for ImportStats {
    fn table(&self) -> &'static Table {
        &IMPORT
    }

    fn rows(&self) -> Vec<TableRow> {
        let count = |counter: &AtomicU64| TableValue::from(counter.load(Ordering::Relaxed));
        vec![vec![TableValue::text("accounts"), count(&self.accepted), count(&self.quarantined)]]
    }
}
