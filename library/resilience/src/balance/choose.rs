//! The choosers: each picks the instance that gets a call.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ewma::UNKNOWN;
use super::hash::{fraction, mixed};
use super::rules::{BalanceRules, Chooser};
use super::set::{Member, Set};

/// Number of random draws for a healthy instance. When fewer than half are ejected (otherwise panic mode applies) this is nearly always enough;
/// after that, all healthy instances are counted.
const DRAWS: usize = 8;

/// A view of the set for one pick.
pub(crate) struct View<'a, T> {
    pub(crate) set: &'a Set<T>,
    pub(crate) rules: &'a BalanceRules,
    pub(crate) now: u64,
    /// True when any instance is ejected; otherwise no instance is checked.
    pub(crate) some_ejected: bool,
    /// Hash of the key.
    pub(crate) key: u64,
    pub(crate) turn: &'a AtomicU64,
}

impl<'a, T> View<'a, T> {
    /// Chooses the instance for a call. None when the set is empty, or when all are ejected and the rules have no panic mode. An instance to be
    /// spared is replaced by another healthy one at random, if there is one.
    pub(crate) fn choose_but(mut self, spared: impl Fn(&Member<T>) -> bool) -> Option<&'a Member<T>> {
        let all = self.set.members.len();
        if self.some_ejected && (self.well(0..all) as f64) < self.rules.panic_below * all as f64 {
            self.some_ejected = false;
        }
        let chosen = self.choose()?;
        if !spared(chosen) {
            return Some(chosen);
        }
        let others = || (0..all).filter(|index| self.is_well(*index) && !spared(&self.set.members[*index]));
        let random = vitals::entropy().checked_rem(others().count() as u64);
        let other = random.and_then(|random| others().nth(random as usize));
        Some(other.map_or(chosen, |index| &self.set.members[index]))
    }

    fn choose(&self) -> Option<&'a Member<T>> {
        let among = self.zone();
        let chosen = match self.rules.chooser {
            Chooser::RoundRobin => self.next_in_order(&among),
            Chooser::LeastLoaded => self.of_two(&among, |member| f64::from(member.state.load())),
            Chooser::PeakEwma { decay } => self.of_two(&among, |member| {
                let (latency, load) = (member.state.ewma.latency(decay, self.now), member.state.load());
                // Once it has a call in flight, the first answer decides.
                let latency = if latency == 0.0 && load > 0 { UNKNOWN } else { latency };
                f64::from(latency) * f64::from(load + 1)
            }),
            Chooser::Hashed { bound } => self.by_key(&among, bound),
        };
        chosen.map(|index| &self.set.members[index])
    }

    /// The caller's own zone, or the others.
    fn zone(&self) -> Range<usize> {
        let (local, all) = (self.set.local, self.set.members.len());
        let Some(zone) = self.rules.zone.as_ref().filter(|_| local > 0 && local < all) else { return 0..all };
        let well = self.well(0..local);
        let stays = zone.reserve * well as f64 / local as f64;
        // Where calls stay with a key, a key stays with a zone.
        let random = match self.rules.chooser {
            Chooser::Hashed { .. } => mixed(self.key.wrapping_add(1)),
            _ if stays >= 1.0 => 0,
            _ => vitals::entropy(),
        };
        if fraction(random) < stays {
            return 0..local;
        }
        if self.well(local..all) > 0 { local..all } else { 0..all }
    }

    fn is_well(&self, index: usize) -> bool {
        !self.some_ejected || !self.set.members[index].state.health.ejected(self.now)
    }

    fn well(&self, among: Range<usize>) -> usize {
        if self.some_ejected { among.filter(|index| self.is_well(*index)).count() } else { among.len() }
    }

    /// The share of its part that an instance gets, as long as it is fresh.
    fn share(&self, index: usize) -> f64 {
        let Some(slow) = self.rules.slow_start else { return 1.0 };
        let since = self.set.members[index].state.fresh_since();
        let window = slow.window.as_nanos() as f64;
        let passed = self.now.saturating_sub(since) as f64;
        if since == 0 || passed >= window { 1.0 } else { (passed / window).max(slow.least) }
    }

    /// Returns true when the instance takes this turn: it is healthy, and during slow start a random draw admits it.
    fn takes(&self, index: usize) -> bool {
        if !self.is_well(index) {
            return false;
        }
        let share = self.share(index);
        share >= 1.0 || fraction(vitals::entropy()) < share
    }

    fn next_in_order(&self, among: &Range<usize>) -> Option<usize> {
        let order = &self.set.order;
        // Who does not take its turn lets it pass, so that its neighbour does not get twice as much.
        for _ in 0..order.len() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let index = order[(turn % order.len() as u64) as usize] as usize;
            if among.contains(&index) && self.takes(index) {
                return Some(index);
            }
        }
        self.anybody(among, None)
    }

    fn of_two(&self, among: &Range<usize>, cost: impl Fn(&Member<T>) -> f64) -> Option<usize> {
        let one = self.draw(among, None)?;
        let Some(other) = self.draw(among, Some(one)) else { return Some(one) };
        let cost = |index: usize| {
            let member = &self.set.members[index];
            cost(member) / f64::from(member.instance.weight)
        };
        // Of equals the one that was drawn first, and draws follow the weights.
        Some(if cost(other) < cost(one) { other } else { one })
    }

    /// Draws another instance at random, by weight.
    fn draw(&self, among: &Range<usize>, but: Option<usize>) -> Option<usize> {
        let sums = &self.set.sums;
        let upto = |index: usize| index.checked_sub(1).map_or(0, |last| sums[last]);
        let (below, left_out) = (upto(among.start), but.map_or(0..0, |but| upto(but)..sums[but]));
        let weight = upto(among.end) - below - (left_out.end - left_out.start);
        for _ in 0..DRAWS {
            // The high half of the product is uniform in 0..weight.
            let mut random = ((u128::from(vitals::entropy()) * u128::from(weight)) >> 64) as u64 + below;
            if random >= left_out.start {
                random += left_out.end - left_out.start;
            }
            let index = sums.partition_point(|sum| *sum <= random);
            if among.contains(&index) && self.takes(index) {
                return Some(index);
            }
        }
        self.anybody(among, but)
    }

    /// Draws another healthy instance, fresh or not, with equal probability.
    fn anybody(&self, among: &Range<usize>, but: Option<usize>) -> Option<usize> {
        let well = || among.clone().filter(|index| Some(*index) != but && self.is_well(*index));
        let random = vitals::entropy().checked_rem(well().count() as u64)?;
        well().nth(random as usize)
    }

    /// Returns the highest score for the key of the instances that have room. With weights `w` and hashes `h` in 0..1 the score is `w / -ln h`:
    /// each is the highest for its part of the keys, and an instance that joins or leaves moves no other key.
    fn by_key(&self, among: &Range<usize>, bound: f64) -> Option<usize> {
        let weight = |index: usize| f64::from(self.set.members[index].instance.weight);
        let (mut load, mut weights) = (1.0, 0.0);
        for index in among.clone().filter(|index| self.is_well(*index)) {
            load += f64::from(self.set.members[index].state.load());
            weights += weight(index);
        }
        let score = |index: usize| {
            let hash = fraction(mixed(self.set.members[index].hash ^ self.key)).max(f64::MIN_POSITIVE);
            weight(index) * self.share(index) / -hash.ln()
        };
        let room = |index: usize| {
            let most = (bound * load * weight(index) / weights).ceil();
            f64::from(self.set.members[index].state.load()) < most
        };
        let well = among.clone().filter(|index| self.is_well(*index));
        let (mut best, mut highest) = (None, f64::NEG_INFINITY);
        for index in well.filter(|index| room(*index)) {
            let score = score(index);
            if score > highest {
                (best, highest) = (Some(index), score);
            }
        }
        // With a bound of 1 or more somebody has room, unless others took it meanwhile.
        best.or_else(|| self.anybody(among, None))
    }
}
