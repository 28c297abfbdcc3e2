//! Waits for a CPU during a start, for which other programs are to blame.

use std::time::Duration;

use crate::contention::machine::Machine;
use crate::contention::threads;

/// Below this share of the machine other programs are not to blame: what waits then waits for itself.
const OTHERS: f64 = 0.1;

/// Waits for a CPU during a start: those of the service, and those of keel, which sees that it is ready.
pub(super) struct StartWatch {
    machine: Option<Machine>,
    keel: Duration,
}

impl StartWatch {
    /// Begins before the start.
    pub(super) fn begin() -> Self {
        Self { machine: Machine::now(), keel: threads::waited(&[std::process::id()]) }
    }

    /// Returns the waits until now; zero when other programs were not to blame.
    pub(super) fn end(self, pids: &[u32]) -> Duration {
        let others = self.machine.zip(Machine::now()).and_then(|(before, now)| now.used_by_others(before));
        let keel = threads::waited(&[std::process::id()]).saturating_sub(self.keel);
        blamed_on_others(threads::waited(pids) + keel, others)
    }
}

/// The waits, unless other programs used too little of the machine to be the reason.
fn blamed_on_others(waited: Duration, others: Option<f64>) -> Duration {
    match others {
        Some(others) if others < OTHERS => Duration::ZERO,
        _ => waited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_waits_for_its_own_threads_is_not_excused() {
        let second = Duration::from_secs(1);
        assert_eq!(blamed_on_others(second, Some(0.02)), Duration::ZERO);
        assert_eq!(blamed_on_others(second, Some(0.5)), second);
        assert_eq!(blamed_on_others(second, None), second, "the start was too short to see others");
    }
}
