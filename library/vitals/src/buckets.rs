//! Buckets of a histogram: powers of two, each cut into equal parts, as in HdrHistogram.
//!
//! Source: Gil Tene, HdrHistogram (<http://hdrhistogram.org>).

use std::time::Duration;

/// Buckets for durations in microseconds: each power of two has `2^PART_BITS` buckets, and the largest value is below
/// `2^MAX_BITS`. A bucket's values differ by at most one in `2^PART_BITS`.
///
/// ```
/// type Sixteenths = evenkeel_vitals::Buckets<4, 36>;
///
/// let bucket = Sixteenths::index(1000);
/// assert!((1000..=1062).contains(&Sixteenths::highest(bucket)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Buckets<const PART_BITS: u32, const MAX_BITS: u32>;

impl<const PART_BITS: u32, const MAX_BITS: u32> Buckets<PART_BITS, MAX_BITS> {
    const PARTS: usize = 1 << PART_BITS;
    /// The number of buckets.
    pub const COUNT: usize = (MAX_BITS - PART_BITS + 1) as usize * Self::PARTS;
    /// The largest value, in microseconds.
    pub const LARGEST: u64 = (1 << MAX_BITS) - 1;

    /// A duration in microseconds, cut to [`Self::LARGEST`].
    pub fn micros(duration: Duration) -> u64 {
        u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(Self::LARGEST)
    }

    /// The bucket of a value.
    pub fn index(micros: u64) -> usize {
        let micros = micros.min(Self::LARGEST);
        if micros < Self::PARTS as u64 {
            return micros as usize;
        }
        let power = micros.ilog2() - PART_BITS;
        (power as usize) * Self::PARTS + (micros >> power) as usize
    }

    /// The largest value of a bucket.
    pub fn highest(index: usize) -> u64 {
        if index < 2 * Self::PARTS {
            return index as u64;
        }
        let power = index / Self::PARTS - 1;
        let part = (index % Self::PARTS + Self::PARTS) as u64;
        ((part + 1) << power) - 1
    }

    /// The value at or below which the fraction `q` of all counts lies; zero when there are none.
    pub fn quantile(counts: impl Iterator<Item = u64> + Clone, q: f64) -> u64 {
        let total: u64 = counts.clone().sum();
        let wanted = ((total as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, count) in counts.enumerate() {
            seen += count;
            if seen >= wanted {
                return Self::highest(index);
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Sixteenths = Buckets<4, 36>;

    proptest! {
        #[test]
        fn a_value_is_known_to_within_a_sixteenth(micros in 0..=Sixteenths::LARGEST) {
            let index = Sixteenths::index(micros);
            prop_assert!(index < Sixteenths::COUNT);
            let highest = Sixteenths::highest(index);
            prop_assert!(highest >= micros);
            prop_assert!((highest - micros) as f64 <= micros as f64 / 16.0);
        }

        #[test]
        fn buckets_are_in_the_order_of_values(a in 0..=Sixteenths::LARGEST, b in 0..=Sixteenths::LARGEST) {
            prop_assert_eq!(Sixteenths::index(a).cmp(&Sixteenths::index(b)).then(a.cmp(&b)), a.cmp(&b));
        }
    }
}
