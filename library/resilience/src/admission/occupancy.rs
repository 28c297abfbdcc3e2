//! Requests in flight, of which those that take very long stop counting.
//!
//! A long poll, a stream or a hung handler says nothing about how many requests fit: if such requests kept their places, as many of them as the limit
//! would stop the service for good.

/// Buckets by start time.
const BUCKETS: usize = 16;
/// Objectives after which a request no longer counts.
pub(super) const LONG: f64 = 8.0;

/// Number of requests in flight, by the time at which they started.
#[derive(Clone, Debug)]
pub(super) struct Occupancy {
    /// Seconds of a bucket.
    width: f64,
    /// Number of the newest bucket.
    newest: u64,
    started: [u32; BUCKETS],
    counted: u32,
    long: u32,
}

impl Occupancy {
    /// Creates the count of requests with this objective, in seconds.
    pub(super) fn new(objective: f64) -> Self {
        let width = objective * LONG / BUCKETS as f64;
        Self { width, newest: 0, started: [0; BUCKETS], counted: 0, long: 0 }
    }

    /// Requests that count.
    pub(super) const fn counted(&self) -> u32 {
        self.counted
    }

    /// Requests in flight that no longer count.
    pub(super) const fn long(&self) -> u32 {
        self.long
    }

    /// Counts a request that starts now.
    pub(super) fn enter(&mut self, now: f64) {
        self.started[self.bucket(now) as usize % BUCKETS] += 1;
        self.counted += 1;
    }

    /// Removes a request that was started then. Call `roll` before. Returns true when it still counted.
    pub(super) fn leave(&mut self, started: f64) -> bool {
        let bucket = self.bucket(started);
        let young = bucket + BUCKETS as u64 > self.newest;
        if young {
            let count = &mut self.started[bucket as usize % BUCKETS];
            debug_assert!(*count > 0, "a request leaves that has not entered");
            *count = count.saturating_sub(1);
            self.counted = self.counted.saturating_sub(1);
        } else {
            self.long = self.long.saturating_sub(1);
        }
        young
    }

    /// Lets time pass. Returns the number of requests that no longer count.
    pub(super) fn roll(&mut self, now: f64) -> u32 {
        let bucket = self.bucket(now);
        if bucket <= self.newest {
            return 0;
        }
        let steps = (bucket - self.newest).min(BUCKETS as u64);
        let before = self.long;
        for step in 1..=steps {
            // The bucket that is used again.
            let count = std::mem::take(&mut self.started[(self.newest + step) as usize % BUCKETS]);
            self.counted -= count;
            self.long += count;
        }
        self.newest = bucket;
        self.long - before
    }

    fn bucket(&self, time: f64) -> u64 {
        (time / self.width) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stop_counting_after_eight_objectives_and_leave_once() {
        let mut occupancy = Occupancy::new(1.0);
        occupancy.enter(0.0);
        occupancy.roll(3.0);
        occupancy.enter(3.0);
        assert_eq!(occupancy.roll(7.4), 0);
        assert_eq!(occupancy.roll(8.1), 1);
        assert_eq!((occupancy.counted(), occupancy.long()), (1, 1));
        assert!(!occupancy.leave(0.0));
        assert!(occupancy.leave(3.0));
        assert_eq!((occupancy.counted(), occupancy.long()), (0, 0));
    }

    #[test]
    fn a_long_pause_makes_every_request_long() {
        let mut occupancy = Occupancy::new(0.5);
        (0..20).for_each(|index| {
            let now = f64::from(index) * 0.01;
            occupancy.roll(now);
            occupancy.enter(now);
        });
        assert_eq!(occupancy.roll(1e6), 20);
        (0..20).for_each(|index| assert!(!occupancy.leave(f64::from(index) * 0.01)));
        assert_eq!((occupancy.counted(), occupancy.long()), (0, 0));
    }
}
