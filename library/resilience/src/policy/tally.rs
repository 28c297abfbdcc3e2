//! The outcomes of a policy's calls, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::error::Guard;
use crate::count::Count;

/// What became of calls, counted since the policy's birth.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Raised by every call, where all is well.
    pub(super) answered: Count,
    pub(super) failed: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) hedged: AtomicU64,
    pub(super) fell_back: AtomicU64,
    pub(super) refused_by_rate_limit: AtomicU64,
    pub(super) refused_by_breaker: AtomicU64,
    pub(super) refused_by_bulkhead: AtomicU64,
    pub(super) refused_by_throttle: AtomicU64,
}

impl Tally {
    pub(super) fn refused(&self, guard: Guard) {
        let counter = match guard {
            Guard::RateLimit => &self.refused_by_rate_limit,
            Guard::Bulkhead => &self.refused_by_bulkhead,
            Guard::Breaker => &self.refused_by_breaker,
            Guard::Throttle => &self.refused_by_throttle,
        };
        counter.fetch_add(1, Relaxed);
    }
}
