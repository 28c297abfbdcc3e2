//! Minimum rate of a client, in both directions, after a time of grace (Kestrel's rule).

use std::time::Duration;

use crate::Limits;

/// A minimum rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MinRate {
    bytes_a_second: u32,
    grace: Duration,
}

impl MinRate {
    pub(crate) fn of(limits: &Limits) -> Self {
        Self { bytes_a_second: limits.min_rate, grace: limits.rate_grace }
    }

    /// Returns the time that a client may take for `bytes`; none: there is no minimum.
    pub(crate) fn time_for(self, bytes: u64) -> Option<Duration> {
        let rate = u64::from(self.bytes_a_second);
        let seconds = Duration::from_secs(bytes.checked_div(rate)?);
        // Less than a second: the rest of a division by 32 bits, times a billion, fits.
        let rest = Duration::from_nanos((bytes % rate) * 1_000_000_000 / rate);
        Some(self.grace.saturating_add(seconds).saturating_add(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_the_grace_and_that_of_the_bytes_at_the_rate() {
        let of = |rate: u32, bytes: u64| {
            let limits = Limits::default().with(|limits| limits.min_rate = rate);
            MinRate::of(&limits).time_for(bytes)
        };
        assert_eq!(of(240, 0), Some(Duration::from_secs(5)));
        assert_eq!(of(240, 600), Some(Duration::from_millis(7500)));
        assert_eq!(of(u32::MAX, u64::from(u32::MAX) - 1).map(|time| time.as_secs()), Some(5));
        assert!(of(1, u64::MAX).is_some());
        assert_eq!(of(0, 600), None);
    }
}
