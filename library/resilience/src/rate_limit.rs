//! The rate limit: so many calls in so long, with a burst, each at its cost.
//!
//! The generic cell rate algorithm, GCRA (ITU-T I.371, annex A; "virtual scheduling"): one word holds the theoretical arrival time,
//! at which the bucket would be full again. Nothing runs in the background, and there is no window at whose edge twice as
//! many pass: in any span of time at most `burst + span * rate` pass.

mod keyed;

use crate::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::nanos;

pub use self::keyed::{KEY_WAYS, KeyedRateLimit, MAX_KEYS};

/// The most calls in [`RateRules::per`] for each of its nanoseconds: the emission interval is a whole nanosecond at least.
const FINEST: u64 = 1;

/// How much passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateRules {
    /// So much in each [`Self::per`], at least 1.
    pub rate: u32,
    /// In how long, at least a nanosecond for each of [`Self::rate`].
    pub per: Duration,
    /// So much at once, after a pause; at least 1.
    pub burst: u32,
    /// The longest wait for [`RateLimit::pass`].
    pub patience: Duration,
}

impl Default for RateRules {
    /// A hundred a second, a hundred at once, and nobody waits.
    fn default() -> Self {
        Self { rate: 100, per: Duration::from_secs(1), burst: 100, patience: Duration::ZERO }
    }
}

impl RateRules {
    /// Looks for numbers that make no sense.
    ///
    /// # Errors
    /// The first, with what is possible.
    pub fn check(&self) -> Result<(), String> {
        if self.rate == 0 || self.burst == 0 {
            return Err("a rate limit whose rate or burst is 0 lets nothing through: at least 1 is needed".to_owned());
        }
        if self.per.as_nanos() < u128::from(self.rate) {
            let (rate, per) = (self.rate, self.per);
            return Err(format!("{rate} in {per:?} is finer than one a nanosecond: name a longer time"));
        }
        if self.per > Duration::from_secs(60 * 60 * 24 * 366) {
            return Err(format!("a rate over {:?}; a year is the longest", self.per));
        }
        Ok(())
    }

    /// Nanoseconds for one call. Rounded up: never more than the rate.
    fn interval(&self) -> u64 {
        nanos(self.per).div_ceil(u64::from(self.rate.max(1))).max(FINEST)
    }

    /// Nanoseconds of the whole burst, where one call has this many.
    fn tolerance(&self, interval: u64) -> u64 {
        interval.saturating_mul(u64::from(self.burst))
    }
}

/// The call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limited {
    /// Too much in too short a time.
    #[error("the rate limit is reached: again in {} ms", retry_after.as_millis())]
    Rate {
        /// When it would pass, from now on, if nobody else came.
        retry_after: Duration,
    },
    /// It costs more than the whole burst, so it never passes.
    #[error("a call at a cost of {cost} never passes a burst of {burst}: raise the burst or split the call")]
    Cost {
        /// What it costs.
        cost: u32,
        /// What passes at once.
        burst: u32,
    },
}

impl Limited {
    /// When it is worth asking again, from now on; none where it never is.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::Rate { retry_after } => Some(retry_after),
            Self::Cost { .. } => None,
        }
    }
}

/// What a `RateLimit` header field tells (draft-ietf-httpapi-ratelimit-headers: `q`, `w`, `r`, `t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What passes at once.
    pub limit: u32,
    /// In how long that grows back.
    pub window: Duration,
    /// What would pass now.
    pub remaining: u32,
    /// When all of it will be back, from now on.
    pub reset: Duration,
}

/// One limit. Rules are given with each call, so that they can change while it lives.
#[derive(Debug)]
pub struct RateLimit {
    birth: Instant,
    /// The theoretical arrival time, in nanoseconds since the birth.
    arrival: AtomicU64,
}

impl RateLimit {
    /// With its whole burst.
    pub fn new(now: Instant) -> Self {
        Self { birth: now, arrival: AtomicU64::new(0) }
    }

    /// Whether a call at this cost passes now. A refusal costs nothing. A cost of 0 always passes.
    ///
    /// # Errors
    /// [`Limited`], with when to ask again.
    pub fn try_pass(&self, rules: &RateRules, cost: u32, now: Instant) -> Result<(), Limited> {
        take(&self.arrival, rules, cost, since(self.birth, now), 0).map(drop)
    }

    /// Passes when it is its turn, at most the rules' patience from now and by `until`; who would have to wait for longer is refused
    /// at once. Cancel-safe: who is dropped gives its turn back, where nobody has queued up behind it.
    ///
    /// # Errors
    /// [`Limited`].
    pub async fn pass(
        &self,
        rules: &RateRules,
        cost: u32,
        until: Option<Instant>,
        now: Instant,
    ) -> Result<(), Limited> {
        let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
        let turn = take(&self.arrival, rules, cost, since(self.birth, now), nanos(rules.patience.min(left)))?;
        if turn.wait == 0 {
            return Ok(());
        }
        let mut waiting = Waiting { arrival: &self.arrival, turn, over: false };
        tokio::time::sleep_until(now + Duration::from_nanos(turn.wait)).await;
        waiting.over = true;
        Ok(())
    }

    /// What is left.
    pub fn quota(&self, rules: &RateRules, now: Instant) -> Quota {
        quota(&self.arrival, rules, since(self.birth, now))
    }
}

/// A turn that was taken.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// The arrival time that it left.
    arrival: u64,
    /// What it added.
    added: u64,
    /// Nanoseconds until it comes.
    wait: u64,
}

/// Takes a turn that comes within `patience`.
fn take(arrival: &AtomicU64, rules: &RateRules, cost: u32, now: u64, patience: u64) -> Result<Turn, Limited> {
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
            return Err(Limited::Rate { retry_after: Duration::from_nanos(wait) });
        }
        match arrival.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Ok(Turn { arrival: next, added, wait }),
            Err(other) => seen = other,
        }
    }
}

fn quota(arrival: &AtomicU64, rules: &RateRules, now: u64) -> Quota {
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

/// Nanoseconds from the birth until now; 584 years are the end.
fn since(birth: Instant, now: Instant) -> u64 {
    nanos(now.saturating_duration_since(birth))
}

/// Who waits for its turn.
struct Waiting<'a> {
    arrival: &'a AtomicU64,
    turn: Turn,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.over {
            // Only the last in the row: given to somebody behind those who have their turns already, it would let two pass at once.
            let Turn { arrival, added, .. } = self.turn;
            let _ = self.arrival.compare_exchange(arrival, arrival - added, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}
