//! Counts of the past, in slots that grow coarser with age.

use std::time::Duration;

use tokio::time::Instant;

use crate::objectives::pairs::PERIOD;

/// The finest slot of a period of 30 days.
const STEP: Duration = Duration::from_secs(10);
/// Steps of a slot, and slots, of each ring: 1 h of 10 s, 6 h of 1 min, 3 d of 5 min, 30 d of 1 h.
const RINGS: [(u64, usize); 4] = [(1, 360), (6, 360), (30, 864), (360, 720)];

/// All answers and the bad ones of some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) all: u64,
    pub(crate) bad: u64,
}

/// Answers of the last period, in 2,304 slots.
#[derive(Debug)]
pub(crate) struct Ladder {
    began: Instant,
    step: Duration,
    /// Steps since it began.
    steps: u64,
    /// All counts that are in the slots.
    known: Counts,
    rings: [Vec<(u32, u32)>; RINGS.len()],
}

impl Counts {
    /// The share of bad ones; zero of none.
    pub(crate) fn share(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.bad as f64 / self.all as f64 }
    }
}

impl Ladder {
    pub(crate) fn new(period: Duration, now: Instant) -> Self {
        let rings = RINGS.map(|(_, slots)| vec![(0, 0); slots]);
        Self { began: now, step: step_of(period), steps: 0, known: Counts::default(), rings }
    }

    /// Enters what came since the last time, from the counts since the start.
    pub(crate) fn advance(&mut self, totals: Counts, now: Instant) {
        let elapsed = now.saturating_duration_since(self.began);
        let steps = u64::try_from(elapsed.as_nanos() / self.step.as_nanos()).unwrap_or(u64::MAX).max(self.steps);
        let all = u32::try_from(totals.all.saturating_sub(self.known.all)).unwrap_or(u32::MAX);
        let bad = u32::try_from(totals.bad.saturating_sub(self.known.bad)).unwrap_or(u32::MAX);
        for ((per, slots), ring) in RINGS.iter().zip(&mut self.rings) {
            let (from, to) = (self.steps / per, steps / per);
            // At most one round: older slots are all cleared by then.
            for slot in (from + 1..=to).rev().take(*slots) {
                ring[index(slot, *slots)] = (0, 0);
            }
            let slot = &mut ring[index(to, *slots)];
            *slot = (slot.0.saturating_add(all), slot.1.saturating_add(bad));
        }
        (self.steps, self.known) = (steps, totals);
    }

    /// The counts of the last `window`, to the ring's slot.
    pub(crate) fn window(&self, window: Duration) -> Counts {
        let steps = window.as_secs_f64() / self.step.as_secs_f64();
        let fits = |(per, slots): &(u64, usize)| steps <= (*per as f64) * (*slots as f64) + 0.5;
        let ring = RINGS.iter().position(fits).unwrap_or(RINGS.len() - 1);
        let (per, slots) = RINGS[ring];
        let wanted = ((steps / per as f64).round() as usize).clamp(1, slots);
        let newest = self.steps / per;
        let mut counts = Counts::default();
        for slot in (0..=newest).rev().take(wanted) {
            let (all, bad) = self.rings[ring][index(slot, slots)];
            counts.all += u64::from(all);
            counts.bad += u64::from(bad);
        }
        counts
    }

    /// The time since it began.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }
}

/// The finest slot of a period.
pub(crate) fn step_of(period: Duration) -> Duration {
    STEP.mul_f64(period.as_secs_f64() / PERIOD.as_secs_f64()).max(Duration::from_millis(1))
}

fn index(slot: u64, slots: usize) -> usize {
    usize::try_from(slot % slots as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn counts_leave_each_window_when_they_are_older() {
        let mut ladder = Ladder::new(PERIOD, Instant::now());
        let start = Instant::now();
        let mut at = |after: Duration, totals: (u64, u64)| {
            ladder.advance(Counts { all: totals.0, bad: totals.1 }, start + after);
            [5 * MINUTE, 60 * MINUTE, 360 * MINUTE, 3 * 1440 * MINUTE, PERIOD].map(|window| ladder.window(window).bad)
        };
        assert_eq!(at(Duration::from_secs(1), (10, 3)), [3; 5]);
        assert_eq!(at(4 * MINUTE, (20, 3)), [3; 5]);
        assert_eq!(at(6 * MINUTE, (20, 3)), [0, 3, 3, 3, 3]);
        assert_eq!(at(61 * MINUTE, (20, 4)), [1, 1, 4, 4, 4]);
        assert_eq!(at(361 * MINUTE, (20, 4)), [0, 0, 1, 4, 4]);
        assert_eq!(at(4 * 1440 * MINUTE, (20, 4)), [0, 0, 0, 0, 4]);
        assert_eq!(at(40 * 1440 * MINUTE, (20, 4)), [0; 5]);
    }

    proptest! {
        #[test]
        fn the_whole_period_has_all_counts_and_a_window_never_more_than_a_longer_one(
            steps in prop::collection::vec((0u64..50_000, 0u64..100), 1..50),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let start = runtime.block_on(async { Instant::now() });
            let mut ladder = Ladder::new(PERIOD, start);
            let (mut now, mut totals) = (start, Counts::default());
            for (seconds, count) in steps {
                now += Duration::from_secs(seconds);
                totals = Counts { all: totals.all + count, bad: totals.bad + count / 2 };
                ladder.advance(totals, now);
            }
            prop_assert_eq!(ladder.window(PERIOD), totals);
            let (hour, day) = (ladder.window(60 * MINUTE), ladder.window(1440 * MINUTE));
            prop_assert!(hour.all <= day.all && day.all <= totals.all);
        }
    }
}
