//! Time that the processes of a start waited for a CPU, also of those that have ended meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::contention::threads;

/// The processes that are followed, at most: a start that makes more is not excused for the others.
const MAX_PROCESSES: usize = 1_000;

/// The longest wait that was read of each process.
#[derive(Debug, Default)]
pub(super) struct Waits(BTreeMap<u32, Duration>);

impl Waits {
    /// Reads the waits of these processes.
    pub(super) fn look(&mut self, pids: &[u32]) {
        for pid in pids.iter().take(MAX_PROCESSES) {
            self.note(*pid, threads::waited(&[*pid]));
        }
    }

    fn note(&mut self, pid: u32, waited: Duration) {
        if self.0.len() < MAX_PROCESSES || self.0.contains_key(&pid) {
            let longest = self.0.entry(pid).or_default();
            *longest = waited.max(*longest);
        }
    }

    /// Returns the sum over all processes.
    pub(super) fn total(&self) -> Duration {
        self.0.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_of_a_process_that_has_ended_still_counts() {
        let mut waits = Waits::default();
        waits.note(7, Duration::from_secs(2));
        waits.note(7, Duration::ZERO);
        waits.note(8, Duration::from_secs(1));
        assert_eq!(waits.total(), Duration::from_secs(3));
    }
}
