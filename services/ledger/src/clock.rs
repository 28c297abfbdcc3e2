//! Timestamps in the store and for clients.

/// Microseconds since 1970, now.
pub(crate) fn now_micros() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// A moment as RFC 3339.
pub(crate) fn timestamp(micros: i64) -> String {
    let since = std::time::Duration::from_micros(u64::try_from(micros).unwrap_or_default());
    evenkeel::telemetry::Timestamp(std::time::UNIX_EPOCH + since).to_string()
}
