//! Exponential buckets for durations: powers of two seconds, each divided into sixteen buckets of equal ratio.
//!
//! Source: OpenTelemetry's exponential histogram (<https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram>)
//! at scale 4, which is schema 4 of Prometheus' native histograms. A bucket is 4.4 % wide.

use std::time::Duration;

/// The scale in OpenTelemetry's terms, and the schema in Prometheus': a bucket's bounds differ by the factor 2^(2^-scale).
pub const SCALE: i32 = 4;
/// Durations up to 2^-20 s (0.95 us) are counted together, in the zero bucket.
pub const SMALLEST_EXPONENT: i32 = -20;
/// The largest bound is 2^16 s (18 hours); longer durations are counted as this.
pub const LARGEST_EXPONENT: i32 = 16;
/// The number of buckets, the zero bucket included.
pub const COUNT: usize = (LARGEST_EXPONENT - SMALLEST_EXPONENT) as usize * PARTS + 1;

/// Buckets of a power of two.
const PARTS: usize = 1 << SCALE;
/// A tick is 2^-30 s, a binary nanosecond: powers of two seconds are whole numbers of ticks.
const TICK_EXPONENT: i32 = 30;
/// The exponent of the zero bucket's upper bound, in ticks.
const FIRST: u32 = (TICK_EXPONENT + SMALLEST_EXPONENT) as u32;
const MAX_TICKS: u64 = 1 << (TICK_EXPONENT + LARGEST_EXPONENT);

/// 2^(62 + k/16), rounded down, for k from 0 to 16; and a bound that no number exceeds.
const ROOTS: [u64; PARTS + 2] = [
    4_611_686_018_427_387_904,
    4_815_862_801_830_788_490,
    5_029_079_263_719_320_435,
    5_251_735_624_851_448_219,
    5_484_249_825_272_419_511,
    5_727_058_308_814_112_982,
    5_980_616_842_327_661_685,
    6_245_401_371_186_603_363,
    6_521_908_912_666_391_106,
    6_810_658_488_877_194_079,
    7_112_192_101_001_162_094,
    7_427_075_746_662_858_865,
    7_755_900_482_342_532_474,
    8_099_283_532_826_439_816,
    8_457_869_449_776_733_335,
    8_832_331_321_595_618_838,
    9_223_372_036_854_775_808,
    u64::MAX,
];

/// The bucket of a duration, less than [`COUNT`]. Bucket `i` holds durations above `bound(i - 1)` and up to `bound(i)`.
///
/// ```
/// use std::time::Duration;
/// use evenkeel_vitals::exponential::{bound, index};
///
/// let duration = Duration::from_millis(3);
/// assert!((bound(index(duration) - 1)..=bound(index(duration))).contains(&duration.as_secs_f64()));
/// ```
pub fn index(duration: Duration) -> usize {
    index_of_ticks(ticks(duration))
}

/// The upper bound of a bucket in seconds, which belongs to the bucket.
pub fn bound(index: usize) -> f64 {
    (f64::from(SMALLEST_EXPONENT) + index as f64 / PARTS as f64).exp2()
}

/// The number of buckets that hold durations of at most 2^`exponent` seconds; exact for exponents from [`SMALLEST_EXPONENT`] to
/// [`LARGEST_EXPONENT`], to which others are moved.
pub fn buckets_up_to(exponent: i32) -> usize {
    let above = exponent.clamp(SMALLEST_EXPONENT, LARGEST_EXPONENT) - SMALLEST_EXPONENT;
    above as usize * PARTS + 1
}

/// A duration in ticks, rounded up, so that a duration is above a bound exactly when its ticks are.
fn ticks(duration: Duration) -> u64 {
    // 2^30 / 10^9 = 2^21 / 5^9. A second is less than 2^30 ns, so that nothing overflows.
    let part = (u64::from(duration.subsec_nanos()) << 21).div_ceil(1_953_125);
    duration.as_secs().min(1 << LARGEST_EXPONENT) << TICK_EXPONENT | part
}

fn index_of_ticks(ticks: u64) -> usize {
    let ticks = ticks.min(MAX_TICKS);
    if ticks <= 1 << FIRST {
        return 0;
    }
    // Upper bounds are inclusive: the power of two below the number, or for a power of two the one before.
    let below = ticks - 1;
    let power = below.ilog2();
    let guess = (below >> (power - SCALE as u32)) as usize % PARTS;
    // The logarithm is at most 1.4 sixteenths above the line that the guess is on.
    let scaled = ticks << (62 - power);
    let part = guess + usize::from(scaled > ROOTS[guess + 1]) + usize::from(scaled > ROOTS[guess + 2]);
    (power - FIRST) as usize * PARTS + part + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A power as digits of 32 bits, the lowest first.
    fn power(base: u64, exponent: u32) -> Vec<u64> {
        let mut digits = vec![1];
        for _ in 0..exponent {
            let mut carry = 0;
            for digit in &mut digits {
                let product = u128::from(*digit) * u128::from(base) + carry;
                *digit = product as u64 & 0xffff_ffff;
                carry = product >> 32;
            }
            while carry > 0 {
                digits.push(carry as u64 & 0xffff_ffff);
                carry >>= 32;
            }
        }
        digits
    }

    fn is_less(a: &[u64], b: &[u64]) -> bool {
        let digit = |number: &[u64], at: usize| number.get(at).copied().unwrap_or(0);
        let differs = (0..a.len().max(b.len())).rev().find(|at| digit(a, *at) != digit(b, *at));
        differs.is_some_and(|at| digit(a, at) < digit(b, at))
    }

    #[test]
    fn every_bucket_ends_exactly_at_its_bound() {
        for bucket in 1..COUNT {
            let (octave, part) = ((bucket as u32 - 1) / 16, (bucket as u32 - 1) % 16 + 1);
            let exponent = 16 * (FIRST + octave) + part;
            let bound = 2f64.powf(f64::from(exponent) / 16.0).floor() as u64;
            // bound^16 <= 2^exponent < (bound + 1)^16, in whole numbers.
            let (whole, of_two) = (power(bound, 16), power(2, exponent));
            assert!(!is_less(&of_two, &whole) && is_less(&of_two, &power(bound + 1, 16)), "{bucket}");
            assert_eq!(index_of_ticks(bound), bucket);
            assert_eq!(index_of_ticks(bound + 1), (bucket + 1).min(COUNT - 1));
        }
    }

    #[test]
    fn powers_of_two_seconds_are_bounds_to_the_nanosecond() {
        for exponent in -12..=5 {
            let nanos = 2f64.powi(exponent) * 1e9;
            let (within, above) =
                (Duration::from_nanos(nanos.floor() as u64), Duration::from_nanos(nanos.floor() as u64 + 1));
            assert_eq!(index(within) + 1, buckets_up_to(exponent), "2^{exponent} s");
            assert_eq!(index(above), buckets_up_to(exponent), "2^{exponent} s and a nanosecond");
        }
    }

    #[test]
    fn the_shortest_and_the_longest_duration_have_buckets() {
        assert_eq!(index(Duration::ZERO), 0);
        assert_eq!(index(Duration::MAX), COUNT - 1);
        assert_eq!((buckets_up_to(-100), buckets_up_to(100)), (1, COUNT));
    }

    proptest! {
        #[test]
        fn a_duration_lies_within_the_bounds_of_its_bucket(nanos in 0..70_000_000_000_000u64) {
            let (duration, seconds) = (Duration::from_nanos(nanos), nanos as f64 / 1e9);
            let bucket = index(duration);
            prop_assert!(seconds <= bound(bucket) * (1.0 + 1e-12) || bucket == COUNT - 1);
            prop_assert!(bucket == 0 || seconds > bound(bucket - 1) * (1.0 - 1e-12));
        }

        #[test]
        fn longer_durations_are_not_in_lower_buckets(a in 0..u64::MAX, b in 0..u64::MAX) {
            let (short, long) = (a.min(b), a.max(b));
            prop_assert!(index(Duration::from_nanos(short)) <= index(Duration::from_nanos(long)));
        }
    }
}
