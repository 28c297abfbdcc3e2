//! Space-saving: the largest keys by weight, in a fixed number of slots (Metwally, Agrawal, El Abbadi 2005).
//!
//! A key without a slot takes that of the smallest one and inherits its count as its error, so that the list cannot be filled up.

use super::sighting::{Seen, Sighting};

/// The keys of one list.
pub(super) const SLOTS: usize = 32;

/// The largest keys by one weight.
#[derive(Debug)]
pub(super) struct SpaceSaving<K> {
    /// Bits of the hash of each key: they are compared before the keys.
    marks: [u32; SLOTS],
    /// The most that each key can have.
    counts: [u64; SLOTS],
    /// At most [`SLOTS`], for which there is room from the start.
    entries: Vec<Entry<K>>,
}

#[derive(Debug)]
struct Entry<K> {
    key: K,
    /// The count that it inherited.
    error: u64,
    /// Everything since it got its slot.
    seen: Seen,
}

/// One key of a list.
#[derive(Debug)]
pub(super) struct Listed<'l, K> {
    pub(super) key: &'l K,
    pub(super) at_most: u64,
    pub(super) seen: &'l Seen,
}

impl<K: Copy + Eq> SpaceSaving<K> {
    pub(super) fn new() -> Self {
        Self { marks: [0; SLOTS], counts: [0; SLOTS], entries: Vec::with_capacity(SLOTS) }
    }

    /// Adds `weight` to a key. Without a weight nothing is noted.
    pub(super) fn note(&mut self, key: K, mark: u32, weight: u64, sighting: &Sighting) {
        if weight == 0 {
            return;
        }
        if let Some(index) = self.find(key, mark) {
            self.counts[index] = self.counts[index].saturating_add(weight);
            self.entries[index].seen.add(sighting);
            return;
        }
        let mut entry = Entry { key, error: 0, seen: Seen::default() };
        entry.seen.add(sighting);
        let index = if self.entries.len() < SLOTS {
            self.entries.push(entry);
            self.entries.len() - 1
        } else {
            let index = self.smallest();
            entry.error = self.counts[index];
            self.entries[index] = entry;
            index
        };
        self.marks[index] = mark;
        self.counts[index] = self.entries[index].error.saturating_add(weight);
    }

    fn find(&self, key: K, mark: u32) -> Option<usize> {
        // Without an early end the comparisons are made several at a time.
        let mut same = 0_u32;
        for (index, known) in self.marks.iter().enumerate() {
            same |= u32::from(*known == mark) << index;
        }
        while same != 0 {
            let index = same.trailing_zeros() as usize;
            if self.entries.get(index).is_some_and(|entry| entry.key == key) {
                return Some(index);
            }
            same &= same - 1;
        }
        None
    }

    fn smallest(&self) -> usize {
        let (mut index, mut least) = (0, self.counts[0]);
        for (other, count) in self.counts.iter().enumerate() {
            if *count < least {
                (index, least) = (other, *count);
            }
        }
        index
    }

    /// The most that a key without a slot can have.
    pub(super) fn floor(&self) -> u64 {
        if self.entries.len() < SLOTS { 0 } else { self.counts[self.smallest()] }
    }

    pub(super) fn listed(&self) -> impl Iterator<Item = Listed<'_, K>> {
        let pairs = self.entries.iter().zip(self.counts);
        pairs.map(|(entry, at_most)| Listed { key: &entry.key, at_most, seen: &entry.seen })
    }

    /// Forgets all keys, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        (self.marks, self.counts) = ([0; SLOTS], [0; SLOTS]);
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.entries.capacity()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Notes with marks of which many are equal.
    fn noted(events: &[(u16, u64)]) -> SpaceSaving<u16> {
        let mut list = SpaceSaving::new();
        for (key, weight) in events {
            list.note(*key, u32::from(key % 7), *weight, &Sighting::default());
        }
        list
    }

    #[test]
    fn a_new_key_takes_the_slot_of_the_smallest_and_its_count_as_error() {
        let mut events: Vec<(u16, u64)> = (0..SLOTS as u16).map(|key| (key, 10 + u64::from(key))).collect();
        events.push((99, 5));
        let list = noted(&events);
        let new = list.listed().find(|listed| *listed.key == 99).unwrap();
        assert_eq!((new.at_most, new.seen.requests), (15, 1));
        assert!(!list.listed().any(|listed| *listed.key == 0), "it was the smallest");
        assert_eq!(list.floor(), 11);
    }

    #[test]
    fn a_cleared_list_lists_nothing_and_has_no_floor() {
        let mut list = noted(&(0..100).map(|key| (key, 3)).collect::<Vec<_>>());
        assert!(list.floor() > 0);
        list.clear();
        assert_eq!((list.listed().count(), list.floor(), list.capacity()), (0, 0, SLOTS));
    }

    proptest! {
        #[test]
        fn every_large_key_is_listed_and_the_bounds_hold(
            events in prop::collection::vec((0..120_u16, 0..50_u64), 0..2_000),
        ) {
            let mut exact: HashMap<u16, u64> = HashMap::new();
            events.iter().for_each(|(key, weight)| *exact.entry(*key).or_default() += weight);
            let (all, list) = (events.iter().map(|(_, weight)| weight).sum::<u64>(), noted(&events));
            let listed: HashMap<u16, u64> = list.listed().map(|listed| (*listed.key, listed.at_most)).collect();
            for entry in &list.entries {
                let (truth, at_most) = (exact[&entry.key], listed[&entry.key]);
                prop_assert!(at_most - entry.error <= truth && truth <= at_most, "{entry:?}, {truth}");
            }
            for (key, truth) in exact {
                prop_assert!(listed.contains_key(&key) || truth <= list.floor(), "{key} has {truth}");
                prop_assert!(listed.contains_key(&key) || truth <= all / SLOTS as u64, "{key} has {truth} of {all}");
            }
        }
    }
}
