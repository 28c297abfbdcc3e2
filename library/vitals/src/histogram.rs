//! A lock-free histogram with HdrHistogram's layout: powers of two, each cut into equal parts.
//!
//! Source: Gil Tene, HdrHistogram (<http://hdrhistogram.org>). Sixteen parts a power of two: a value is known to
//! within 6.25 %. Recording is two relaxed atomic additions and never waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bits of precision within a power of two.
const PART_BITS: u32 = 4;
const PARTS: usize = 1 << PART_BITS;
/// The largest value told apart, in microseconds: 2^36 us, about 19 hours.
const MAX_BITS: u32 = 36;
const SLOTS: usize = (MAX_BITS - PART_BITS + 1) as usize * PARTS;

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
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    /// Counts one duration; one longer than 19 hours counts as 19 hours.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min((1 << MAX_BITS) - 1);
        self.slots[slot_of(micros)].fetch_add(1, Ordering::Relaxed);
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
    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.slots.iter().sum()
    }

    /// The sum of all, in microseconds.
    pub fn sum_micros(&self) -> u64 {
        self.sum
    }

    /// How many were at most `micros`, to the histogram's precision.
    pub fn at_most(&self, micros: u64) -> u64 {
        if micros >= 1 << MAX_BITS {
            return self.count();
        }
        self.slots[..=slot_of(micros)].iter().sum()
    }

    /// The value below or at which the fraction `q` of all recordings lies, in microseconds; zero when there are none.
    ///
    /// # Panics
    /// When `q` is not between 0 and 1.
    pub fn quantile_micros(&self, q: f64) -> u64 {
        assert!((0.0..=1.0).contains(&q), "a quantile is between 0 and 1, not {q}");
        let wanted = ((self.count() as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (slot, count) in self.slots.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return highest_in(slot);
            }
        }
        0
    }
}

fn slot_of(micros: u64) -> usize {
    if micros < PARTS as u64 {
        return micros as usize;
    }
    let power = micros.ilog2() - PART_BITS;
    (power as usize) * PARTS + (micros >> power) as usize
}

fn highest_in(slot: usize) -> u64 {
    if slot < 2 * PARTS {
        return slot as u64;
    }
    let power = slot / PARTS - 1;
    let part = (slot % PARTS + PARTS) as u64;
    ((part + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_value_is_known_to_within_a_sixteenth(micros in 0u64..(1 << MAX_BITS)) {
            let slot = slot_of(micros);
            prop_assert!(slot < SLOTS);
            let highest = highest_in(slot);
            prop_assert!(highest >= micros);
            prop_assert!((highest - micros) as f64 <= micros as f64 / 16.0);
        }

        #[test]
        fn slots_are_in_the_order_of_values(a in 0u64..(1 << MAX_BITS), b in 0u64..(1 << MAX_BITS)) {
            prop_assert_eq!(slot_of(a).cmp(&slot_of(b)).then(a.cmp(&b)), a.cmp(&b));
        }
    }

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
