//! Bounds of a call: timeouts and sizes.

use std::time::Duration;

/// Bounds of a call. Every bound is in force for every call; a call can set bounds of its own ([`crate::Call`]).
///
/// ```
/// use std::time::Duration;
/// use evenkeel_client::Bounds;
///
/// let bounds = Bounds::default().total(Duration::from_secs(3)).answer_bytes(64 * 1024);
/// assert_eq!(bounds.total, Duration::from_secs(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Timeout of a connection: name, TCP and TLS. All addresses of a name share it. Default 2 s.
    pub connect: Duration,
    /// Timeout from the start of an attempt to the answer's head. Default 5 s.
    pub first_byte: Duration,
    /// Between two pieces of an answer's body. Default 5 s.
    pub idle_body: Duration,
    /// Timeout of the whole call, all attempts and redirects together. Default 10 s.
    pub total: Duration,
    /// Bytes of an answer's head. Default 64 KiB, at least 8 KiB.
    pub head_bytes: u32,
    /// Header fields of an answer over HTTP/1. Default 256.
    pub head_fields: usize,
    /// Bytes of an answer's body, as it comes and as it is once it is decompressed. Default 1 MiB.
    pub answer_bytes: usize,
    /// Idle connections kept for each host. Default 32.
    pub idle_per_host: usize,
    /// Calls at a time, all peers together; more wait for as long as they have. Default 1024.
    pub at_once: u32,
    /// Sends the remaining time of the call to peers. Default yes.
    pub tells_deadline: bool,
}

/// Longer than anybody waits: a year.
#[cfg(feature = "without-guards")]
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// Each with one bound replaced.
impl Bounds {
    /// Sets the timeout of a connection: name, TCP and TLS.
    #[must_use]
    pub fn connect(self, connect: Duration) -> Self {
        Self { connect, ..self }
    }

    /// Sets the timeout from the start of an attempt to the answer's head.
    #[must_use]
    pub fn first_byte(self, first_byte: Duration) -> Self {
        Self { first_byte, ..self }
    }

    /// Between two pieces of an answer's body.
    #[must_use]
    pub fn idle_body(self, idle_body: Duration) -> Self {
        Self { idle_body, ..self }
    }

    /// Sets the timeout of the whole call.
    #[must_use]
    pub fn total(self, total: Duration) -> Self {
        Self { total, ..self }
    }

    /// Bytes and header fields of an answer's head.
    #[must_use]
    pub fn head(self, head_bytes: u32, head_fields: usize) -> Self {
        Self { head_bytes, head_fields, ..self }
    }

    /// Bytes of an answer's body.
    #[must_use]
    pub fn answer_bytes(self, answer_bytes: usize) -> Self {
        Self { answer_bytes, ..self }
    }

    /// Idle connections kept for each host.
    #[must_use]
    pub fn idle_per_host(self, idle_per_host: usize) -> Self {
        Self { idle_per_host, ..self }
    }

    /// Calls at a time, all peers together; at least one.
    #[must_use]
    pub fn at_once(self, at_once: u32) -> Self {
        Self { at_once, ..self }
    }

    /// Sets whether the remaining time of the call is sent to peers.
    #[must_use]
    pub fn tells_deadline(self, tells_deadline: bool) -> Self {
        Self { tells_deadline, ..self }
    }

    /// Removes every time limit, also those that a call sets for itself. For tests that show the effect of the limits.
    #[cfg(feature = "without-guards")]
    #[must_use]
    pub fn without_times(self) -> Self {
        Self { connect: FOREVER, first_byte: FOREVER, idle_body: FOREVER, total: FOREVER, ..self }
    }

    /// Returns the bounds of a call with another total timeout; the first byte's shrinks with it.
    pub(crate) fn of_call(self, total: Duration) -> Self {
        if self.is_boundless() { self } else { Self { total, first_byte: self.first_byte.min(total), ..self } }
    }

    /// Returns the bounds of a call with another timeout for the answer's head.
    pub(crate) fn of_head(self, first_byte: Duration) -> Self {
        if self.is_boundless() { self } else { Self { first_byte, ..self } }
    }

    fn is_boundless(&self) -> bool {
        #[cfg(feature = "without-guards")]
        return self.total >= FOREVER;
        #[cfg(not(feature = "without-guards"))]
        false
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
            head_fields: 256,
            answer_bytes: 1024 * 1024,
            idle_per_host: 32,
            at_once: 1024,
            tells_deadline: true,
        }
    }
}
