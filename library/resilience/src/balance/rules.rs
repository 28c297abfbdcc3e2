//! The rules of load balancing, as plain values.

use crate::invalid::InvalidRules;
use crate::setters::setters;
use std::sync::Arc;
use std::time::Duration;

/// Load balancing algorithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Chooser {
    /// One after the other, by weight.
    RoundRobin,
    /// Power of two choices: of two instances at random, the one with fewer calls in flight for its weight.
    LeastLoaded,
    /// Peak EWMA: of two instances at random, the one with the smaller recent latency times calls in flight.
    PeakEwma {
        /// Decay time of a latency without calls, to a third.
        decay: Duration,
    },
    /// Consistent hashing by key, with bounded loads.
    Hashed {
        /// Bound of an instance's load, as a multiple of its part of the calls in flight; 1 or more.
        bound: f64,
    },
}

/// Calls stay in their zone.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ZoneRules {
    /// The caller's own.
    pub own: Arc<str>,
    /// Multiple of the zone's share of healthy instances: this part of the calls stays in the zone; 1 or more.
    pub reserve: f64,
}

setters!(ZoneRules: own { reserve: f64 } turn {});

impl ZoneRules {
    /// Calls of this zone stay in it, up to 1.4 times its instances' part of them.
    pub fn of(own: impl Into<Arc<str>>) -> Self {
        Self { own: own.into(), reserve: 1.4 }
    }
}

/// Slow start: a new instance gets gradually more calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStart {
    /// Time until a new instance gets its full share.
    pub window: Duration,
    /// The share that it begins with, above 0 and at most 1.
    pub least: f64,
}

/// Subset of a large set, for one caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subset {
    /// Number of instances in the subset.
    pub size: usize,
    /// Seat of the caller; each seat has another subset.
    pub seat: u64,
}

/// Load balancing rules.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BalanceRules {
    /// Load balancing algorithm.
    pub chooser: Chooser,
    /// Zone-aware routing.
    pub zone: Option<ZoneRules>,
    /// Slow start of new instances.
    pub slow_start: Option<SlowStart>,
    /// Subset of the instances for this caller.
    pub subset: Option<Subset>,
    /// Panic threshold, 0 to 1: with a smaller share of healthy instances, ejections are ignored; 0 is never.
    pub panic_below: f64,
}

setters!(BalanceRules: own { chooser: Chooser, panic_below: f64 } turn { zone: ZoneRules, slow_start: SlowStart, subset: Subset });

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
    /// Checks the rules.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        match self.chooser {
            Chooser::Hashed { bound } if !(bound.is_finite() && bound >= 1.0) => {
                return Err(InvalidRules::HashBound(bound));
            }
            Chooser::PeakEwma { decay } if decay.is_zero() => {
                return Err(InvalidRules::EwmaDecay);
            }
            _ => {}
        }
        if let Some(ZoneRules { reserve, .. }) = self.zone
            && !(reserve.is_finite() && reserve >= 1.0)
        {
            return Err(InvalidRules::ZoneReserve(reserve));
        }
        if let Some(SlowStart { least, .. }) = self.slow_start
            && !(least > 0.0 && least <= 1.0)
        {
            return Err(InvalidRules::SlowStart(least));
        }
        if self.subset.is_some_and(|subset| subset.size == 0) {
            return Err(InvalidRules::EmptySubset);
        }
        if !(0.0..=1.0).contains(&self.panic_below) {
            return Err(InvalidRules::PanicBelow(self.panic_below));
        }
        Ok(())
    }
}
