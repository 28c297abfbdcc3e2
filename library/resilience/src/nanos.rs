//! Durations as whole nanoseconds in 64 bits.

use std::time::Duration;

/// Converts to nanoseconds; 584 years are the most.
pub(crate) const fn nanos(duration: Duration) -> u64 {
    // In half the time of `as_nanos`, which has twice the bits.
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos() as u64)
}
