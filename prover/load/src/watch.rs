//! Watching a run: the figures of each second, and every request that is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::answer::Head;
use crate::outcome::Outcome;
use crate::template::Filling;

/// One request that is over, for an [`Observer`].
#[derive(Debug)]
pub struct Completed<'a> {
    /// Its place in [`Plan::kinds`](crate::Plan::kinds).
    pub kind: usize,
    /// The values of its templates.
    pub filling: &'a Filling,
    /// The intended send time.
    pub intended: Instant,
    /// The actual send time.
    pub sent: Instant,
    /// The time at which the outcome was known.
    pub done: Instant,
    /// The outcome.
    pub outcome: Outcome,
    /// The head of the last answer; none when none came.
    pub head: Option<Head>,
    /// The body of the answer; empty unless [`Watch::bodies`] is set.
    pub body: &'a [u8],
}

/// Called for every request that is over, on the generator's own thread: it must not wait.
pub type Observer = Arc<dyn Fn(&Completed<'_>) + Send + Sync>;

/// The watchers of a run.
#[derive(Clone, Default)]
pub struct Watch {
    /// Gets the figures of each second.
    pub live: Option<watch::Sender<Live>>,
    /// Called for every request that is over.
    pub observer: Option<Observer>,
    /// True to pass bodies to the observer (at most 64 KiB of each).
    pub bodies: bool,
}

/// The figures of the last second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// Since the start, in seconds.
    pub second: u64,
    /// Outcomes known in it.
    pub done: u64,
    /// Those that were expected.
    pub expected: u64,
    /// Half of the latencies are within; none when there were none.
    pub p50: Option<Duration>,
    /// 99 of 100 are within.
    pub p99: Option<Duration>,
    /// Requests that wait for an answer or for a connection now.
    pub waiting: u64,
    /// The lag of the last request.
    pub lag: Duration,
}

impl Live {
    /// The share of outcomes that were not expected; 0 when there were none.
    pub fn errors(&self) -> f64 {
        if self.done == 0 { 0.0 } else { (self.done - self.expected) as f64 / self.done as f64 }
    }
}
