//! Time limits that grow with the time that the service takes to start.

use std::time::Duration;

use super::Lab;

/// Slowest starts that are added to a limit: a refusal may come at the end of a start, which is slower on a busy machine.
const STARTS: u32 = 2;

impl Lab {
    /// The time limit of what happens at a start: so long, and twice the slowest start so far.
    pub(crate) fn beside_a_start(&self, limit: Duration) -> Duration {
        limit + self.slowest_start * STARTS
    }

    /// Returns true if the processes of the last start waited for a CPU for half of the time that a start may take: then it says
    /// nothing that it failed.
    pub(crate) fn start_was_starved(&self) -> bool {
        self.starved > self.subject.start_timeout / 2
    }
}
