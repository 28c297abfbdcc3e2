//! Timestamps of logs and documents: RFC 3339 in UTC with microseconds.

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second that RFC 3339 can write, since 1970.
const END_OF_9999: Duration = Duration::from_secs(253_402_300_799);
/// Bytes of `2026-11-29T12:00:00`.
const SECOND_BYTES: usize = 19;

/// RFC 3339 in UTC with microseconds.
pub struct Timestamp(pub SystemTime);

thread_local! {
    /// The last second that this thread wrote.
    static LAST: Cell<(u64, [u8; SECOND_BYTES])> = const { Cell::new((u64::MAX, [0; SECOND_BYTES])) };
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A clock that is far off must not cost the log: the nearest time that can be written stands for it.
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default().min(END_OF_9999);
        let second = second(since.as_secs());
        f.write_str(std::str::from_utf8(&second).map_err(|_| fmt::Error)?)?;
        write!(f, ".{:06}Z", since.subsec_micros())
    }
}

/// The date and the time of a second. Most calls are about the same second as the last one.
fn second(seconds: u64) -> [u8; SECOND_BYTES] {
    let (last, text) = LAST.get();
    if last == seconds {
        return text;
    }
    let mut text = [0; SECOND_BYTES];
    let shown = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
    text.iter_mut().zip(shown.bytes()).for_each(|(to, from)| *to = from);
    LAST.set((seconds, text));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339() {
        let at = |seconds| Timestamp(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
        assert_eq!(at(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59.000000Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000000Z");
        assert_eq!(at(4_102_444_799), "2099-12-31T23:59:59.000000Z");
        assert_eq!(at(400_000_000_000), "9999-12-31T23:59:59.000000Z");
        assert_eq!(Timestamp(UNIX_EPOCH - Duration::from_secs(1)).to_string(), at(0));
        let micros = Timestamp(UNIX_EPOCH + Duration::from_micros(1_000_042)).to_string();
        assert_eq!(micros, "1970-01-01T00:00:01.000042Z");
    }
}
