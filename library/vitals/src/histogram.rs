//! A lock-free histogram with HdrHistogram's layout: powers of two, each cut into equal parts.
//!
//! Source: Gil Tene, HdrHistogram (<http://hdrhistogram.org>). Sixteen parts a power of two: a value is known to
//! within 6.25 %. Recording is two relaxed atomic additions and never waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::buckets::Buckets;

/// Sixteen parts of each power of two, up to 2^36 us, about 19 hours.
type Layout = Buckets<4, 36>;

/// Counts of durations, in microseconds.
pub struct Histogram {
    slots: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// A histogram's counts at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramSnapshot {
    slots: Vec<u64>,
    sum: u64,
}

impl Histogram {
    /// An empty histogram; 4 KiB.
    pub fn new() -> Self {
        Self { slots: (0..Layout::COUNT).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    /// Counts one duration; one longer than 19 hours counts as 19 hours.
    pub fn record(&self, duration: Duration) {
        let micros = Layout::micros(duration);
        self.slots[Layout::index(micros)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// The counts now. Recordings under way may be in the counts and not yet in the sum.
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot {
            slots: self.slots.iter().map(|slot| slot.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Histogram {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Histogram").field("count", &self.snapshot().count()).finish()
    }
}

impl HistogramSnapshot {
    /// Returns the number of recorded values.
    pub fn count(&self) -> u64 {
        self.slots.iter().sum()
    }

    /// The sum of all, in microseconds.
    pub fn sum_micros(&self) -> u64 {
        self.sum
    }

    /// Returns the number of values of at most `micros`, to the histogram's precision.
    pub fn at_most(&self, micros: u64) -> u64 {
        if micros > Layout::LARGEST {
            return self.count();
        }
        self.slots[..=Layout::index(micros)].iter().sum()
    }

    /// The value below or at which the fraction `q` of all recordings lies, in microseconds; zero when there are none.
    ///
    /// # Panics
    /// When `q` is not between 0 and 1.
    pub fn quantile_micros(&self, q: f64) -> u64 {
        assert!((0.0..=1.0).contains(&q), "a quantile is between 0 and 1, not {q}");
        Layout::quantile(self.slots.iter().copied(), q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_counts_of_known_values() {
        let histogram = Histogram::new();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        let snapshot = histogram.snapshot();
        assert_eq!((snapshot.count(), snapshot.sum_micros()), (1000, 500_500));
        assert!((500..=531).contains(&snapshot.quantile_micros(0.5)));
        assert_eq!(snapshot.at_most(u64::MAX), 1000);
        assert_eq!(Histogram::new().snapshot().quantile_micros(0.99), 0);
    }

    #[test]
    fn the_longest_duration_is_counted_not_lost() {
        let histogram = Histogram::new();
        histogram.record(Duration::MAX);
        assert_eq!(histogram.snapshot().count(), 1);
    }
}
