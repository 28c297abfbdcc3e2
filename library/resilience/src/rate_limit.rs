//! The rate limit: a number of calls for each period, with a burst, each at its cost.
//!
//! The generic cell rate algorithm, GCRA (ITU-T I.371, annex A; "virtual scheduling"): one word holds the theoretical arrival time,
//! at which the bucket would be full again. Nothing runs in the background, and there is no window at whose edge twice as
//! many pass: in any span of time at most `burst + span * rate` pass.

mod gcra;
mod keyed;

use crate::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::nanos::{nanos, since};

pub use self::gcra::{Limited, Quota, RateRules};
use self::gcra::{Turn, quota, take};
pub use self::keyed::{KEY_WAYS, KeyedRateLimit, MAX_KEYS};

/// One limit. Rules are given with each call, so that they can change while it lives.
#[derive(Debug)]
pub struct RateLimit {
    birth: Instant,
    /// The theoretical arrival time, in nanoseconds since the birth.
    arrival: AtomicU64,
}

impl RateLimit {
    /// Creates a limit with its whole burst.
    pub fn new(now: Instant) -> Self {
        Self { birth: now, arrival: AtomicU64::new(0) }
    }

    /// Admits or refuses a call at this cost. A refusal costs nothing. A cost of 0 always passes.
    ///
    /// # Errors
    /// [`Limited`], with when to ask again.
    #[inline]
    pub fn try_pass(&self, rules: &RateRules, cost: u32, now: Instant) -> Result<(), Limited> {
        take(&self.arrival, rules, cost, since(self.birth, now), 0).map(drop)
    }

    /// Passes at its turn, at most the rules' patience from now and by `until`; a call that would have to wait for longer is refused at once.
    /// Cancel-safe: a dropped call gives its turn back, if none has queued up behind it.
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

    /// Returns the remaining quota.
    pub fn quota(&self, rules: &RateRules, now: Instant) -> Quota {
        quota(&self.arrival, rules, since(self.birth, now))
    }
}

/// Guard of a call that waits for its turn.
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
