//! The rules of load balancing, as plain values.

use std::sync::Arc;
use std::time::Duration;

/// How an instance is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Chooser {
    /// One after the other, by weight.
    RoundRobin,
    /// Of two at random, the one with fewer calls in flight for its weight.
    LeastLoaded,
    /// Of two at random, the one with the smaller recent latency times calls in flight.
    PeakEwma {
        /// After so long without a call a latency counts for a third.
        decay: Duration,
    },
    /// By key.
    Hashed {
        /// Nobody has more than this times its part of the calls in flight; 1 or more.
        bound: f64,
    },
}

/// Calls stay in their zone.
#[derive(Clone, Debug, PartialEq)]
pub struct ZoneRules {
    /// The caller's own.
    pub own: Arc<str>,
    /// Of calls, this times the share of its zone's instances that are well stay in the zone; 1 or more.
    pub reserve: f64,
}

/// Who is new gets gradually more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStart {
    /// How long it takes to get its whole part.
    pub window: Duration,
    /// The share that it begins with, above 0 and at most 1.
    pub least: f64,
}

/// A caller of a large set knows only a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subset {
    /// How many.
    pub size: usize,
    /// Who the caller is; each has another part.
    pub seat: u64,
}

/// Who gets a call.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceRules {
    /// How an instance is chosen.
    pub chooser: Chooser,
    /// Whether calls stay in their zone.
    pub zone: Option<ZoneRules>,
    /// Whether who is new gets gradually more.
    pub slow_start: Option<SlowStart>,
    /// Whether only a part of the instances is known.
    pub subset: Option<Subset>,
    /// When a smaller share of all is well than this, 0 to 1, ejections are not looked at; 0 is never.
    pub panic_below: f64,
}

impl Default for BalanceRules {
    /// Least loaded of two, no zones, all instances, 30 s of slow start from a tenth, panic below a half.
    fn default() -> Self {
        Self {
            chooser: Chooser::LeastLoaded,
            zone: None,
            slow_start: Some(SlowStart { window: Duration::from_secs(30), least: 0.1 }),
            subset: None,
            panic_below: 0.5,
        }
    }
}

impl BalanceRules {
    /// Looks for what makes no sense.
    ///
    /// # Errors
    /// The first, with what is possible.
    pub fn check(&self) -> Result<(), String> {
        match self.chooser {
            Chooser::Hashed { bound } if !(bound.is_finite() && bound >= 1.0) => {
                return Err(format!("a bound of {bound} times the mean load; below 1 nobody could take the last call"));
            }
            Chooser::PeakEwma { decay } if decay.is_zero() => {
                return Err("latencies that decay in 0 s are never known: 10 s is usual".to_owned());
            }
            _ => {}
        }
        if let Some(ZoneRules { reserve, .. }) = self.zone
            && !(reserve.is_finite() && reserve >= 1.0)
        {
            return Err(format!("a zone's reserve of {reserve}; it is 1 or more, 1.4 is usual"));
        }
        if let Some(SlowStart { least, .. }) = self.slow_start
            && !(least > 0.0 && least <= 1.0)
        {
            return Err(format!("a slow start from {least} of the part; it is above 0 and at most 1"));
        }
        if self.subset.is_some_and(|subset| subset.size == 0) {
            return Err("a subset of 0 instances can take no call".to_owned());
        }
        if !(0.0..=1.0).contains(&self.panic_below) {
            return Err(format!("panic below {}; it is a share, 0 to 1", self.panic_below));
        }
        Ok(())
    }
}
