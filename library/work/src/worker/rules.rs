//! Rules of a queue.

use std::time::Duration;

use resilience::Backoff;

/// Maximum drain of a queue.
pub const MAX_DRAIN: Duration = Duration::from_secs(600);

/// Rules of a queue in one process.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct QueueRules {
    /// Maximum number of handlers at the same time in this process, 1 to 10,000. Default 10.
    pub concurrency: usize,
    /// Time after which other workers may claim the job of a worker that sends no heartbeats. Default 30 s; at least 100 ms. Heartbeats are
    /// sent each third of it.
    pub lease: Duration,
    /// Wait between two looks for jobs while there are some. Default 200 ms, half of it early or late.
    pub poll: Duration,
    /// Longest wait between two looks while there are none. Default 1 s.
    pub poll_at_most: Duration,
    /// Maximum time of a handler; then the attempt has failed. Default none.
    pub timeout: Option<Duration>,
    /// Waits before further attempts. Default: up to 1 s after the first, doubling up to 1 h, full jitter.
    pub backoff: Backoff,
    /// Time for running handlers to end after the stop. Default 10 s.
    pub drain: Duration,
    /// Time after which dead letters are deleted. Default 30 days.
    pub dead_retention: Duration,
    /// Maximum number of dead letters; the oldest are deleted beyond it. Default 100,000.
    pub dead_bound: u32,
}

impl Default for QueueRules {
    fn default() -> Self {
        Self {
            concurrency: 10,
            lease: Duration::from_secs(30),
            poll: Duration::from_millis(200),
            poll_at_most: Duration::from_secs(1),
            timeout: None,
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(3600)),
            drain: Duration::from_secs(10),
            dead_retention: Duration::from_secs(30 * 86_400),
            dead_bound: 100_000,
        }
    }
}

impl QueueRules {
    /// Sets the maximum number of handlers at the same time in this process.
    #[must_use]
    pub fn concurrency(self, handlers: usize) -> Self {
        Self { concurrency: handlers, ..self }
    }

    /// Sets the lease.
    #[must_use]
    pub fn lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Sets the wait between two looks for jobs; the longest is five times as long.
    #[must_use]
    pub fn poll(self, wait: Duration) -> Self {
        Self { poll: wait, poll_at_most: wait * 5, ..self }
    }

    /// Sets the maximum time of a handler.
    #[must_use]
    pub fn timeout(self, longest: Duration) -> Self {
        Self { timeout: Some(longest), ..self }
    }

    /// Sets the waits before further attempts.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Sets the time for running handlers to end after the stop.
    #[must_use]
    pub fn drain(self, longest: Duration) -> Self {
        Self { drain: longest, ..self }
    }

    /// Returns the first rule that is out of its range.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        const SHORTEST: Duration = Duration::from_millis(1);
        match self {
            Self { concurrency: 0 | 10_001.., .. } => Err("the concurrency is not between 1 and 10,000"),
            _ if self.lease < Duration::from_millis(100) => Err("the lease is shorter than 100 ms"),
            _ if self.poll < SHORTEST || self.poll_at_most < self.poll => {
                Err("the poll is shorter than 1 ms or longer than its bound")
            }
            _ if self.drain > MAX_DRAIN => Err("the drain is longer than 10 min"),
            _ => Ok(()),
        }
    }

    /// The wait between two heartbeats.
    pub(crate) fn beat(&self) -> Duration {
        self.lease / 3
    }

    /// The part of the lease in which this process trusts it: some is kept for clocks and delays.
    pub(crate) fn trusted(&self) -> Duration {
        self.lease - (self.lease / 10).min(Duration::from_secs(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_out_of_range_are_refused() {
        let rules = QueueRules::default;
        assert!(rules().check().is_ok());
        assert!(rules().concurrency(0).check().is_err());
        assert!(rules().lease(Duration::from_millis(99)).check().is_err());
        assert!(rules().poll(Duration::ZERO).check().is_err());
    }

    #[test]
    fn the_lease_is_trusted_for_longer_than_two_heartbeats_and_less_than_its_length() {
        for lease in [Duration::from_millis(100), Duration::from_secs(30), Duration::from_secs(3600)] {
            let rules = QueueRules::default().lease(lease);
            assert!(rules.trusted() > rules.beat() * 2 && rules.trusted() < lease);
        }
    }
}
