//! One event of a key, and what was seen of a key.

use std::time::Duration;

use crate::TraceContext;

/// One event of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sighting {
    /// It failed.
    pub failed: bool,
    /// The time that it took.
    pub took: Duration,
    /// Its trace, where it has one.
    pub trace: Option<TraceContext>,
}

/// The events of a key while it was listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Events.
    pub requests: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// The sum of their durations.
    pub nanos: u64,
    /// The longest one.
    pub longest: Duration,
    /// The trace of the last one that has one.
    pub trace: Option<TraceContext>,
}

impl Sighting {
    pub(super) fn nanos(&self) -> u64 {
        u64::try_from(self.took.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Seen {
    pub(super) fn add(&mut self, sighting: &Sighting) {
        self.requests += 1;
        self.failures += u64::from(sighting.failed);
        self.nanos = self.nanos.saturating_add(sighting.nanos());
        self.longest = self.longest.max(sighting.took);
        self.trace = sighting.trace.or(self.trace);
    }

    /// The mean duration; none without an event.
    pub fn mean(&self) -> Option<Duration> {
        self.nanos.checked_div(self.requests).map(Duration::from_nanos)
    }
}
