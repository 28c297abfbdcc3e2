//! Events outside of the simulated server, in the order of their moments.

use std::cmp::Ordering;

/// Event at a moment outside of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// The next request of the open loop arrives.
    Arrival,
    /// A client tries again.
    Retry { kind: usize, client: u64, attempt: usize },
    /// A client's patience ends.
    Departure(usize),
    /// A dependency answers, after it held a place for this time.
    Answer { request: usize, pool: usize, held: std::time::Duration },
    /// A statement of a transaction is answered.
    Statement(usize),
    /// The timer of the admission control.
    Tick,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Scheduled {
    pub(crate) at: f64,
    pub(crate) number: u64,
    pub(crate) event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    /// The earliest is the greatest, for the heap.
    fn cmp(&self, other: &Self) -> Ordering {
        other.at.total_cmp(&self.at).then(other.number.cmp(&self.number))
    }
}
