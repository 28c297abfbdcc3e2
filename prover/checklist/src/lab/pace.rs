//! Pace of an examination.

use std::time::Duration;

/// The factor by which probes multiply the durations for which they send, watch or wait.
///
/// Criteria of verdicts (deadlines, latency of answers, errors of clocks) stay as they are. So do limits that are
/// reached only when something is wrong. A test examines specimens that are quicker than services are, at a pace below one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace(f64);

impl Pace {
    /// The pace at which `keel check` examines: every duration is as the probe says.
    pub const FULL: Self = Self(1.0);

    /// A pace at which this part of each duration is spent, such as 0.25.
    ///
    /// # Panics
    /// When it is not above 0 and at most 1: no probe is made for more time than it says.
    pub const fn part(factor: f64) -> Self {
        assert!(factor > 0.0 && factor <= 1.0, "a pace is above 0 and at most 1");
        Self(factor)
    }

    /// A duration at this pace.
    pub fn of(self, duration: Duration) -> Duration {
        duration.mul_f64(self.0)
    }

    /// A number at this pace, where a probe sends fewer instead of faster; at least one.
    pub fn count(self, number: u32) -> u32 {
        // Below the number itself.
        ((f64::from(number) * self.0).round() as u32).max(1)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self::FULL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_pace_changes_nothing() {
        for duration in [Duration::ZERO, Duration::from_millis(5), Duration::from_secs(3600)] {
            assert_eq!(Pace::FULL.of(duration), duration);
        }
        assert_eq!(Pace::FULL.count(200), 200);
        assert_eq!(Pace::default(), Pace::FULL);
    }

    #[test]
    fn a_quarter_of_the_pace_takes_a_quarter_of_the_time() {
        assert_eq!(Pace::part(0.25).of(Duration::from_secs(10)), Duration::from_millis(2500));
        assert_eq!(Pace::part(0.25).count(200), 50);
        assert_eq!(Pace::part(0.25).count(1), 1);
    }
}
