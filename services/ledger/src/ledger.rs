//! The state that handlers share.

use std::sync::Arc;

use evenkeel::cursors::Cursors;
use evenkeel::prelude::*;
use evenkeel::resilience::CpuPool;
use evenkeel::sessions::PageSessions;

use crate::import::stats::ImportStats;
use crate::partner::Bank;

/// The state that handlers share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Accounts, entries, payouts.
    pub store: Store,
    /// The partner bank.
    pub bank: Bank,
    /// Threads for CPU-bound work.
    pub cpu: CpuPool,
    /// Sessions of the page.
    pub sessions: PageSessions,
    /// Cursors of the lists.
    pub cursors: Cursors,
    /// Counters of imported records.
    pub imports: Arc<ImportStats>,
}
