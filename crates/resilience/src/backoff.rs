//! How long to wait before the next try.
//!
//! Exponential with full jitter: uniform between zero and `min(cap, base * 2^attempt)`. Source: Marc Brooker,
//! "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

use std::time::Duration;

/// Exponential backoff with full jitter and a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The upper end of the first wait.
    pub base: Duration,
    /// No wait is longer.
    pub cap: Duration,
}

impl Backoff {
    /// From `base` up to `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap }
    }

    /// The longest wait before the try after `failures` failed ones.
    pub fn ceiling(&self, failures: u32) -> Duration {
        let factor = 1u32.checked_shl(failures).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// A wait before the try after `failures` failed ones, drawn between zero and [`Backoff::ceiling`].
    pub fn wait(&self, failures: u32) -> Duration {
        let fraction = (vitals::entropy() >> 11) as f64 / (1u64 << 53) as f64;
        self.ceiling(failures).mul_f64(fraction)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_cap_and_ceilings_never_fall(failures in 0u32..200) {
            let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
            prop_assert!(backoff.wait(failures) <= backoff.cap);
            prop_assert!(backoff.ceiling(failures) <= backoff.ceiling(failures + 1));
        }
    }

    #[test]
    fn waits_are_spread_and_not_one_value() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(1));
        let waits: Vec<Duration> = (0..100).map(|_| backoff.wait(0)).collect();
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(400)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(600)));
    }
}
