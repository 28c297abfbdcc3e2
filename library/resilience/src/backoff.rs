//! Backoff: the wait before the next attempt.
//!
//! | growth | the longest wait after `n` failures |
//! |---|---|
//! | constant | `base` |
//! | exponential | `base * 2^n` |
//! | Fibonacci | `base * fib(n + 1)`: 1, 1, 2, 3, 5, .. |
//! | custom | the result of the function |
//!
//! | jitter | the wait, with `c` the longest, at most `cap` |
//! |---|---|
//! | none | `c` |
//! | full | uniform in `0..=c` |
//! | equal | `c / 2` and uniform in `0..=c / 2` on top |
//! | decorrelated | uniform in `base..=3 * previous`, at most `cap`; growth has no say |
//!
//! Source of the jitters: Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.

use std::time::Duration;

/// Growth of waits with the number of failures.
#[derive(Clone, Copy, Debug, Default)]
pub enum Growth {
    /// They do not.
    Constant,
    /// They double.
    #[default]
    Exponential,
    /// Fibonacci growth.
    Fibonacci,
    /// Longest wait by the number of failures.
    Custom(fn(u32) -> Duration),
}

impl PartialEq for Growth {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Custom(one), Self::Custom(other)) => std::ptr::fn_addr_eq(*one, *other),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// Jitter of waits, so that callers that failed together do not return together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jitter {
    /// No jitter: for tests, and for a single caller.
    None,
    /// Between nothing and the longest: the fewest calls in all.
    #[default]
    Full,
    /// Between half the longest and the longest: never at once.
    Equal,
    /// Decorrelated jitter, from the wait before.
    Decorrelated,
}

/// Growing, jittered waits with a cap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The longest first wait.
    pub base: Duration,
    /// No wait is longer.
    pub cap: Duration,
    /// Growth of the waits.
    pub growth: Growth,
    /// Jitter of the waits.
    pub jitter: Jitter,
}

impl Backoff {
    /// Exponential with full jitter, from `base` up to `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, growth: Growth::Exponential, jitter: Jitter::Full }
    }

    /// Sets the growth.
    #[must_use]
    pub const fn growing(self, growth: Growth) -> Self {
        Self { growth, ..self }
    }

    /// Sets the jitter.
    #[must_use]
    pub const fn spread(self, jitter: Jitter) -> Self {
        Self { jitter, ..self }
    }

    /// The longest wait before the attempt after `failures` failed ones.
    pub fn ceiling(&self, failures: u32) -> Duration {
        let longest = match (self.jitter, self.growth) {
            (Jitter::Decorrelated, _) => self.base.saturating_mul(3_u32.saturating_pow(failures)),
            (_, Growth::Constant) => self.base,
            (_, Growth::Exponential) => self.base.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)),
            (_, Growth::Fibonacci) => self.base.saturating_mul(fibonacci(failures)),
            (_, Growth::Custom(of)) => of(failures),
        };
        longest.min(self.cap)
    }

    /// A wait before the attempt after `failures` failed ones; `before` was the last wait, and counts for decorrelated jitter
    /// alone.
    pub fn wait_after(&self, failures: u32, before: Duration) -> Duration {
        self.drawn(failures, before, vitals::random_fraction())
    }

    /// Returns the wait before the attempt after `failures` failed ones, without memory of the wait before.
    pub fn wait(&self, failures: u32) -> Duration {
        self.wait_after(failures, self.ceiling(failures.saturating_sub(1)))
    }

    /// `fraction` is uniform in 0..1.
    fn drawn(&self, failures: u32, before: Duration, fraction: f64) -> Duration {
        let ceiling = self.ceiling(failures);
        match self.jitter {
            Jitter::None => ceiling,
            Jitter::Full => ceiling.mul_f64(fraction),
            Jitter::Equal => ceiling / 2 + (ceiling / 2).mul_f64(fraction),
            Jitter::Decorrelated => {
                let base = self.base.min(self.cap);
                let upto = before.saturating_mul(3).clamp(base, self.cap);
                base + (upto - base).mul_f64(fraction)
            }
        }
    }
}

/// 1, 1, 2, 3, 5, .. and no more than fits.
fn fibonacci(place: u32) -> u32 {
    let (mut this, mut next) = (1_u32, 1_u32);
    // The 48th number does not fit any more.
    for _ in 0..place.min(48) {
        (this, next) = (next, this.saturating_add(next));
    }
    this
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn backoff() -> impl Strategy<Value = Backoff> {
        let growth = prop_oneof![
            Just(Growth::Constant),
            Just(Growth::Exponential),
            Just(Growth::Fibonacci),
            Just(Growth::Custom(|failures| Duration::from_millis(u64::from(failures) * 10))),
        ];
        let jitter =
            prop_oneof![Just(Jitter::None), Just(Jitter::Full), Just(Jitter::Equal), Just(Jitter::Decorrelated)];
        (0_u64..10_000, 0_u64..100_000, growth, jitter).prop_map(|(base, cap, growth, jitter)| {
            Backoff::new(Duration::from_millis(base), Duration::from_millis(cap)).growing(growth).spread(jitter)
        })
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_cap_and_ceilings_never_fall(
            backoff in backoff(), failures in 0_u32..200, before in 0_u64..1_000_000, fraction in 0.0..1.0,
        ) {
            prop_assert!(backoff.drawn(failures, Duration::from_millis(before), fraction) <= backoff.cap);
            prop_assert!(backoff.ceiling(failures) <= backoff.ceiling(failures + 1));
        }

        #[test]
        fn each_jitter_stays_between_its_ends(failures in 0_u32..40, before in 0_u64..100_000, fraction in 0.0..1.0) {
            let plain = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
            let ceiling = plain.ceiling(failures);
            let before = Duration::from_millis(before);
            let drawn = |jitter| plain.spread(jitter).drawn(failures, before, fraction);
            prop_assert_eq!(drawn(Jitter::None), ceiling);
            prop_assert!(drawn(Jitter::Full) <= ceiling);
            prop_assert!((ceiling / 2..=ceiling).contains(&drawn(Jitter::Equal)));
            prop_assert!(drawn(Jitter::Decorrelated) >= plain.base);
            prop_assert!(drawn(Jitter::Decorrelated) <= (before * 3).max(plain.base));
        }
    }

    #[test]
    fn each_growth_matches_its_formula() {
        let of = |growth| {
            let backoff = Backoff::new(SECOND, 60 * SECOND).growing(growth);
            [0, 1, 2, 3, 4, 5, 6].map(|failures| backoff.ceiling(failures).as_secs())
        };
        assert_eq!(of(Growth::Constant), [1; 7]);
        assert_eq!(of(Growth::Exponential), [1, 2, 4, 8, 16, 32, 60]);
        assert_eq!(of(Growth::Fibonacci), [1, 1, 2, 3, 5, 8, 13]);
        assert_eq!(of(Growth::Custom(|failures| (failures + 7) * SECOND)), [7, 8, 9, 10, 11, 12, 13]);
    }

    #[test]
    fn waits_are_spread_and_not_one_value() {
        let backoff = Backoff::new(SECOND, SECOND);
        let waits: Vec<Duration> = (0..100).map(|_| backoff.wait(0)).collect();
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(400)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(600)));
    }
}
