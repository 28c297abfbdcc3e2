//! Timer for systems without `timerfd`: the timer of the runtime, with ticks of a millisecond.

use std::io;
use std::time::Instant;

/// The runtime's timer.
#[derive(Debug)]
pub(super) struct Timer;

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits until then. Cancel-safe.
    pub(super) async fn until(&self, then: Instant) {
        tokio::time::sleep_until(then.into()).await;
    }
}
