//! The lists of a shard as one: each key with its bounds over both periods.

use std::collections::HashMap;
use std::hash::Hash;

use super::heaviest::{Bounds, Heaviest, HeavyHitter};
use super::lists::{Lists, Weights};
use super::sighting::Seen;

/// Adds the keys of a shard. `periods` are its lists, the newest first.
pub(super) fn merge<K: Copy + Eq + Hash>(heaviest: &mut Heaviest<K>, periods: [&Lists<K>; 2]) {
    let mut keys: HashMap<K, HeavyHitter<K>> = HashMap::new();
    for lists in periods.iter().flat_map(|lists| &lists.by) {
        for listed in lists.listed() {
            let key = *listed.key;
            keys.entry(key).or_insert_with(|| HeavyHitter {
                key,
                requests: Bounds::default(),
                failures: Bounds::default(),
                nanos: Bounds::default(),
                seen: Seen::default(),
            });
        }
    }
    for lists in periods {
        let period = of_period(lists);
        for hitter in keys.values_mut() {
            hitter.add(&period, lists);
        }
        heaviest.requests += lists.noted[0] + lists.skipped[0];
        heaviest.failures += lists.noted[1] + lists.skipped[1];
        heaviest.nanos = heaviest.nanos.saturating_add(lists.noted[2].saturating_add(lists.skipped[2]));
        heaviest.skipped += lists.skipped[0];
    }
    heaviest.keys.extend(keys.into_values());
}

/// A key in the lists of one period.
#[derive(Debug, Default)]
struct InPeriod {
    /// The most by each weight, where a list has it.
    at_most: [Option<u64>; 3],
    /// The sightings of each list.
    seen: [Seen; 3],
}

fn of_period<K: Copy + Eq + Hash>(lists: &Lists<K>) -> HashMap<K, InPeriod> {
    let mut keys: HashMap<K, InPeriod> = HashMap::new();
    for (weight, list) in lists.by.iter().enumerate() {
        for listed in list.listed() {
            let key = keys.entry(*listed.key).or_default();
            key.at_most[weight] = Some(listed.at_most);
            key.seen[weight] = *listed.seen;
        }
    }
    keys
}

impl<K: Copy + Eq + Hash> HeavyHitter<K> {
    fn add(&mut self, period: &HashMap<K, InPeriod>, lists: &Lists<K>) {
        let nothing = InPeriod::default();
        let own = period.get(&self.key).unwrap_or(&nothing);
        // Every list has seen a part of the same events.
        let at_least = |of: fn(&Seen) -> u64| own.seen.iter().map(of).max().unwrap_or_default();
        let at_least: Weights =
            [at_least(|seen| seen.requests), at_least(|seen| seen.failures), at_least(|seen| seen.nanos)];
        for (weight, bounds) in [&mut self.requests, &mut self.failures, &mut self.nanos].into_iter().enumerate() {
            let at_most = own.at_most[weight].unwrap_or_else(|| lists.by[weight].floor());
            bounds.at_least = bounds.at_least.saturating_add(at_least[weight]);
            bounds.at_most = bounds.at_most.saturating_add(at_most).saturating_add(lists.skipped[weight]);
        }
        // The list of failures has seen failures alone: a ratio of it would say nothing.
        let [requests, _, nanos] = own.seen;
        let most = if nanos.requests > requests.requests { nanos } else { requests };
        let seen = &mut self.seen;
        seen.requests += most.requests;
        seen.failures += most.failures;
        seen.nanos = seen.nanos.saturating_add(most.nanos);
        seen.longest = own.seen.iter().map(|seen| seen.longest).fold(seen.longest, std::cmp::Ord::max);
        // The newest period comes first.
        seen.trace = seen.trace.or(most.trace).or(own.seen[1].trace);
    }
}
