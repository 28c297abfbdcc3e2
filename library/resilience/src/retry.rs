//! Retries: whether a call is tried again, and when.
//!
//! Only what may be repeated is: work that is idempotent, or that carries an idempotency key. The deadline, attempts, elapsed
//! time and the [`Budget`] bound it; when the callee said how long to wait (`Retry-After`) that is waited for, or nothing is
//! tried again when it is longer than the deadline allows.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::{Backoff, Jitter};
use crate::budget::{Budget, BudgetRules};
use crate::deadline::Deadline;
use crate::invalid::InvalidRules;
use crate::outcome::Outcome;
use crate::setters::setters;

/// The most attempts that rules can ask for.
pub const MAX_ATTEMPTS: u32 = 20;

/// Retry rules: when a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryRules {
    /// The most attempts, the first one included; 1 to [`MAX_ATTEMPTS`].
    pub attempts: u32,
    /// Waits between attempts.
    pub backoff: Backoff,
    /// No attempt begins later than so long after the first.
    pub elapsed: Duration,
    /// Retry budget.
    pub budget: BudgetRules,
}

setters!(RetryRules: set { attempts: u32, backoff: Backoff, elapsed: Duration, budget: BudgetRules } turn {});

impl Default for RetryRules {
    /// Three attempts within 10 s, 50 ms to 2 s apart with full jitter, and the default budget.
    fn default() -> Self {
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2)).spread(Jitter::Full);
        Self { attempts: 3, backoff, elapsed: Duration::from_secs(10), budget: BudgetRules::default() }
    }
}

/// Reason why a call is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// The call succeeded, or failed in a way that another attempt would not mend.
    NoNeed,
    /// The rules have no retries.
    NoRetries,
    /// The call may not be repeated.
    NotRepeatable,
    /// All attempts are used up.
    Attempts,
    /// The time for attempts is used up.
    Elapsed,
    /// The wait would be longer than anybody waits for the answer.
    Deadline,
    /// The budget is used up.
    Budget,
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NoNeed => "another attempt would change nothing",
            Self::NoRetries => "the rules have no retries",
            Self::NotRepeatable => "the call may not be repeated",
            Self::Attempts => "all attempts are used up",
            Self::Elapsed => "the time for retries is over",
            Self::Deadline => "no time is left before the deadline",
            Self::Budget => "the retry budget is used up",
        })
    }
}

/// The attempts of one call so far.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    begun: Instant,
    /// Number of attempts made.
    made: u32,
    /// The wait before the last one.
    waited: Duration,
}

impl RetryRules {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if !(1..=MAX_ATTEMPTS).contains(&self.attempts) {
            return Err(InvalidRules::Attempts { attempts: self.attempts, most: MAX_ATTEMPTS });
        }
        self.budget.check()
    }
}

impl Attempts {
    /// The first attempt begins now.
    pub fn begin(now: Instant) -> Self {
        Self { begun: now, made: 1, waited: Duration::ZERO }
    }

    /// Returns the number of attempts, including the one under way.
    pub fn made(&self) -> u32 {
        self.made
    }

    /// Returns the wait before the next attempt, and pays for and counts that attempt.
    ///
    /// # Errors
    /// The reason why there is none. The budget pays last, so that it pays only for attempts that are made.
    pub fn again(
        &mut self,
        rules: &RetryRules,
        outcome: Outcome,
        repeatable: bool,
        deadline: Option<Deadline>,
        budget: &Budget,
        now: Instant,
    ) -> Result<Duration, Stop> {
        let asked_for = match outcome {
            Outcome::Failure => None,
            Outcome::Overload { retry_after } => retry_after,
            Outcome::Success | Outcome::Cancelled | Outcome::NotCounted => return Err(Stop::NoNeed),
        };
        if !repeatable {
            return Err(Stop::NotRepeatable);
        }
        if self.made >= rules.attempts {
            return Err(Stop::Attempts);
        }
        let own = rules.backoff.wait_after(self.made - 1, self.waited.max(rules.backoff.base));
        // All who were told the same time are spread behind it, and nobody comes before it.
        let wait = asked_for.map_or(own, |asked_for| asked_for.saturating_add(own));
        let begins = now.checked_add(wait).ok_or(Stop::Elapsed)?;
        if begins.saturating_duration_since(self.begun) > rules.elapsed {
            return Err(Stop::Elapsed);
        }
        if deadline.is_some_and(|deadline| begins >= deadline.at()) {
            return Err(Stop::Deadline);
        }
        if !budget.withdraw(&rules.budget, now) {
            return Err(Stop::Budget);
        }
        self.made += 1;
        self.waited = own;
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn rules() -> RetryRules {
        let budget = BudgetRules { ratio: 1.0, floor: 1000.0, savings: 100 };
        let backoff = Backoff::new(10 * MILLI, 1000 * MILLI).spread(Jitter::None);
        RetryRules { attempts: 4, backoff, elapsed: 1000 * MILLI, budget }
    }

    fn again(rules: &RetryRules, attempts: &mut Attempts, outcome: Outcome, now: Instant) -> Result<Duration, Stop> {
        attempts.again(rules, outcome, true, None, &Budget::new(now), now)
    }

    #[test]
    fn waits_grow_until_the_attempts_are_used_up() {
        let now = Instant::now();
        let mut attempts = Attempts::begin(now);
        let mut next = || again(&rules(), &mut attempts, Outcome::Failure, now);
        assert_eq!([next(), next(), next()], [Ok(10 * MILLI), Ok(20 * MILLI), Ok(40 * MILLI)]);
        assert_eq!(next(), Err(Stop::Attempts));
        assert_eq!(attempts.made(), 4);
    }

    #[test]
    fn successes_and_calls_that_are_not_repeatable_are_not_retried() {
        let now = Instant::now();
        let mut attempts = Attempts::begin(now);
        for outcome in [Outcome::Success, Outcome::NotCounted, Outcome::Cancelled] {
            assert_eq!(again(&rules(), &mut attempts, outcome, now), Err(Stop::NoNeed));
        }
        let never = attempts.again(&rules(), Outcome::Failure, false, None, &Budget::new(now), now);
        assert_eq!((never, attempts.made()), (Err(Stop::NotRepeatable), 1));
    }

    #[test]
    fn no_retry_comes_before_the_retry_after_of_the_callee() {
        let now = Instant::now();
        let overload = |millis| Outcome::Overload { retry_after: Some(millis * MILLI) };
        assert_eq!(again(&rules(), &mut Attempts::begin(now), overload(500), now), Ok(510 * MILLI));
        assert_eq!(again(&rules(), &mut Attempts::begin(now), overload(5000), now), Err(Stop::Elapsed));
        let deadline = Deadline::since(now, 300 * MILLI);
        let refused = Attempts::begin(now).again(&rules(), overload(500), true, Some(deadline), &Budget::new(now), now);
        assert_eq!(refused, Err(Stop::Deadline));
        let forever = Outcome::Overload { retry_after: Some(Duration::MAX) };
        assert_eq!(again(&rules(), &mut Attempts::begin(now), forever, now), Err(Stop::Elapsed));
    }

    #[test]
    fn attempts_that_are_not_made_are_not_paid_for() {
        let now = Instant::now();
        let rules = RetryRules { budget: BudgetRules { ratio: 1.0, floor: 0.0, savings: 10 }, ..rules() };
        let budget = Budget::new(now);
        budget.deposit(&rules.budget);
        let late = Deadline::since(now, MILLI);
        let mut attempts = Attempts::begin(now);
        assert_eq!(attempts.again(&rules, Outcome::Failure, true, Some(late), &budget, now), Err(Stop::Deadline));
        assert_eq!(attempts.again(&rules, Outcome::Failure, true, None, &budget, now), Ok(10 * MILLI));
        assert_eq!(attempts.again(&rules, Outcome::Failure, true, None, &budget, now), Err(Stop::Budget));
    }

    #[test]
    fn attempts_out_of_bounds_are_rejected() {
        let told = RetryRules { attempts: 0, ..rules() }.check().unwrap_err().to_string();
        assert!(told.contains("1 to 20"), "{told}");
        assert!(RetryRules { attempts: 21, ..rules() }.check().is_err());
    }

    proptest! {
        #[test]
        fn every_attempt_begins_within_the_attempts_the_elapsed_time_and_the_deadline(
            took in prop::collection::vec(0_u32..400, 1..30), left in 1_u32..3000, attempts in 1_u32..8,
        ) {
            let start = Instant::now();
            let rules = RetryRules { attempts, ..rules() };
            let (budget, deadline) = (Budget::new(start), Deadline::since(start, left * MILLI));
            let (mut counted, mut now) = (Attempts::begin(start), start);
            for took in took {
                now += took * MILLI;
                let Ok(wait) = counted.again(&rules, Outcome::Failure, true, Some(deadline), &budget, now) else { break };
                now += wait;
                prop_assert!(now < deadline.at());
                prop_assert!(now - start <= rules.elapsed);
            }
            prop_assert!(counted.made() <= attempts);
        }
    }
}
