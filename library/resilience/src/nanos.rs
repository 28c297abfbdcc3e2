//! Durations, and moments since a guard's birth, as whole nanoseconds in 64 bits.

use std::time::Duration;

use tokio::time::Instant;

/// Nanoseconds from the birth until now, 0 where the clock was read before the birth; 584 years are the most.
///
/// tokio's clock is the only one, as tests pause it and its timers end the waits: `docs/adr/0021-time-is-read-from-tokio-alone.md` has the
/// reasons against a clock of the processor's ticks.
#[inline]
pub(crate) fn since(birth: Instant, now: Instant) -> u64 {
    // On std's instants, of which tokio's are a copy: one call less.
    nanos(now.into_std().saturating_duration_since(birth.into_std()))
}

/// Converts to nanoseconds; 584 years are the most.
#[inline]
pub(crate) const fn nanos(duration: Duration) -> u64 {
    // In half the time of `as_nanos`, which has twice the bits.
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos() as u64)
}
