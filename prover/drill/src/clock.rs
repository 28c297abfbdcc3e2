//! Wall-clock time as reports write it.

use std::time::SystemTime;

/// Now, in UTC, as RFC 3339 with microseconds, the way Python's `isoformat` writes it: `2026-11-26T00:46:00.123456+00:00`.
pub fn now() -> String {
    let time = humantime::format_rfc3339_micros(SystemTime::now().max(SystemTime::UNIX_EPOCH)).to_string();
    time.replace('Z', "+00:00")
}
