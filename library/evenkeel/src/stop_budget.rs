//! Stop budget: the time limit of a stop, divided among its steps.
//!
//! | step | at most |
//! |---|---|
//! | drain delay | `DRAIN_DELAY`, half of the budget |
//! | requests in flight | `DRAIN_TIMEOUT`, four fifths of what is left |
//! | background parts | half of what is left |
//! | store | half of what is left |
//! | admin listener | 1 s, an eighth of the budget, half of what is left |
//! | runtime and logs | 1 s, an eighth of the budget |
//!
//! Each step ends early when there is nothing to wait for. A step that takes all of its time leaves the later ones theirs.

use std::time::Duration;

use tokio::time::Instant;

use crate::settings::Standard;

/// Time for the admin listener's last answers.
const ADMIN: Duration = Duration::from_secs(1);
/// Time for the runtime's last tasks and the queue of the logs.
const LAST: Duration = Duration::from_secs(1);

/// Time limits of the steps of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StopBudget {
    /// The whole stop.
    pub(crate) total: Duration,
    /// New requests are still taken.
    pub(crate) delay: Duration,
    /// Requests in flight finish.
    pub(crate) drain: Duration,
}

impl StopBudget {
    /// Computes the budget of these settings. A warning names the steps that do not fit into `STOP_TIMEOUT`.
    pub(crate) fn of(standard: &Standard) -> Self {
        let total = standard.stop_timeout;
        let delay = standard.drain_delay.min(total / 2);
        let drain = standard.drain_timeout.min((total - delay - last_of(total)) * 4 / 5);
        for (setting, wanted, allowed) in
            [("DRAIN_DELAY", standard.drain_delay, delay), ("DRAIN_TIMEOUT", standard.drain_timeout, drain)]
        {
            if allowed < wanted {
                tracing::warn!(setting, ?wanted, ?allowed, stop_timeout = ?total, "cut to fit: raise STOP_TIMEOUT");
            }
        }
        Self { total, delay, drain }
    }

    /// Returns the time for the admin listener's last answers.
    pub(crate) fn admin(self) -> Duration {
        ADMIN.min(self.total / 8)
    }

    /// Returns the time reserved for the runtime and the logs.
    pub(crate) fn last(self) -> Duration {
        last_of(self.total)
    }

    /// Starts the clock.
    pub(crate) fn begin(self) -> Left {
        Left { until: Instant::now() + (self.total - self.last()) }
    }
}

fn last_of(total: Duration) -> Duration {
    LAST.min(total / 8)
}

/// Remaining budget for the parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    until: Instant,
}

impl Left {
    /// Returns the time for one of several remaining steps.
    pub(crate) fn half(self) -> Duration {
        self.until.saturating_duration_since(Instant::now()) / 2
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn budget(arguments: &[&str]) -> StopBudget {
        let command = Standard::augment_args(clap::Command::new("test").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).expect("settings");
        StopBudget::of(&Standard::from_arg_matches(&matches).expect("settings"))
    }

    #[test]
    fn the_default_stop_fits_into_the_thirty_seconds_of_kubernetes_with_a_whole_drain() {
        let budget = budget(&[]);
        assert_eq!((budget.delay, budget.drain), (Duration::from_secs(1), Duration::from_secs(20)));
        assert!(budget.total < Duration::from_secs(30), "{budget:?}");
    }

    #[test]
    fn settings_that_add_up_to_more_than_the_budget_leave_time_for_every_step() {
        for stop in ["1ms", "1s", "10s"] {
            let budget = budget(&["--drain-delay=1h", "--drain-timeout=1h", &format!("--stop-timeout={stop}")]);
            assert!(budget.delay + budget.drain + budget.last() < budget.total, "{budget:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn steps_that_take_all_of_their_time_end_within_the_budget() {
        let (begun, budget) = (Instant::now(), budget(&[]));
        let left = budget.begin();
        for step in [budget.delay, budget.drain] {
            tokio::time::sleep(step).await;
        }
        for _ in 0..2 {
            assert!(left.half() > Duration::from_secs(1));
            tokio::time::sleep(left.half()).await;
        }
        tokio::time::sleep(budget.admin().min(left.half())).await;
        assert!(begun.elapsed() + budget.last() < budget.total);
    }
}
