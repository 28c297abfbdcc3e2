//! Restart rules: when a failed child is restarted, and when its failure becomes that of the process.
//!
//! A child is *failing* from its first failure until it has run for [`RestartRules::healthy_after`] without a further one.
//! While it is failing, each restart waits for the backoff. A child that has been failing for
//! [`RestartRules::give_up_after`] escalates.
//!
//! OTP's supervisor counts restarts in a period instead (intensity). It has no backoff, so its count is reached in
//! microseconds; with a backoff a count is either reached before the waits have grown, or never. Time in failure keeps both
//! promises: an outage that is shorter than `give_up_after` ends nothing, a child that never works ends the process.

use std::time::Duration;

use resilience::Backoff;
use tokio::time::Instant;

/// The restarts of a child.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RestartRules {
    /// Waits before restarts, which grow while the child is failing. Default: up to 10 ms at first, 5 s at most, full jitter.
    pub backoff: Backoff,
    /// A run of this length ends the time in failure. Default 10 s.
    pub healthy_after: Duration,
    /// The longest time in failure; then the child escalates. `None` restarts for ever. Default 5 min.
    pub give_up_after: Option<Duration>,
}

impl Default for RestartRules {
    fn default() -> Self {
        Self {
            backoff: Backoff::new(Duration::from_millis(10), Duration::from_secs(5)),
            healthy_after: Duration::from_secs(10),
            give_up_after: Some(Duration::from_secs(300)),
        }
    }
}

impl RestartRules {
    /// Sets the waits before restarts.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Sets the length of a run that ends the time in failure.
    #[must_use]
    pub fn healthy_after(self, run: Duration) -> Self {
        Self { healthy_after: run, ..self }
    }

    /// Sets the longest time in failure; `None` restarts for ever.
    #[must_use]
    pub fn give_up_after(self, failing: Option<Duration>) -> Self {
        Self { give_up_after: failing, ..self }
    }
}

/// The failures of one child since it last ran for long enough.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    count: u32,
    since: Option<Instant>,
}

/// Decision after a failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// A restart after this wait.
    Restart(Duration),
    /// No further restart.
    GiveUp {
        /// Failures since the child last worked.
        failures: u32,
        /// Time since the first failure without a recovery.
        failing_for: Duration,
    },
}

impl Failures {
    /// Records that a run ended in a failure, and returns the decision.
    pub(crate) fn failed(&mut self, started: Instant, now: Instant, rules: &RestartRules) -> Verdict {
        if now.saturating_duration_since(started) >= rules.healthy_after {
            *self = Self::default();
        }
        let since = *self.since.get_or_insert(now);
        let before = self.count;
        self.count = self.count.saturating_add(1);
        let failing_for = now.saturating_duration_since(since);
        match rules.give_up_after {
            // A first failure is never the last word, however short the time is.
            Some(longest) if before > 0 && failing_for >= longest => {
                Verdict::GiveUp { failures: self.count, failing_for }
            }
            _ => Verdict::Restart(rules.backoff.wait(before)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs a child whose runs take `run(n)`, until it is given up or `until` has passed; returns the time it was given up at.
    fn simulate(rules: RestartRules, until: Duration, mut run: impl FnMut(Duration) -> Duration) -> Option<Duration> {
        let begin = Instant::now();
        let (mut failures, mut now) = (Failures::default(), begin);
        while now - begin < until {
            let started = now;
            now += run(now - begin);
            match failures.failed(started, now, &rules) {
                Verdict::Restart(wait) => now += wait,
                Verdict::GiveUp { .. } => return Some(now - begin),
            }
        }
        None
    }

    proptest! {
        #[test]
        fn a_dependency_away_for_less_than_the_longest_time_in_failure_never_ends_the_process(
            away in 0u64..300, run_ms in 0u64..2_000,
        ) {
            let (rules, away) = (RestartRules::default(), Duration::from_secs(away));
            // While the dependency is away runs fail soon; afterwards they last.
            let run = |at| if at < away { Duration::from_millis(run_ms) } else { Duration::from_secs(3600) };
            prop_assert_eq!(simulate(rules, Duration::from_secs(24 * 3600), run), None);
        }

        #[test]
        fn a_child_that_never_works_ends_the_process_when_its_time_in_failure_is_over(
            base_ms in 1u64..1_000, cap_s in 1u64..60, longest_s in 1u64..600, run_ms in 0u64..9_000,
        ) {
            let (cap, longest, run) =
                (Duration::from_secs(cap_s), Duration::from_secs(longest_s), Duration::from_millis(run_ms));
            let backoff = Backoff::new(Duration::from_millis(base_ms), cap);
            let rules = RestartRules::default().backoff(backoff).give_up_after(Some(longest));
            let given_up = simulate(rules, Duration::from_secs(24 * 3600), |_at| run).expect("it is given up");
            prop_assert!(given_up >= longest);
            prop_assert!(given_up <= longest + cap + 2 * run);
        }
    }

    #[test]
    fn a_long_run_between_two_failures_starts_the_time_anew() {
        let rules = RestartRules::default();
        assert_eq!(simulate(rules, Duration::from_secs(24 * 3600), |_at| rules.healthy_after), None);
    }
}
