//! The load of a drill as it was observed, with the times of its phases.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::plan::Phase;
use keel_load::Samples;

/// The samples of the load, and the times of the phases.
pub(super) struct Observed {
    pub(super) samples: Samples,
    /// The names of requests, by the place that samples have.
    pub(super) kinds: Vec<String>,
    pub(super) begun: Instant,
    pub(super) first_step: Duration,
    /// The time at which the last step was undone.
    pub(super) undone: Duration,
    pub(super) lasts: Duration,
    pub(super) recovery: Duration,
}

impl Observed {
    /// Returns the time in which the requests of a phase were to be sent.
    pub(super) fn span(&self, phase: Phase) -> Range<Duration> {
        match phase {
            Phase::Before => Duration::ZERO..self.first_step,
            Phase::During => self.first_step..self.undone,
            Phase::After => (self.undone + self.recovery).min(self.lasts)..self.lasts,
            Phase::Whole => Duration::ZERO..self.lasts,
        }
    }
}
