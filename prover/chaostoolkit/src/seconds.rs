//! Pauses and timeouts of a file, in seconds.

use std::time::Duration;

use crate::value::Value;

/// The longest pause. A longer one is cut to it: nothing may wait for ever.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// A number of seconds that can be waited for.
pub(super) fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_number().or_else(|| matches!(value, Value::Bool(true)).then_some(1.0))?;
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(LONGEST_PAUSE))
}
