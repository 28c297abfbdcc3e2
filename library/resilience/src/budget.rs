//! The retry budget: repeats are paid from successes.
//!
//! The budget is a token bucket over successes: each success saves a part of a token, a repeat costs a whole one. On top there is a floor of
//! repeats per second, so that a caller with little traffic can repeat at all. Source: Finagle's `RetryBudget`, and "The Site Reliability
//! Workbook", O'Reilly 2018, on retry budgets; tokens come from successes and not from requests, as in Envoy and gRPC (gRFC A6), which stops
//! repeats altogether while everything fails.
//!
//! In every case: repeats <= ratio * successes + floor * seconds + [`FLOOR_BURST`] seconds' worth of the floor.

use crate::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::invalid::InvalidRules;
use crate::nanos::{nanos, since};
use crate::setters::setters;

/// A token, in the unit of which the bucket counts.
const TOKEN: u64 = 1000;
/// Longest time for which the floor can be saved up.
pub const FLOOR_BURST: Duration = Duration::from_secs(1);

/// Retry budget rules.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BudgetRules {
    /// Repeats for one success, 0 to 1.
    pub ratio: f64,
    /// Repeats per second in addition, independent of successes.
    pub floor: f64,
    /// The most repeats that are saved up from successes.
    pub savings: u32,
}

setters!(BudgetRules: set { ratio: f64, floor: f64, savings: u32 } turn {});

impl Default for BudgetRules {
    /// One repeat for ten successes, one a second on top, and at most a hundred saved up.
    fn default() -> Self {
        Self::of(0.1, 1.0)
    }
}

impl BudgetRules {
    /// Creates rules for `ratio` repeats per success and `floor` per second in addition; at most a hundred are saved up.
    pub const fn of(ratio: f64, floor: f64) -> Self {
        Self { ratio, floor, savings: 100 }
    }

    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if !(0.0..=1.0).contains(&self.ratio) {
            return Err(InvalidRules::BudgetRatio(self.ratio));
        }
        if !(0.0..=1e6).contains(&self.floor) {
            return Err(InvalidRules::BudgetFloor(self.floor));
        }
        Ok(())
    }
}

/// The token bucket. Shared by all calls of a dependency. Saving and paying are one atomic operation each.
#[derive(Debug)]
pub struct Budget {
    birth: Instant,
    /// Saved from successes, in thousandths of a token.
    saved: AtomicU64,
    /// The floor, as GCRA's theoretical arrival time in nanoseconds since the birth.
    floor: AtomicU64,
}

impl Budget {
    /// Creates a budget without savings, with a second's worth of the floor.
    pub fn new(now: Instant) -> Self {
        Self { birth: now, saved: AtomicU64::new(0), floor: AtomicU64::new(0) }
    }

    /// A call has succeeded.
    pub fn deposit(&self, rules: &BudgetRules) {
        let most = u64::from(rules.savings) * TOKEN;
        // Full buckets, the usual case, are only read, so that threads do not fight for the line.
        if self.saved.load(Ordering::Relaxed) < most {
            let part = (rules.ratio * TOKEN as f64) as u64;
            let _ = self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |saved| {
                (saved < most).then(|| (saved + part).min(most))
            });
        }
    }

    /// Pays for a repeat; false when there is nothing to pay with.
    #[must_use = "without payment there is no repeat"]
    pub fn withdraw(&self, rules: &BudgetRules, now: Instant) -> bool {
        let paid = |saved: u64| saved.checked_sub(TOKEN);
        self.saved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, paid).is_ok() || self.pay_by_floor(rules, now)
    }

    /// Returns the number of repeats that the savings pay for.
    pub fn saved(&self) -> f64 {
        self.saved.load(Ordering::Relaxed) as f64 / TOKEN as f64
    }

    fn pay_by_floor(&self, rules: &BudgetRules, now: Instant) -> bool {
        if rules.floor <= 0.0 {
            return false;
        }
        let now = since(self.birth, now);
        let each = nanos(Duration::from_secs_f64(1.0 / rules.floor.max(1e-6)));
        // A floor below one a second can still be spent once.
        let ahead = nanos(FLOOR_BURST).max(each);
        self.floor
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |arrival| {
                let next = arrival.max(now).saturating_add(each);
                (next <= now.saturating_add(ahead)).then_some(next)
            })
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(ratio: f64, floor: f64) -> BudgetRules {
        BudgetRules { ratio, floor, ..BudgetRules::default() }
    }

    #[test]
    fn ten_successes_pay_for_one_repeat() {
        let (now, rules) = (Instant::now(), rules(0.1, 0.0));
        let budget = Budget::new(now);
        assert!(!budget.withdraw(&rules, now));
        (0..10).for_each(|_| budget.deposit(&rules));
        assert!(budget.withdraw(&rules, now));
        assert!(!budget.withdraw(&rules, now));
    }

    #[test]
    fn the_floor_refills_each_second_and_is_saved_up_for_at_most_one() {
        let (start, rules) = (Instant::now(), rules(0.0, 5.0));
        let budget = Budget::new(start);
        let count = |at| (0..100).filter(|_| budget.withdraw(&rules, at)).count();
        assert_eq!(count(start), 5);
        assert_eq!(count(start), 0);
        assert_eq!(count(start + Duration::from_millis(400)), 2);
        assert_eq!(count(start + Duration::from_secs(600)), 5);
    }

    #[test]
    fn a_floor_of_one_in_ten_seconds_can_be_spent() {
        let (start, rules) = (Instant::now(), rules(0.0, 0.1));
        let budget = Budget::new(start);
        assert!(budget.withdraw(&rules, start));
        assert!(!budget.withdraw(&rules, start + Duration::from_secs(9)));
        assert!(budget.withdraw(&rules, start + Duration::from_secs(10)));
    }

    #[test]
    fn savings_are_bounded() {
        let (now, rules) = (Instant::now(), BudgetRules { ratio: 0.5, floor: 0.0, savings: 3 });
        let budget = Budget::new(now);
        (0..1000).for_each(|_| budget.deposit(&rules));
        assert_eq!((0..10).filter(|_| budget.withdraw(&rules, now)).count(), 3);
    }

    #[test]
    fn invalid_numbers_are_rejected() {
        assert!(rules(1.5, 0.0).check().unwrap_err().to_string().contains("1.5"));
        assert!(rules(f64::NAN, 0.0).check().is_err());
        assert!(rules(0.1, -1.0).check().unwrap_err().to_string().contains("floor"));
        assert_eq!(BudgetRules::default().check(), Ok(()));
    }

    proptest! {
        /// The promise of the module's head, for any order of successes, repeats and pauses.
        #[test]
        fn repeats_never_exceed_what_successes_and_the_floor_pay_for(
            steps in prop::collection::vec((any::<bool>(), 0_u64..200), 1..400), ratio in 0.0..1.0, floor in 0.0..20.0,
        ) {
            let (start, rules) = (Instant::now(), rules(ratio, floor));
            let budget = Budget::new(start);
            let (mut at, mut successes, mut repeats) = (start, 0.0, 0.0);
            for (success, pause) in steps {
                at += Duration::from_millis(pause);
                if success {
                    budget.deposit(&rules);
                    successes += 1.0;
                } else if budget.withdraw(&rules, at) {
                    repeats += 1.0;
                }
                let seconds = (at - start).as_secs_f64();
                let most = ratio * successes + floor * (seconds + FLOOR_BURST.as_secs_f64());
                // A floor below one a second can still be spent once.
                let once = f64::from(u8::from(floor > 0.0 && floor < 1.0));
                prop_assert!(repeats <= most + once + 1e-6, "{} repeats, at most {}", repeats, most);
            }
        }
    }
}
