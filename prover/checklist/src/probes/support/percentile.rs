//! Percentiles of durations.

use std::time::Duration;

/// The value below which so many of a hundred are; zero for none.
pub(crate) fn percentile(mut values: Vec<Duration>, percent: usize) -> Duration {
    values.sort_unstable();
    let at = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or_default()
}
