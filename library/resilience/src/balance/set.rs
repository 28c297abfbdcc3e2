//! Set of instances: built once, read by all, replaced whole. The state of remaining instances is kept.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::ewma::Ewma;
use super::hash::{hash_of, mixed};
use super::instance::{Instance, MAX_WEIGHT};
use super::rules::BalanceRules;
use crate::invalid::InvalidRules;
use crate::outlier::Health;

/// The most instances of a set.
pub const MAX_INSTANCES: usize = 4096;
/// The longest turn of the smooth weighted order; weights are scaled down to it.
const MAX_ORDER: u64 = 8192;

/// State of an instance, in any set.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) in_flight: AtomicU32,
    pub(crate) picked: AtomicU64,
    pub(crate) ewma: Ewma,
    pub(crate) health: Health,
    /// Time of joining, in nanoseconds; 0 for members of the first set.
    since: u64,
}

impl State {
    /// Returns the start of its slow start.
    pub(crate) fn fresh_since(&self) -> u64 {
        self.since.max(self.health.back())
    }

    pub(crate) fn load(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
pub(crate) struct Member<T> {
    pub(crate) instance: Instance<T>,
    pub(crate) hash: u64,
    pub(crate) state: Arc<State>,
}

/// Instances of a dependency, those of the caller's own zone first.
#[derive(Debug)]
pub(crate) struct Set<T> {
    pub(crate) members: Vec<Member<T>>,
    /// Number of instances in the caller's own zone; all of them without zone-aware routing.
    pub(crate) local: usize,
    /// The sum of the weights up to and with each.
    pub(crate) sums: Vec<u64>,
    /// Rotation of the indices by weight, smoothly mixed.
    pub(crate) order: Vec<u32>,
}

impl<T: Clone + Eq + Hash> Set<T> {
    /// Creates an empty set.
    pub(crate) fn empty() -> Self {
        Self { members: Vec::new(), local: 0, sums: Vec::new(), order: Vec::new() }
    }

    /// Creates a set of these instances; those in `before` keep their state. The first of several entries with the same address counts.
    ///
    /// # Errors
    /// Too many, or a weight that is none.
    pub(crate) fn after(
        before: &Self,
        instances: Vec<Instance<T>>,
        rules: &BalanceRules,
        now: u64,
    ) -> Result<Self, InvalidRules> {
        if instances.len() > MAX_INSTANCES {
            return Err(InvalidRules::Instances { instances: instances.len(), most: MAX_INSTANCES });
        }
        if let Some(weight) = instances.iter().map(|instance| instance.weight).find(|w| !(1..=MAX_WEIGHT).contains(w)) {
            return Err(InvalidRules::Weight { weight, most: MAX_WEIGHT });
        }
        let known: HashMap<&T, &Arc<State>> =
            before.members.iter().map(|member| (&member.instance.address, &member.state)).collect();
        let mut named = std::collections::HashSet::new();
        // The first set of all begins at once: nobody is there to carry the load meanwhile.
        let since = if before.members.is_empty() { 0 } else { now };
        let mut members: Vec<Member<T>> = instances
            .into_iter()
            .filter(|instance| named.insert(instance.address.clone()))
            .map(|instance| {
                let state = known.get(&instance.address).map(|state| Arc::clone(state));
                let state = state.unwrap_or_else(|| Arc::new(State { since, ..State::default() }));
                Member { hash: hash_of(&instance.address), instance, state }
            })
            .collect();
        if let Some(subset) = rules.subset {
            let seat = mixed(subset.seat);
            members.sort_by_key(|member| Reverse(mixed(member.hash ^ seat)));
            members.truncate(subset.size);
        }
        let mut local = members.len();
        if let Some(zone) = &rules.zone {
            let own = |member: &Member<T>| member.instance.zone.as_ref() == Some(&zone.own);
            members.sort_by_key(|member| !own(member));
            local = members.iter().filter(|member| own(member)).count();
        }
        let weights: Vec<u64> = members.iter().map(|member| u64::from(member.instance.weight)).collect();
        let sums = weights.iter().scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Ok(Self { sums: sums.collect(), order: smooth(&weights), members, local })
    }
}

/// Computes a rotation in which each index appears as often as its weight: nginx's order, in which each step gives every index its weight, and
/// the richest pays for its turn with the sum of all.
fn smooth(weights: &[u64]) -> Vec<u32> {
    let common = weights.iter().copied().fold(0, gcd).max(1);
    let sum: u64 = weights.iter().sum::<u64>() / common;
    let scale = sum.div_ceil(MAX_ORDER).max(1) * common;
    let weights: Vec<i64> = weights.iter().map(|weight| (weight / scale).max(1).cast_signed()).collect();
    let first = weights.first().copied();
    if weights.iter().all(|weight| Some(*weight) == first) {
        return (0..weights.len() as u32).collect();
    }
    let sum: i64 = weights.iter().sum();
    let mut purses = vec![0; weights.len()];
    let mut order = Vec::with_capacity(usize::try_from(sum).unwrap_or(0));
    for _ in 0..sum {
        purses.iter_mut().zip(&weights).for_each(|(purse, weight)| *purse += weight);
        // Of equals the first.
        let richest = (0..purses.len()).rev().max_by_key(|index| purses[*index]).unwrap_or(0);
        purses[richest] -= sum;
        order.push(richest as u32);
    }
    order
}

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { gcd(other, one % other) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_five_one_one_are_mixed_as_in_nginx() {
        assert_eq!(smooth(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(smooth(&[10, 10]), [0, 1]);
        assert_eq!(smooth(&[]), [] as [u32; 0]);
    }

    proptest! {
        #[test]
        fn in_a_whole_rotation_each_instance_appears_as_often_as_its_weight(weights in prop::collection::vec(1_u64..50, 1..20)) {
            let order = smooth(&weights);
            let common = weights.iter().copied().fold(0, gcd);
            for (index, weight) in weights.iter().enumerate() {
                let times = order.iter().filter(|chosen| **chosen as usize == index).count();
                prop_assert_eq!(times as u64, weight / common);
            }
        }

        #[test]
        fn the_rotation_is_bounded_for_all_weights(weights in prop::collection::vec(1_u64..=1000, 1..200)) {
            prop_assert!(smooth(&weights).len() as u64 <= MAX_ORDER + weights.len() as u64);
        }
    }
}
