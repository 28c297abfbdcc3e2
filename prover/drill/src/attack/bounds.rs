//! Bounds of an attack, and the maxima of all bounds.

use std::time::Duration;

/// The most connections that an attack ever holds at once.
pub const MAX_CONNECTIONS: usize = 4_000;
/// The most requests, streams or connections that an attack ever begins.
pub const MAX_REQUESTS: u64 = 200_000;
/// The most of these a second.
pub const MAX_RATE: u32 = 20_000;
/// The longest that an attack ever lasts.
pub const MAX_DURATION: Duration = Duration::from_secs(120);
/// The most bytes that an attack ever streams on one connection.
pub const MAX_BYTES: u64 = 256 << 20;

/// The bounds of one attack. All of them hold together; the first that is reached ends the attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections held at once; at most [`MAX_CONNECTIONS`]. Fewer where the process may not open so many descriptors.
    pub connections: usize,
    /// Requests, streams or connections begun in all; at most [`MAX_REQUESTS`]. What is streamed on one connection (a body, the
    /// frames of a flood) counts a piece of 13 KiB to 1 MiB as one, and is bounded by `bytes`.
    pub requests: u64,
    /// Of these a second; at most [`MAX_RATE`].
    pub rate: u32,
    /// From the first byte of the attack to its last; at most [`MAX_DURATION`].
    pub duration: Duration,
    /// Bytes streamed on one connection; at most [`MAX_BYTES`].
    pub bytes: u64,
    /// The time limit of one answer; never longer than `duration`.
    pub answer: Duration,
}

/// Bounds beyond what is ever allowed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what} of an attack must be from {least} to {most}, not {asked}: ask for less")]
pub struct Beyond {
    what: &'static str,
    least: u64,
    most: u64,
    asked: u64,
}

impl Default for Bounds {
    /// 1,500 connections, 20,000 requests at 4,000 a second, 10 s, 64 MiB, 5 s for an answer.
    fn default() -> Self {
        Self {
            connections: 1_500,
            requests: 20_000,
            rate: 4_000,
            duration: Duration::from_secs(10),
            bytes: 64 << 20,
            answer: Duration::from_secs(5),
        }
    }
}

impl Bounds {
    /// Checks that they are within the maxima; zero is beyond them as well, as nothing could be attacked.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), Beyond> {
        within("connections", self.connections as u64, MAX_CONNECTIONS as u64)?;
        within("requests", self.requests, MAX_REQUESTS)?;
        within("requests a second", u64::from(self.rate), u64::from(MAX_RATE))?;
        within("milliseconds", milliseconds(self.duration), milliseconds(MAX_DURATION))?;
        within("bytes", self.bytes, MAX_BYTES)?;
        within("milliseconds for an answer", milliseconds(self.answer), milliseconds(self.duration))
    }
}

fn within(what: &'static str, asked: u64, most: u64) -> Result<(), Beyond> {
    if (1..=most).contains(&asked) { Ok(()) } else { Err(Beyond { what, least: 1, most, asked }) }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_the_maxima() {
        assert!(Bounds::default().check().is_ok());
    }

    #[test]
    fn bounds_beyond_a_maximum_are_refused_by_name() {
        let bounds = Bounds { connections: MAX_CONNECTIONS + 1, ..Bounds::default() };
        let beyond = bounds.check().expect_err("too many");
        assert_eq!(beyond.to_string(), "connections of an attack must be from 1 to 4000, not 4001: ask for less");
        assert!(Bounds { rate: 0, ..Bounds::default() }.check().is_err(), "nothing at all is no attack");
        assert!(Bounds { duration: MAX_DURATION * 2, ..Bounds::default() }.check().is_err());
    }
}
