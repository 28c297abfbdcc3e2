//! Keyed rate limit: one limit for each key, in a fixed amount of memory.
//!
//! Keys live in sets of [`KEY_WAYS`] slots, found by a seeded hash. A new key takes the slot of the key of its set that owes least, which is
//! mostly one whose bucket is full again, so that no state is lost. In a flood of keys the one at its limit owes most and is evicted last; no
//! key is refused for the calls of others. Evictions of keys that still owed are counted.

use crate::sync::atomic::{AtomicU64, Ordering};
use std::hash::{BuildHasher, Hash, Hasher};

use tokio::time::Instant;

use super::gcra::{Limited, Quota, RateRules, quota, take};
use crate::nanos::since;

/// Slots that a key can be in.
pub const KEY_WAYS: usize = 8;
/// The most keys: 16 bytes each.
pub const MAX_KEYS: usize = 1 << 24;

/// A limit for each key.
///
/// Two threads that ask while a slot changes its key can charge one call to the wrong one of the two keys.
#[derive(Debug)]
pub struct KeyedRateLimit {
    birth: Instant,
    seed: u64,
    sets: Box<[Set]>,
    forgotten: AtomicU64,
}

type Set = [Slot; KEY_WAYS];

#[derive(Debug, Default)]
struct Slot {
    /// Hash of the key; 0 is a free slot.
    key: AtomicU64,
    arrival: AtomicU64,
}

impl KeyedRateLimit {
    /// Creates room for this many keys, rounded up to a power of two, 8 at least and [`MAX_KEYS`] at most.
    pub fn new(keys: usize, now: Instant) -> Self {
        let sets = keys.clamp(KEY_WAYS, MAX_KEYS).next_power_of_two() / KEY_WAYS;
        Self {
            birth: now,
            seed: vitals::entropy(),
            sets: (0..sets).map(|_| Set::default()).collect(),
            forgotten: AtomicU64::new(0),
        }
    }

    /// Admits or refuses a call of this key at this cost. Allocates nothing and takes no lock.
    ///
    /// # Errors
    /// [`Limited`], with when to ask again.
    pub fn try_pass<K: Hash + ?Sized>(
        &self,
        key: &K,
        rules: &RateRules,
        cost: u32,
        now: Instant,
    ) -> Result<(), Limited> {
        let now = since(self.birth, now);
        take(&self.slot(self.hash(key), now).arrival, rules, cost, now, 0).map(drop)
    }

    /// Returns the remaining quota of a key. Reading it makes no room for the key.
    pub fn quota<K: Hash + ?Sized>(&self, key: &K, rules: &RateRules, now: Instant) -> Quota {
        let hash = self.hash(key);
        let known = self.set(hash).iter().find(|slot| slot.key.load(Ordering::Acquire) == hash);
        let nothing = AtomicU64::new(0);
        quota(known.map_or(&nothing, |slot| &slot.arrival), rules, since(self.birth, now))
    }

    /// Returns the number of keys that there is room for.
    pub fn capacity(&self) -> usize {
        self.sets.len() * KEY_WAYS
    }

    /// Returns the number of evictions of keys that were still limited: when it grows, more keys are active at a time than there is room for.
    pub fn forgotten(&self) -> u64 {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// The key's slot, which it may have to be given first.
    fn slot(&self, hash: u64, now: u64) -> &Slot {
        let set = self.set(hash);
        loop {
            let mut least = (&set[0], u64::MAX, 0);
            for slot in set {
                let key = slot.key.load(Ordering::Acquire);
                if key == hash {
                    return slot;
                }
                let owes = if key == 0 { 0 } else { slot.arrival.load(Ordering::Relaxed) };
                if owes < least.1 {
                    least = (slot, owes, key);
                }
            }
            let (slot, owes, key) = least;
            if slot.key.compare_exchange(key, hash, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                slot.arrival.store(0, Ordering::Relaxed);
                if owes > now {
                    self.forgotten.fetch_add(1, Ordering::Relaxed);
                }
                return slot;
            }
        }
    }

    fn set(&self, hash: u64) -> &Set {
        // The number of sets is a power of two.
        &self.sets[hash as usize & (self.sets.len() - 1)]
    }

    fn hash<K: Hash + ?Sized>(&self, key: &K) -> u64 {
        Seeded(self.seed).hash_one(key).max(1)
    }
}

/// SipHash with a secret seed, so that clients cannot choose keys that meet in one set.
struct Seeded(u64);

impl BuildHasher for Seeded {
    type Hasher = std::hash::DefaultHasher;

    fn build_hasher(&self) -> Self::Hasher {
        let mut hasher = std::hash::DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}
