//! The outcomes of a policy's calls, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::vitals::{Column, TableValue};

use super::error::Guard;
use crate::count::Count;

/// Counters of call outcomes, since the policy's creation. A counter is a field here, a column of [`Tally::COLUMNS`] and a value of
/// [`Tally::values`].
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
    /// The columns of the table of policies that count.
    pub(super) const COLUMNS: &[Column] = &[
        Column::counter("calls_answered", "Attempts that succeeded, or whose outcome does not count."),
        Column::counter("calls_failed", "Attempts that failed."),
        Column::counter("calls_timed_out", "Attempts that timed out."),
        Column::counter("calls_retried", "Attempts beyond the first of a call."),
        Column::counter("calls_hedged", "Second calls because the first was slow."),
        Column::counter("calls_fallen_back", "Calls that got a fallback instead of an answer."),
        Column::counter("refused_by_rate_limit", "Attempts over the rate limit."),
        Column::counter("refused_by_breaker", "Attempts that the breaker refused."),
        Column::counter("refused_by_bulkhead", "Attempts that found the bulkhead full for too long."),
        Column::counter("refused_by_throttle", "Attempts not made because the callee refuses most of them."),
    ];

    /// The values of [`Tally::COLUMNS`].
    pub(super) fn values(&self) -> [TableValue; Self::COLUMNS.len()] {
        let count = |counter: &AtomicU64| TableValue::Count(counter.load(Relaxed));
        [
            TableValue::Count(self.answered.get()),
            count(&self.failed),
            count(&self.timed_out),
            count(&self.retried),
            count(&self.hedged),
            count(&self.fell_back),
            count(&self.refused_by_rate_limit),
            count(&self.refused_by_breaker),
            count(&self.refused_by_bulkhead),
            count(&self.refused_by_throttle),
        ]
    }

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
