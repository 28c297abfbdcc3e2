//! The heaviest keys, each with its bounds.

use std::time::Duration;

use super::sighting::Seen;

/// The bounds of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// It is at least this.
    pub at_least: u64,
    /// It is at most this.
    pub at_most: u64,
}

/// A key that is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeavyHitter<K> {
    /// The key.
    pub key: K,
    /// Its events.
    pub requests: Bounds,
    /// Those of them that failed.
    pub failures: Bounds,
    /// Nanoseconds that its events took.
    pub nanos: Bounds,
    /// The events from which ratios can be taken: all are of the same ones.
    pub seen: Seen,
}

/// The keys that are listed, and the sums of all keys.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heaviest<K> {
    /// The listed keys, by the number of their events, the largest first.
    pub keys: Vec<HeavyHitter<K>>,
    /// Events of all keys.
    pub requests: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Nanoseconds that they took.
    pub nanos: u64,
    /// Those of the events that were skipped.
    pub skipped: u64,
}

impl<K> Heaviest<K> {
    /// The median of the mean durations of the listed keys with at least `events` events; none when there is no such key.
    pub fn median_mean(&self, events: u64) -> Option<Duration> {
        let usual = self.keys.iter().filter(|hitter| hitter.seen.requests >= events);
        let mut means: Vec<Duration> = usual.filter_map(|hitter| hitter.seen.mean()).collect();
        means.sort_unstable();
        means.get(means.len() / 2).copied()
    }
}
