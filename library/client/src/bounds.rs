//! The bounds of a call.

use std::time::Duration;

/// What a call may take. Every bound is in force for every call; a call can only set its own total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// For a connection: TCP and TLS. Default 2 s.
    pub connect: Duration,
    /// From the start of an attempt to the answer's head. Default 5 s.
    pub first_byte: Duration,
    /// Between two pieces of an answer's body. Default 5 s.
    pub idle_body: Duration,
    /// For the whole call, all attempts and redirects together. Default 10 s.
    pub total: Duration,
    /// Bytes of an answer's head. Default 64 KiB, at least 8 KiB.
    pub head_bytes: u32,
    /// Bytes of an answer's body, as it comes and as it is once it is decompressed. Default 1 MiB.
    pub answer_bytes: usize,
    /// Idle connections kept for each host. Default 32.
    pub idle_per_host: usize,
    /// Calls at a time, all peers together; more wait for as long as they have. Default 1024.
    pub at_once: u32,
    /// Whether peers are told how long their answer is waited for. Default yes.
    pub tells_deadline: bool,
}

/// Longer than anybody waits: a year.
#[cfg(feature = "without-guards")]
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

impl Bounds {
    /// Removes every time limit, also those that a call sets for itself. For a test that shows what the limits prevent.
    #[cfg(feature = "without-guards")]
    #[must_use]
    pub fn without_times(self) -> Self {
        Self { connect: FOREVER, first_byte: FOREVER, idle_body: FOREVER, total: FOREVER, ..self }
    }

    /// With another bound for the whole call; the first byte's shrinks with it.
    pub(crate) fn with_total(self, total: Duration) -> Self {
        #[cfg(feature = "without-guards")]
        if self.total >= FOREVER {
            return self;
        }
        Self { total, first_byte: self.first_byte.min(total), ..self }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            first_byte: Duration::from_secs(5),
            idle_body: Duration::from_secs(5),
            total: Duration::from_secs(10),
            head_bytes: 64 * 1024,
            answer_bytes: 1024 * 1024,
            idle_per_host: 32,
            at_once: 1024,
            tells_deadline: true,
        }
    }
}

/// What is left of a bound, for people: the microseconds since it was set are rounded off.
pub(crate) fn whole_millis(left: Duration) -> Duration {
    Duration::from_millis(u64::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u64::MAX))
}
