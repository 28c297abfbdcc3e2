//! The time of the last evidence about a peer: a call or a health check that ended.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// Time of the last check of a peer.
#[derive(Debug)]
pub(crate) struct Checked {
    start: Instant,
    /// Milliseconds after the start, plus one; zero: never.
    at: AtomicU64,
}

impl Checked {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), at: AtomicU64::new(0) }
    }

    /// The peer was checked now.
    pub(crate) fn note(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX - 1);
        self.at.store(millis + 1, Ordering::Relaxed);
    }

    /// Seconds since then; NaN when it was never checked.
    pub(crate) fn age(&self) -> f64 {
        match self.at.load(Ordering::Relaxed).checked_sub(1) {
            Some(millis) => (self.start.elapsed().as_secs_f64() - millis as f64 / 1e3).max(0.0),
            None => f64::NAN,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_age_is_the_time_since_the_last_check() {
        let checked = Checked::new();
        assert!(checked.age().is_nan());
        tokio::time::advance(Duration::from_secs(5)).await;
        checked.note();
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(checked.age(), 3.0);
    }
}
