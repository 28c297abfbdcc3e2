//! One shard: the lists of this minute and the last one, behind a lock that no event waits for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::heaviest::Heaviest;
use super::lists::Lists;
use super::merge::merge;
use super::sighting::Sighting;

/// The keys of one part of the hashes.
#[derive(Debug)]
pub(super) struct Shard<K> {
    periods: Mutex<Periods<K>>,
    /// Events skipped in this period.
    skipped: [AtomicU64; 3],
    /// Events skipped before.
    skipped_before: AtomicU64,
}

#[derive(Debug)]
struct Periods<K> {
    /// The number of the period of `current`.
    number: u64,
    current: Lists<K>,
    last: Lists<K>,
}

impl<K: Copy + Eq + std::hash::Hash> Shard<K> {
    pub(super) fn new() -> Self {
        let periods = Periods { number: 0, current: Lists::new(), last: Lists::new() };
        Self { periods: Mutex::new(periods), skipped: Default::default(), skipped_before: AtomicU64::new(0) }
    }

    pub(super) fn note(&self, key: K, mark: u32, sighting: &Sighting, period: u64) {
        let weights = [1, u64::from(sighting.failed), sighting.nanos()];
        let Ok(mut periods) = self.periods.try_lock() else {
            let counts = self.skipped.iter().zip(weights);
            counts.for_each(|(count, weight)| _ = count.fetch_add(weight, Ordering::Relaxed));
            return;
        };
        self.turn(&mut periods, period);
        let lists = &mut periods.current;
        for ((list, noted), weight) in lists.by.iter_mut().zip(&mut lists.noted).zip(weights) {
            *noted = noted.saturating_add(weight);
            list.note(key, mark, weight, sighting);
        }
    }

    pub(super) fn add_to(&self, heaviest: &mut Heaviest<K>, period: u64) {
        let mut periods = self.periods();
        self.turn(&mut periods, period);
        periods.current.skipped = self.skipped.each_ref().map(|count| count.load(Ordering::Relaxed));
        merge(heaviest, [&periods.current, &periods.last]);
    }

    pub(super) fn forget_old(&self, period: u64) -> usize {
        let mut counted = Heaviest { keys: Vec::new(), requests: 0, failures: 0, nanos: 0, skipped: 0 };
        self.add_to(&mut counted, period);
        counted.keys.len()
    }

    /// The events that were skipped since the start.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped_before.load(Ordering::Relaxed) + self.skipped[0].load(Ordering::Relaxed)
    }

    /// Begins a new period when the time has come. A clock that another thread read earlier turns nothing back.
    fn turn(&self, periods: &mut Periods<K>, period: u64) {
        if period <= periods.number {
            return;
        }
        let skipped = self.skipped.each_ref().map(|count| count.swap(0, Ordering::Relaxed));
        self.skipped_before.fetch_add(skipped[0], Ordering::Relaxed);
        periods.current.skipped = skipped;
        std::mem::swap(&mut periods.current, &mut periods.last);
        periods.current.clear();
        if period > periods.number + 1 {
            periods.last.clear();
        }
        periods.number = period;
    }

    fn periods(&self) -> MutexGuard<'_, Periods<K>> {
        // Counts are whole enough whatever happened to the thread that held the lock.
        self.periods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn while_locked(&self, act: impl FnOnce()) {
        let _held = self.periods();
        act();
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        let periods = self.periods();
        let lists = [&periods.current, &periods.last];
        lists.iter().flat_map(|lists| &lists.by).map(super::space_saving::SpaceSaving::capacity).sum()
    }
}
