//! The pace of an attack: so many things a second, so many in all, until a moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::bounds::Bounds;

/// Begins so many things a second, so many in all, until a moment.
#[derive(Debug)]
pub(super) struct Pace {
    begun: AtomicU64,
    start: Instant,
    most: u64,
    each: Duration,
    /// The end of the attack.
    pub(super) until: Instant,
}

impl Pace {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let start = Instant::now();
        Self {
            begun: AtomicU64::new(0),
            start,
            most: bounds.requests,
            each: Duration::from_secs(1) / bounds.rate.max(1),
            until: start + bounds.duration,
        }
    }

    /// Waits until so many things may be begun together; false when the bounds do not allow as many any more.
    pub(super) async fn turns(&self, count: u64) -> bool {
        let before = self.begun.fetch_add(count, Ordering::Relaxed);
        let due = self.start + self.each * u32::try_from(before).unwrap_or(u32::MAX);
        if before + count > self.most || due >= self.until || Instant::now() >= self.until {
            return false;
        }
        // Below a millisecond the timer is coarser than the pace: whoever is early goes on, the average holds.
        if due > Instant::now() + Duration::from_millis(1) {
            tokio::time::sleep_until(due).await;
        }
        true
    }
}
