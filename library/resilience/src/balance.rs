//! Which of several instances gets a call.
//!
//! | chooser | picks | source |
//! |---|---|---|
//! | round robin | one after the other, each as often as its weight says, smoothly mixed | nginx's smooth weighted round robin |
//! | least loaded | the one with fewer calls in flight, of two drawn by lot | Mitzenmacher, "The Power of Two Choices", 2001 |
//! | peak EWMA | the one with the smaller latency times calls in flight, of two drawn by lot | Finagle's `PeakEwma` |
//! | hashed | the same one for the same key, unless it has more than its part of the load | Thaler and Ravishankar, rendezvous hashing, 1998; Mirrokni, Thorup and Zadimoghaddam, bounded loads, 2016 |
//!
//! In front of each: calls stay in their own zone as long as that is well enough, and spill over by the share that it is not
//! (Envoy's priority levels); new instances and those that were ejected get gradually more; and where too few are left to
//! carry the load, ejections are not looked at (panic).
//!
//! A pick allocates nothing and takes no lock. Least loaded and peak EWMA take constant time, hashing looks at each instance.

mod choose;
mod ewma;
mod set;

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::choose::View;
pub use self::set::MAX_INSTANCES;
pub(crate) use self::set::{Set, State};

/// The greatest weight of an instance.
pub const MAX_WEIGHT: u32 = 1000;

/// Something that can be called: where it is, how much it can take, and in which zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance<T> {
    /// Its name or address; who has the same one is the same instance.
    pub address: T,
    /// Its part of the calls beside the others', 1 to [`MAX_WEIGHT`].
    pub weight: u32,
    /// Where it stands.
    pub zone: Option<Arc<str>>,
}

impl<T> Instance<T> {
    /// Of weight 1, in no zone.
    pub const fn new(address: T) -> Self {
        Self { address, weight: 1, zone: None }
    }

    /// With another weight.
    #[must_use]
    pub fn weighing(self, weight: u32) -> Self {
        Self { weight, ..self }
    }

    /// In this zone.
    #[must_use]
    pub fn within(self, zone: impl Into<Arc<str>>) -> Self {
        Self { zone: Some(zone.into()), ..self }
    }
}

/// How an instance is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Chooser {
    /// One after the other, by weight.
    RoundRobin,
    /// Of two by lot, the one with fewer calls in flight for its weight.
    LeastLoaded,
    /// Of two by lot, the one with the smaller recent latency times calls in flight.
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

/// The same in every process for the same bytes: FNV-1a, mixed.
#[derive(Debug)]
struct Steady(u64);

pub(crate) fn hash_of<K: Hash + ?Sized>(key: &K) -> u64 {
    let mut hasher = Steady(0xcbf2_9ce4_8422_2325);
    key.hash(&mut hasher);
    hasher.finish()
}

/// Spreads what is close together; the finish of SplitMix64.
pub(crate) fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

impl Hasher for Steady {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        mixed(self.0)
    }
}

/// Uniform in 0..1, from a hash or from lots.
pub(crate) fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
