//! Adaptive throttling: a caller stops sending a share of its calls to a callee that refuses most of them.
//!
//! A call is refused here with probability `max(0, (requests - k * accepts) / (requests + 1))`, both counted over the last
//! two minutes: "Handling Overload", chapter 21 of "Site Reliability Engineering", O'Reilly 2016. Requests that are refused
//! here count as well, so that a callee which refuses everything sees ever less, down to the share that [`ThrottleRules::most`]
//! leaves to see it recover.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::invalid::InvalidRules;
use crate::outcome::Outcome;
use crate::setters::setters;

/// Number of slices of the window.
pub const SLICES: usize = 12;
/// The length of a slice: two minutes in all.
pub const SLICE: Duration = Duration::from_secs(10);

const COUNT_BITS: u32 = 24;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

/// Adaptive throttling rules: the share of calls sent to a callee that refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ThrottleRules {
    /// Requests for each one accepted: 2 lets the callee see about twice what it accepts. At least 1.
    pub k: f64,
    /// Fewest requests in the window for a refusal.
    pub minimum: u32,
    /// The largest share that is refused, 0 to 1.
    pub most: f64,
    /// Counts failures as refusals too, and not only overload.
    pub failures: bool,
}

setters!(ThrottleRules: set { k: f64, minimum: u32, most: f64, failures: bool } turn {});

impl Default for ThrottleRules {
    /// Returns a factor of two, from ten requests on, with at most 95 % refused, on overload alone.
    fn default() -> Self {
        Self { k: 2.0, minimum: 10, most: 0.95, failures: false }
    }
}

impl ThrottleRules {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if !(1.0..=1000.0).contains(&self.k) {
            return Err(InvalidRules::ThrottleK(self.k));
        }
        if !(0.0..=1.0).contains(&self.most) {
            return Err(InvalidRules::ThrottleMost(self.most));
        }
        Ok(())
    }
}

/// Refused here, so that the callee need not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the callee refuses most calls, so the throttle refused this one")]
pub struct Throttled;

/// Counts of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Calls that were wanted, those refused here included.
    pub requests: u64,
    /// Calls that the callee took on.
    pub accepts: u64,
}

impl Asked {
    /// The share that is refused.
    pub fn refusal(&self, rules: &ThrottleRules) -> f64 {
        if self.requests < u64::from(rules.minimum) {
            return 0.0;
        }
        let (requests, accepts) = (self.requests as f64, self.accepts as f64);
        ((requests - rules.k * accepts) / (requests + 1.0)).clamp(0.0, rules.most)
    }
}

/// Adaptive throttle: counts requested and accepted calls. Rules are given with each call, so that they can change while it lives.
#[derive(Debug)]
pub struct Throttle {
    birth: Instant,
    /// `number of the slice: 16 | requests: 24 | accepts: 24`.
    slices: [AtomicU64; SLICES],
}

impl Throttle {
    /// Creates a throttle without counts.
    pub fn new(now: Instant) -> Self {
        Self { birth: now, slices: Default::default() }
    }

    /// Admits or refuses a call. Takes no lock, and draws a random number only while the callee refuses.
    ///
    /// # Errors
    /// [`Throttled`].
    pub fn admit(&self, rules: &ThrottleRules, now: Instant) -> Result<(), Throttled> {
        let refusal = self.asked(now).refusal(rules);
        self.count(now, 1, 0);
        if refusal > 0.0 && vitals::random_fraction() < refusal { Err(Throttled) } else { Ok(()) }
    }

    /// Reports the end of an admitted call. A call that was cancelled or does not count is taken as accepted.
    pub fn settle(&self, rules: &ThrottleRules, outcome: Outcome, now: Instant) {
        let refused = match outcome {
            Outcome::Overload { .. } => true,
            Outcome::Failure => rules.failures,
            Outcome::Success | Outcome::Cancelled | Outcome::NotCounted => false,
        };
        if !refused {
            self.count(now, 0, 1);
        }
    }

    /// Returns the counts of the window.
    pub fn asked(&self, now: Instant) -> Asked {
        let number = self.number(now);
        self.slices.iter().map(|slice| Slice::unpack(slice.load(Ordering::Relaxed))).fold(
            Asked::default(),
            |asked, slice| {
                // A thread may have begun the next slice already.
                let recent =
                    number.wrapping_sub(slice.number) < SLICES as u16 || slice.number == number.wrapping_add(1);
                let Slice { requests, accepts, .. } = if recent { slice } else { Slice::default() };
                Asked { requests: asked.requests + requests, accepts: asked.accepts + accepts }
            },
        )
    }

    fn count(&self, now: Instant, requests: u64, accepts: u64) {
        let number = self.number(now);
        let slice = &self.slices[usize::from(number) % SLICES];
        let _ = slice.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let old = Slice::unpack(word);
            let old = if old.number == number { old } else { Slice { number, ..Slice::default() } };
            let (requests, accepts) = (old.requests + requests, old.accepts + accepts);
            Some(Slice { number, requests: requests.min(COUNT_MAX), accepts: accepts.min(COUNT_MAX) }.pack())
        });
    }

    /// Numbers slices from 1, so that one that was never written is old; wraps, in whole rounds of the slices, after seven days.
    fn number(&self, now: Instant) -> u16 {
        const ROUND: u64 = u16::MAX as u64 / SLICES as u64 * SLICES as u64;
        let slice = now.saturating_duration_since(self.birth).as_secs() / SLICE.as_secs();
        (slice % ROUND) as u16 + 1
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Slice {
    number: u16,
    requests: u64,
    accepts: u64,
}

impl Slice {
    fn pack(self) -> u64 {
        u64::from(self.number) << (2 * COUNT_BITS) | self.requests << COUNT_BITS | self.accepts
    }

    fn unpack(word: u64) -> Self {
        Self {
            number: (word >> (2 * COUNT_BITS)) as u16,
            requests: word >> COUNT_BITS & COUNT_MAX,
            accepts: word & COUNT_MAX,
        }
    }
}
