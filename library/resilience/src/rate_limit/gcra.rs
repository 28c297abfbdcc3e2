//! GCRA, the algorithm of the rate limit: its rules, and the turn that a call takes.

use crate::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::invalid::InvalidRules;
use crate::nanos::nanos;
use crate::setters::setters;

/// The most calls in [`RateRules::per`] for each of its nanoseconds: the emission interval is a whole nanosecond at least.
const FINEST: u64 = 1;

/// Rate limit rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateRules {
    /// Calls in each [`Self::per`], at least 1.
    pub rate: u32,
    /// Period of the rate, at least a nanosecond for each of [`Self::rate`].
    pub per: Duration,
    /// Burst after a pause; at least 1.
    pub burst: u32,
    /// The longest wait for [`pass`](super::RateLimit::pass).
    pub patience: Duration,
}

setters!(RateRules: set { rate: u32, per: Duration, burst: u32, patience: Duration } turn {});

impl Default for RateRules {
    /// Returns a hundred per second, a burst of a hundred, and no waiting.
    fn default() -> Self {
        Self { rate: 100, per: Duration::from_secs(1), burst: 100, patience: Duration::ZERO }
    }
}

impl RateRules {
    /// Checks the numbers.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if self.rate == 0 || self.burst == 0 {
            return Err(InvalidRules::RateOfNothing);
        }
        if self.per.as_nanos() < u128::from(self.rate) {
            return Err(InvalidRules::RateTooFine { rate: self.rate, per: self.per });
        }
        if self.per > Duration::from_secs(60 * 60 * 24 * 366) {
            return Err(InvalidRules::RateTooLong(self.per));
        }
        Ok(())
    }

    /// Nanoseconds for one call. Rounded up: never more than the rate.
    #[inline]
    fn interval(&self) -> u64 {
        nanos(self.per).div_ceil(u64::from(self.rate.max(1))).max(FINEST)
    }

    /// Nanoseconds of the whole burst, where one call has this many.
    #[inline]
    fn tolerance(&self, interval: u64) -> u64 {
        interval.saturating_mul(u64::from(self.burst))
    }
}

/// The call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limited {
    /// Too much in too short a time.
    #[error("the rate limit is reached: again in {} ms", retry_after.as_millis())]
    Rate {
        /// Time until it would pass, from now on, without other calls.
        retry_after: Duration,
    },
    /// The cost exceeds the whole burst, so the call never passes.
    #[error("a call at a cost of {cost} never passes a burst of {burst}: raise the burst or split the call")]
    Cost {
        /// Cost of the call.
        cost: u32,
        /// Burst.
        burst: u32,
    },
}

impl Limited {
    /// Returns the time until a retry is worthwhile, from now on; none when it never is.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Rate { retry_after } => Some(retry_after),
            Self::Cost { .. } => None,
        }
    }
}

/// Contents of a `RateLimit` header field (draft-ietf-httpapi-ratelimit-headers: `q`, `w`, `r`, `t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Burst: the calls that pass at once.
    pub limit: u32,
    /// Time in which the burst grows back.
    pub window: Duration,
    /// Calls that would pass now.
    pub remaining: u32,
    /// Time until the whole burst is available again, from now on.
    pub reset: Duration,
}

/// A turn that was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// The arrival time that it left.
    pub(super) arrival: u64,
    /// Time added by this turn.
    pub(super) added: u64,
    /// Nanoseconds until it comes.
    pub(super) wait: u64,
}

/// Takes a turn that comes within `patience`.
///
/// Inlined, as most of it is decided at the call site: the cost is mostly 1, and calls without patience never wait.
#[inline]
pub(super) fn take(
    arrival: &AtomicU64,
    rules: &RateRules,
    cost: u32,
    now: u64,
    patience: u64,
) -> Result<Turn, Limited> {
    if cost > rules.burst {
        return Err(Limited::Cost { cost, burst: rules.burst });
    }
    let interval = rules.interval();
    let (added, tolerance) = (interval.saturating_mul(u64::from(cost)), rules.tolerance(interval));
    let mut seen = arrival.load(Ordering::Relaxed);
    loop {
        let next = seen.max(now).saturating_add(added);
        let wait = if cost == 0 { 0 } else { next.saturating_sub(now).saturating_sub(tolerance) };
        if wait > patience {
            return Err(limited(wait));
        }
        match arrival.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Ok(Turn { arrival: next, added, wait }),
            Err(other) => seen = other,
        }
    }
}

/// Out of the way of the calls that pass.
#[cold]
fn limited(wait: u64) -> Limited {
    Limited::Rate { retry_after: Duration::from_nanos(wait) }
}

pub(super) fn quota(arrival: &AtomicU64, rules: &RateRules, now: u64) -> Quota {
    let reset = arrival.load(Ordering::Relaxed).saturating_sub(now);
    let interval = rules.interval();
    let tolerance = rules.tolerance(interval);
    let free = tolerance.saturating_sub(reset) / interval;
    Quota {
        limit: rules.burst,
        window: Duration::from_nanos(tolerance),
        remaining: u32::try_from(free).unwrap_or(u32::MAX).min(rules.burst),
        reset: Duration::from_nanos(reset),
    }
}
