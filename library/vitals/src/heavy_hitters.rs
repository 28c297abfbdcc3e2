//! Heavy hitters: the keys with the most requests, failures and time, such as clients, in a fixed amount of memory.
//!
//! Each of [`SHARDS`] shards keeps [space-saving lists](https://doi.org/10.1007/978-3-540-30570-5_27) of 32 slots for each of the three weights, for this
//! minute and the last one. A key with more than a 32nd of the weight of its shard is always listed, also beside any number of others: new keys take the
//! slots of the smallest ones, so that the lists cannot be filled up. Every number has a lower and an upper bound.
//!
//! A shard that another thread uses is not waited for: the event is skipped, and the upper bounds of the shard's keys are raised by it.

mod heaviest;
mod lists;
mod merge;
mod shard;
mod sighting;
mod space_saving;

use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::time::Instant;

pub use self::heaviest::{Bounds, Heaviest, HeavyHitter};
use self::shard::Shard;
pub use self::sighting::{Seen, Sighting};

/// Parts by the hash of the key, each with a lock of its own.
pub const SHARDS: usize = 8;
/// The time after which a new list begins; the last one is kept beside it.
pub const PERIOD: Duration = Duration::from_secs(60);

/// Names the heaviest keys of the last one to two minutes.
///
/// ```
/// use evenkeel_vitals::heavy_hitters::{HeavyHitters, Sighting};
///
/// let clients = HeavyHitters::new();
/// for request in 0..1000_u32 {
///     // One client sends every other request.
///     let client = if request % 2 == 0 { 7 } else { 1000 + request };
///     clients.note(client, &Sighting { failed: false, ..Sighting::default() }, tokio::time::Instant::now());
/// }
/// let all = clients.list(tokio::time::Instant::now());
/// assert_eq!(all.keys[0].key, 7);
/// assert!(all.keys[0].requests.at_least <= 500 && 500 <= all.keys[0].requests.at_most);
/// ```
#[derive(Debug)]
pub struct HeavyHitters<K> {
    hasher: RandomState,
    started: Instant,
    shards: Box<[Shard<K>]>,
}

impl<K: Copy + Eq + Hash> HeavyHitters<K> {
    /// Creates the lists, with all memory that they ever take: 1,536 slots of about 100 bytes and the size of a key.
    pub fn new() -> Self {
        Self {
            hasher: RandomState::default(),
            started: Instant::now(),
            shards: (0..SHARDS).map(|_| Shard::new()).collect(),
        }
    }

    /// Notes an event of a key at `now`. Never waits: where another thread uses the shard, the event is counted as skipped.
    pub fn note(&self, key: K, sighting: &Sighting, now: Instant) {
        let hash = self.hasher.hash_one(key);
        // The shard and the mark are made of different bits.
        let shard = &self.shards[(hash >> 32) as usize % SHARDS];
        shard.note(key, hash as u32, sighting, self.period_of(now));
    }

    /// Returns the keys with the most requests, failures or time of this minute and the last one. Older ones are forgotten.
    pub fn list(&self, now: Instant) -> Heaviest<K> {
        let mut heaviest = Heaviest { keys: Vec::new(), requests: 0, failures: 0, nanos: 0, skipped: 0 };
        self.shards.iter().for_each(|shard| shard.add_to(&mut heaviest, self.period_of(now)));
        heaviest.keys.sort_by_key(|hitter| std::cmp::Reverse((hitter.requests.at_least, hitter.nanos.at_least)));
        heaviest
    }

    /// Forgets what is older than the last minute, and returns the number of listed keys.
    pub fn forget_old(&self, now: Instant) -> usize {
        self.shards.iter().map(|shard| shard.forget_old(self.period_of(now))).sum()
    }

    /// The events that were skipped since the start.
    pub fn skipped(&self) -> u64 {
        self.shards.iter().map(Shard::skipped).sum()
    }

    fn period_of(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.started).as_secs() / PERIOD.as_secs()
    }
}

impl<K: Copy + Eq + Hash> Default for HeavyHitters<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
