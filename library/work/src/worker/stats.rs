//! Counters of one queue in one process.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use vitals::Histogram;

use crate::job::QueueDepth;

/// Counters of one queue in one process.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) claimed: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) died: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) stale: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) errors: AtomicU64,
    /// True while heartbeats fail: nothing is claimed then.
    pub(crate) is_cut_off: AtomicBool,
    /// Mean time of a handler in microseconds, of the last ones more than of earlier ones; 0 before the first.
    mean_run: AtomicU64,
    pub(crate) wait: Histogram,
    pub(crate) run: Histogram,
    depth: Mutex<QueueDepth>,
}

impl Stats {
    pub(crate) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn ran(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).clamp(1, 1 << 40);
        self.run.record(time);
        let before = self.mean_run.load(Ordering::Relaxed);
        // A lost update of two handlers at once changes the mean by less than a sample does.
        let mean = if before == 0 { micros } else { (before * 7 + micros) / 8 };
        self.mean_run.store(mean.max(1), Ordering::Relaxed);
    }

    /// Returns the mean time of a handler; none before the first end.
    pub(crate) fn mean_run(&self) -> Option<Duration> {
        match self.mean_run.load(Ordering::Relaxed) {
            0 => None,
            micros => Some(Duration::from_micros(micros)),
        }
    }

    pub(crate) fn set_depth(&self, depth: QueueDepth) {
        *self.depth.lock().unwrap_or_else(PoisonError::into_inner) = depth;
    }

    pub(crate) fn depth(&self) -> QueueDepth {
        *self.depth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
