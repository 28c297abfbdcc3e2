//! The counts of a histogram at one moment: quantiles, bounds, differences.

use std::time::{Duration, SystemTime};

use crate::TraceContext;
use crate::exponential::{self, bound, buckets_up_to};

/// The exponent of the smallest bound of classic buckets: 2^-12 s, 0.24 ms.
pub const CLASSIC_SMALLEST: i32 = -12;
/// The exponent of the largest bound of classic buckets: 2^5 s.
pub const CLASSIC_LARGEST: i32 = 5;
/// The number of bounds of classic buckets.
pub const CLASSIC_BOUNDS: usize = (CLASSIC_LARGEST - CLASSIC_SMALLEST + 1) as usize;

/// A histogram's counts at one moment. Empty buckets take no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramSnapshot {
    /// Used buckets and their counts, by index.
    slots: Vec<(u16, u64)>,
    nanos: u64,
    exemplars: Vec<Exemplar>,
}

/// One duration of a sampled trace, as an example of its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exemplar {
    /// The trace and the span.
    pub trace: TraceContext,
    /// The duration.
    pub duration: Duration,
    /// The time of the recording.
    pub at: SystemTime,
}

/// The classic bucket of a duration; [`CLASSIC_BOUNDS`] above the largest bound.
pub(crate) fn classic_bucket(duration: Duration) -> usize {
    let index = exponential::index(duration);
    (CLASSIC_SMALLEST..=CLASSIC_LARGEST).position(|exponent| index < buckets_up_to(exponent)).unwrap_or(CLASSIC_BOUNDS)
}

impl HistogramSnapshot {
    pub(crate) fn new(slots: Vec<(u16, u64)>, nanos: u64, exemplars: Vec<Exemplar>) -> Self {
        Self { slots, nanos, exemplars }
    }

    /// The sum of all in nanoseconds.
    pub(crate) const fn nanos(&self) -> u64 {
        self.nanos
    }

    /// Returns the number of recorded values.
    pub fn count(&self) -> u64 {
        self.slots.iter().map(|(_, count)| count).sum()
    }

    /// The sum of all.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.nanos)
    }

    /// Returns the number of values of at most 2^`exponent` seconds: exact for exponents from -20 to 16.
    pub fn at_most(&self, exponent: i32) -> u64 {
        let end = buckets_up_to(exponent);
        self.slots.iter().take_while(|(index, _)| usize::from(*index) < end).map(|(_, count)| count).sum()
    }

    /// Bounds of classic buckets in seconds, with the number of values at or below each. The bounds are powers of two.
    pub fn classic(&self) -> impl Iterator<Item = (f64, u64)> {
        (CLASSIC_SMALLEST..=CLASSIC_LARGEST).map(|exponent| (2f64.powi(exponent), self.at_most(exponent)))
    }

    /// Used buckets and their counts, by [`exponential::index`]; 0 is the zero bucket.
    pub fn buckets(&self) -> impl Iterator<Item = (usize, u64)> {
        self.slots.iter().map(|(index, count)| (usize::from(*index), *count))
    }

    /// Examples of sampled traces, at most one a classic bucket, the shortest first.
    pub fn exemplars(&self) -> &[Exemplar] {
        &self.exemplars
    }

    /// The duration below or at which the fraction `q` of all values lies, known to within 2.2 %; zero when there are none.
    ///
    /// # Panics
    /// When `q` is not between 0 and 1.
    pub fn quantile(&self, q: f64) -> Duration {
        assert!((0.0..=1.0).contains(&q), "a quantile is between 0 and 1, not {q}");
        let wanted = ((self.count() as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in self.buckets() {
            seen += count;
            if seen >= wanted {
                // The middle of the bucket by ratio.
                let below = if index == 0 { bound(0) } else { bound(index - 1) };
                return Duration::from_secs_f64((below * bound(index)).sqrt());
            }
        }
        Duration::ZERO
    }

    /// The values that were recorded after an earlier snapshot of the same histogram. Exemplars are left out.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut before = earlier.slots.iter().peekable();
        let mut slots = Vec::new();
        for (index, count) in &self.slots {
            while before.next_if(|(other, _)| other < index).is_some() {}
            let known = before.next_if(|(other, _)| other == index).map_or(0, |(_, count)| *count);
            if *count > known {
                slots.push((*index, count - known));
            }
        }
        Self { slots, nanos: self.nanos.saturating_sub(earlier.nanos), exemplars: Vec::new() }
    }

    /// Returns the same counts without their exemplars.
    #[must_use]
    pub fn without_exemplars(&self) -> Self {
        Self { slots: self.slots.clone(), nanos: self.nanos, exemplars: Vec::new() }
    }

    /// Adds the values of another snapshot. Exemplars of the other are left out.
    pub fn add(&mut self, other: &Self) {
        for (index, count) in &other.slots {
            match self.slots.binary_search_by_key(index, |(index, _)| *index) {
                Ok(at) => self.slots[at].1 += count,
                Err(at) => self.slots.insert(at, (*index, *count)),
            }
        }
        self.nanos = self.nanos.saturating_add(other.nanos);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Histogram;

    fn of(nanos: &[u64]) -> HistogramSnapshot {
        let histogram = Histogram::new();
        nanos.iter().for_each(|nanos| histogram.record(Duration::from_nanos(*nanos)));
        histogram.snapshot()
    }

    #[test]
    fn quantiles_and_counts_of_known_values() {
        let micros: Vec<u64> = (1..=1000).map(|micros| micros * 1000).collect();
        let snapshot = of(&micros);
        assert_eq!((snapshot.count(), snapshot.sum()), (1000, Duration::from_micros(500_500)));
        let median = snapshot.quantile(0.5).as_secs_f64() * 1e6;
        assert!((500.0 / 1.022..=500.0 * 1.022).contains(&median), "{median}");
        assert_eq!(of(&[]).quantile(0.99), Duration::ZERO);
    }

    #[test]
    fn a_bound_counts_no_duration_above_it() {
        let bound = (2f64.powi(-12) * 1e9) as u64;
        assert_eq!(of(&[bound]).at_most(-12), 1);
        assert_eq!(of(&[bound + 1]).at_most(-12), 0);
        let counts: Vec<u64> = of(&[300_000, 3_000_000, 40_000_000_000]).classic().map(|(_, count)| count).collect();
        assert_eq!((counts[0], counts[1], counts[4], *counts.last().unwrap()), (0, 1, 2, 2));
    }

    proptest! {
        #[test]
        fn an_earlier_snapshot_and_the_difference_add_up(
            before in prop::collection::vec(0..100_000_000_000u64, 0..50),
            since in prop::collection::vec(0..100_000_000_000u64, 0..50),
        ) {
            let histogram = Histogram::new();
            before.iter().for_each(|nanos| histogram.record(Duration::from_nanos(*nanos)));
            let earlier = histogram.snapshot();
            since.iter().for_each(|nanos| histogram.record(Duration::from_nanos(*nanos)));
            let later = histogram.snapshot();
            prop_assert_eq!(&later.since(&earlier), &of(&since));
            let mut sum = earlier;
            sum.add(&of(&since));
            prop_assert_eq!(sum, later);
        }

        #[test]
        fn the_quantile_is_within_two_and_a_half_percent_of_the_value(
            mut nanos in prop::collection::vec(2_000..60_000_000_000u64, 1..200),
            q in 0.0..=1.0f64,
        ) {
            let shown = of(&nanos).quantile(q).as_secs_f64();
            nanos.sort_unstable();
            let rank = ((nanos.len() as f64 * q).ceil() as usize).max(1);
            let truth = nanos[rank - 1] as f64 / 1e9;
            prop_assert!((shown / truth - 1.0).abs() < 0.0225, "{} for {}", shown, truth);
        }
    }
}
