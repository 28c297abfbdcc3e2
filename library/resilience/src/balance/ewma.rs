//! Peak EWMA of a latency: it rises at once and falls slowly.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Unit of times: 2^16 ns, 66 us, of which 32 bits are 78 hours: an older observation counts as unknown.
const UNIT_BITS: u32 = 16;
/// Default latency of an instance without measurements, in nanoseconds.
pub(crate) const UNKNOWN: f32 = 1e9;

/// One word: the latency in nanoseconds as an `f32`, and when it was last seen.
#[derive(Debug, Default)]
pub(crate) struct Ewma {
    word: AtomicU64,
}

impl Ewma {
    /// Records the duration of a call. It is easy to fail fast: a failure counts at least as long as an [`UNKNOWN`] latency.
    pub(crate) fn seen(&self, decay: Duration, took: Duration, failed: bool, now: u64) {
        let took = took.as_nanos() as f32;
        let stamp = (now >> UNIT_BITS) as u32;
        let _ = self.word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let (cost, before) = unpack(word);
            let took = if failed { took.max(UNKNOWN) } else { took };
            let kept = kept(decay, before, stamp);
            // The peak counts at once; what is shorter counts the more, the older the cost is.
            let cost = if took >= cost { took } else { cost * kept + took * (1.0 - kept) };
            Some(u64::from(cost.to_bits()) << 32 | u64::from(stamp))
        });
    }

    /// The latency now, in nanoseconds; 0 is not known.
    pub(crate) fn latency(&self, decay: Duration, now: u64) -> f32 {
        let (cost, before) = unpack(self.word.load(Ordering::Relaxed));
        cost * kept(decay, before, (now >> UNIT_BITS) as u32)
    }
}

fn unpack(word: u64) -> (f32, u32) {
    (f32::from_bits((word >> 32) as u32), word as u32)
}

fn kept(decay: Duration, before: u32, now: u32) -> f32 {
    // Another thread's clock may have been read a little later.
    let passed = now.wrapping_sub(before).cast_signed().max(0);
    if passed == 0 {
        return 1.0;
    }
    (-(passed as f32 * (1_u64 << UNIT_BITS) as f32) / decay.as_nanos() as f32).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECAY: Duration = Duration::from_secs(10);
    const SECOND: u64 = 1_000_000_000;

    fn millis(ewma: &Ewma, now: u64) -> u32 {
        (ewma.latency(DECAY, now) / 1e6).round() as u32
    }

    #[test]
    fn a_peak_counts_at_once_and_fades_with_time() {
        let ewma = Ewma::default();
        ewma.seen(DECAY, Duration::from_millis(10), false, SECOND);
        ewma.seen(DECAY, Duration::from_millis(1000), false, SECOND);
        assert_eq!(millis(&ewma, SECOND), 1000);
        assert_eq!(millis(&ewma, 11 * SECOND), 368);
        ewma.seen(DECAY, Duration::from_millis(10), false, 11 * SECOND);
        assert_eq!(millis(&ewma, 11 * SECOND), 374);
    }

    #[test]
    fn a_fast_failure_does_not_lower_the_latency() {
        let ewma = Ewma::default();
        ewma.seen(DECAY, Duration::from_millis(100), false, SECOND);
        ewma.seen(DECAY, Duration::ZERO, true, SECOND);
        assert_eq!(millis(&ewma, SECOND), 1000);
        ewma.seen(DECAY, Duration::from_secs(2), true, SECOND);
        assert_eq!(millis(&ewma, SECOND), 2000);
    }

    #[test]
    fn an_earlier_clock_reading_does_no_harm() {
        let ewma = Ewma::default();
        ewma.seen(DECAY, Duration::from_millis(100), false, 60 * SECOND);
        assert_eq!(millis(&ewma, SECOND), 100);
    }
}
