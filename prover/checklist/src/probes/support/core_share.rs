//! CPU usage of an idle service, as a share of a core.

use std::time::{Duration, Instant};

use crate::contention::threads;
use crate::lab::Lab;

/// Of a core: from here on it spins.
const SPINS: f64 = 0.5;
/// On a busy machine it gets less: then what it waits for counts as well, from this much in all and this much that it got.
const WANTS: f64 = 0.9;
const GETS: f64 = 0.05;
/// Of a core: below it rests. What is between is not judged.
const RESTS: f64 = 0.3;

/// CPU usage, as shares of a core.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CoreShare {
    /// The time for which it ran.
    pub(crate) ran: f64,
    /// The time for which its threads were ready to run and did not; none where the kernel does not tell.
    pub(crate) waited: f64,
}

/// A sum of both so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    at: Option<Instant>,
    ran: Duration,
    waited: Duration,
}

impl Clock {
    /// Reads the clocks of all its processes.
    pub(crate) fn of(lab: &Lab) -> Self {
        let pids = lab.running().map(|process| process.pids()).unwrap_or_default();
        let ran = lab.usage().map_or(Duration::ZERO, |usage| usage.cpu);
        Self { at: Some(Instant::now()), ran, waited: pids.into_iter().map(waited).sum() }
    }

    /// Returns the usage since another reading.
    pub(crate) fn since(self, before: Self) -> CoreShare {
        let (Some(now), Some(then)) = (self.at, before.at) else { return CoreShare::default() };
        let seconds = now.saturating_duration_since(then).as_secs_f64().max(f64::EPSILON);
        let share = |now: Duration, then: Duration| now.saturating_sub(then).as_secs_f64() / seconds;
        CoreShare { ran: share(self.ran, before.ran), waited: share(self.waited, before.waited) }
    }
}

impl CoreShare {
    /// Measures for so long.
    pub(crate) async fn measured(lab: &Lab, lasts: Duration) -> Self {
        let before = Clock::of(lab);
        tokio::time::sleep(lasts).await;
        Clock::of(lab).since(before)
    }

    /// Returns true if it spins; `None` if that is not clear.
    pub(crate) fn spins(self) -> Option<bool> {
        if self.ran >= SPINS || self.ran >= GETS && self.ran + self.waited >= WANTS {
            return Some(true);
        }
        (self.ran < RESTS && self.ran + self.waited < WANTS).then_some(false)
    }

    /// In words.
    pub(crate) fn told(self) -> String {
        format!("{:.0} % of a core", 100.0 * self.ran)
    }
}

/// Returns the time that the threads of a process have waited for a core.
fn waited(pid: u32) -> Duration {
    threads::clocks(pid).into_iter().map(|(_, clock)| clock.waited).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_core_is_a_spin_and_so_is_less_when_it_waits_for_the_rest() {
        let spins = |ran, waited| CoreShare { ran, waited }.spins();
        assert_eq!(spins(0.5, 0.0), Some(true));
        assert_eq!(spins(0.2, 0.75), Some(true));
        assert_eq!(spins(0.29, 0.1), Some(false));
        assert_eq!(spins(0.4, 0.1), None);
        assert_eq!(spins(0.04, 0.9), None, "it waits for others");
    }
}
