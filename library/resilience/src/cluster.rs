//! The instances of a dependency: load balancing and outlier ejection. Joins [`balance`](crate::balance) and [`outlier`](crate::outlier).
//!
//! ```
//! use evenkeel_resilience::balance::Instance;
//! use evenkeel_resilience::{Cluster, ClusterRules, Outcome};
//! use tokio::time::Instant;
//!
//! let now = Instant::now();
//! let cluster = Cluster::new("rail", ClusterRules::default(), now).expect("the defaults make sense");
//! cluster.replace(vec![Instance::new("10.0.0.1:80"), Instance::new("10.0.0.2:80")], now).expect("two are not too many");
//! let picked = cluster.pick(now, "customer 7").expect("both are well");
//! println!("calling {}", picked.address());
//! picked.done(Outcome::Success, now.elapsed());
//! ```
//!
//! The set of instances is replaced whole while calls are under way: remaining instances keep their state, and calls to removed ones end where
//! they began.

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use vitals::{Column, Live, Source, Table, TableRow, TableValue};

use crate::balance::{BalanceRules, Chooser, Instance, Set, State, View, hash_of};
use crate::invalid::InvalidRules;
use crate::nanos::{nanos, since};
use crate::outcome::Outcome;
use crate::outlier::{OutlierRules, Sign, outliers};
use crate::setters::setters;

/// Rules of a cluster: load balancing and outlier ejection.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterRules {
    /// Load balancing rules.
    pub balance: BalanceRules,
    /// Outlier ejection rules; none ejects no instance.
    pub outlier: Option<OutlierRules>,
}

setters!(ClusterRules: own { balance: BalanceRules } turn { outlier: OutlierRules });

impl Default for ClusterRules {
    /// The defaults of both.
    fn default() -> Self {
        Self { balance: BalanceRules::default(), outlier: Some(OutlierRules::default()) }
    }
}

impl ClusterRules {
    /// Checks the rules.
    ///
    /// # Errors
    /// The first invalid value, with the valid range.
    pub fn check(&self) -> Result<(), InvalidRules> {
        self.balance.check()?;
        self.outlier.as_ref().map_or(Ok(()), OutlierRules::check)
    }
}

/// The instances of a dependency. Cheap to clone; clones share everything.
#[derive(Debug)]
pub struct Cluster<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    name: Arc<str>,
    birth: Instant,
    rules: Live<ClusterRules>,
    set: Live<Set<T>>,
    turn: AtomicU64,
    /// End of the current interval.
    interval_ends: AtomicU64,
    /// End of the last ejection: from then on no instance needs to be checked.
    last_back: AtomicU64,
    slow: Mutex<Slow<T>>,
}

/// State of slow paths only.
#[derive(Debug)]
struct Slow<T> {
    /// Instances as given, before a subset was taken.
    given: Vec<Instance<T>>,
    /// Reason why the instances may be out of date.
    stale: Option<Arc<str>>,
}

/// An instance was ejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ejected<T> {
    /// Address of the ejected instance.
    pub address: T,
    /// Reason.
    pub sign: Sign,
    /// Length of the ejection.
    pub lasts: Duration,
}

/// State of an instance, for views.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<T> {
    /// Instance.
    pub instance: Instance<T>,
    /// Calls to it that are under way.
    pub in_flight: u32,
    /// Calls that it was picked for.
    pub picked: u64,
    /// Remaining time of its ejection, if it is ejected.
    pub ejected: Option<Duration>,
}

/// An instance that was picked for a call. Until [`Picked::done`] or its drop the call counts as in flight.
#[derive(Debug)]
#[must_use = "the call is over at once"]
pub struct Picked<T: Clone + Eq + Hash> {
    shared: Arc<Shared<T>>,
    state: Arc<State>,
    address: T,
    begun: u64,
}

impl<T> Clone for Cluster<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Clone + Eq + Hash> Cluster<T> {
    /// Without instances.
    ///
    /// # Errors
    /// Invalid rules.
    pub fn new(name: impl Into<Arc<str>>, rules: ClusterRules, now: Instant) -> Result<Self, InvalidRules> {
        rules.check()?;
        let interval = rules.outlier.map_or(u64::MAX, |outlier| nanos(outlier.interval));
        let shared = Shared {
            name: name.into(),
            birth: now,
            rules: Live::new(rules),
            set: Live::new(Set::empty()),
            turn: AtomicU64::new(0),
            interval_ends: AtomicU64::new(interval),
            last_back: AtomicU64::new(0),
            slow: Mutex::new(Slow { given: Vec::new(), stale: None }),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The dependency's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The rules now.
    pub fn rules(&self) -> Arc<ClusterRules> {
        self.shared.rules.get()
    }

    /// Replaces the rules. The state of the instances is kept.
    ///
    /// # Errors
    /// Invalid new rules; the old ones stay in force.
    pub fn change(&self, rules: ClusterRules, now: Instant) -> Result<(), InvalidRules> {
        rules.check()?;
        let slow = self.shared.slow();
        let now = self.shared.nanos(now);
        let set = Set::after(&self.shared.set.read(), slow.given.clone(), &rules.balance, now)?;
        let interval = rules.outlier.map_or(u64::MAX, |outlier| now.saturating_add(nanos(outlier.interval)));
        self.shared.interval_ends.store(interval, Ordering::Relaxed);
        self.shared.rules.replace(rules);
        self.shared.set.replace(set);
        Ok(())
    }

    /// Replaces the instances. Of those that stay everything is known as before, also where weight or zone changed; calls under
    /// way to those that leave are not touched. Of an address that is named twice the first counts.
    ///
    /// # Errors
    /// Too many, or a weight that is none; the old ones stay.
    pub fn replace(&self, instances: Vec<Instance<T>>, now: Instant) -> Result<(), InvalidRules> {
        let mut slow = self.shared.slow();
        let rules = self.shared.rules.read();
        let set = Set::after(&self.shared.set.read(), instances.clone(), &rules.balance, self.shared.nanos(now))?;
        self.shared.set.replace(set);
        slow.given = instances;
        slow.stale = None;
        Ok(())
    }

    /// The instances could not be found out anew: the last ones stay in force, and `why` is shown until there is an answer.
    pub fn keep(&self, why: impl Into<Arc<str>>) {
        self.shared.slow().stale = Some(why.into());
    }

    /// Returns the reason why the instances may be out of date; none when they are current.
    pub fn stale(&self) -> Option<Arc<str>> {
        self.shared.slow().stale.clone()
    }

    /// Picks an instance for a call; `key` counts when calls are hashed. None without instances, or when all are ejected and the rules have no
    /// panic mode.
    pub fn pick<K: Hash + ?Sized>(&self, now: Instant, key: &K) -> Option<Picked<T>> {
        self.pick_but(now, key, &[])
    }

    /// The same, for a further attempt of a call: another instance than those that were `tried`, where one of the others is well. After
    /// Envoy's predicate of previous hosts.
    pub fn pick_but<K: Hash + ?Sized>(&self, now: Instant, key: &K, tried: &[T]) -> Option<Picked<T>> {
        let shared = &self.shared;
        let (rules, set, now) = (shared.rules.read(), shared.set.read(), shared.nanos(now));
        let rules = &rules.balance;
        let key = if matches!(rules.chooser, Chooser::Hashed { .. }) { hash_of(key) } else { 0 };
        let some_ejected = now < shared.last_back.load(Ordering::Relaxed);
        let view = View { set: &set, rules, now, some_ejected, key, turn: &shared.turn };
        let member = view.choose_but(|member| tried.contains(&member.instance.address))?;
        member.state.in_flight.fetch_add(1, Ordering::Relaxed);
        member.state.picked.fetch_add(1, Ordering::Relaxed);
        Some(Picked {
            shared: Arc::clone(shared),
            state: Arc::clone(&member.state),
            address: member.instance.address.clone(),
            begun: now,
        })
    }

    /// The instances as they are now.
    pub fn seen(&self, now: Instant) -> Vec<Seen<T>> {
        let now = self.shared.nanos(now);
        let set = self.shared.set.read();
        let seen = set.members.iter().map(|member| {
            let health = &member.state.health;
            Seen {
                instance: member.instance.clone(),
                in_flight: member.state.load(),
                picked: member.state.picked.load(Ordering::Relaxed),
                ejected: health.ejected(now).then(|| Duration::from_nanos(health.back().saturating_sub(now))),
            }
        });
        seen.collect()
    }
}

impl<T: Clone + Eq + Hash> Picked<T> {
    /// Returns the address to call.
    pub fn address(&self) -> &T {
        &self.address
    }

    /// Reports the end of the call. Returns the instances ejected for it: the instance itself, or at the end of an interval also others.
    pub fn done(self, outcome: Outcome, took: Duration) -> Vec<Ejected<T>> {
        let shared = &self.shared;
        let rules = shared.rules.read();
        let now = self.begun.saturating_add(nanos(took));
        if let (Chooser::PeakEwma { decay }, true) = (rules.balance.chooser, outcome.counts()) {
            self.state.ewma.seen(decay, took, outcome.is_failure(), now);
        }
        let Some(outlier) = &rules.outlier else { return Vec::new() };
        // Neither allocates where nobody is ejected, the usual case.
        let mut ejected = Vec::new();
        if self.state.health.seen(outlier, outcome, took, self.begun) {
            ejected.extend(shared.eject(outlier, &self.state, Sign::FailuresInARow, now));
        }
        shared.end_interval(outlier, now, &mut ejected);
        ejected
    }
}

impl<T: Clone + Eq + Hash> Drop for Picked<T> {
    fn drop(&mut self) {
        self.state.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T> Shared<T> {
    fn nanos(&self, now: Instant) -> u64 {
        since(self.birth, now)
    }

    fn slow(&self) -> MutexGuard<'_, Slow<T>> {
        // Each change is one assignment: nothing is half done after a panic.
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone + Eq + Hash> Shared<T> {
    /// Ejects it, if it is still there and not too many are.
    fn eject(&self, rules: &OutlierRules, state: &Arc<State>, sign: Sign, now: u64) -> Option<Ejected<T>> {
        // One at a time, so that together they do not eject more than the rules allow.
        let _one = self.slow();
        let set = self.set.read();
        let member = set.members.iter().find(|member| Arc::ptr_eq(&member.state, state))?;
        let ejected = set.members.iter().filter(|member| member.state.health.ejected(now)).count();
        if state.health.ejected(now) || ejected >= rules.max_ejected(set.members.len()) {
            return None;
        }
        let until = state.health.eject(rules, now);
        self.last_back.fetch_max(until, Ordering::Relaxed);
        let lasts = Duration::from_nanos(until - now);
        Some(Ejected { address: member.instance.address.clone(), sign, lasts })
    }

    /// Compares the instances where an interval is over.
    fn end_interval(&self, rules: &OutlierRules, now: u64, ejected: &mut Vec<Ejected<T>>) {
        let end = self.interval_ends.load(Ordering::Relaxed);
        let next = now.saturating_add(nanos(rules.interval));
        // Of those who see that it is over one compares.
        if now < end || self.interval_ends.compare_exchange(end, next, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return;
        }
        let set = self.set.read();
        let intervals: Vec<_> = set.members.iter().map(|member| member.state.health.end_interval(now)).collect();
        for (index, sign) in outliers(rules, &intervals) {
            ejected.extend(self.eject(rules, &set.members[index].state, sign, now));
        }
    }
}

const INSTANCE: Table = Table {
    name: "instance",
    help: "An instance of a dependency.",
    columns: &[
        Column::label("dependency", "The dependency."),
        Column::label("address", "Its address."),
        Column::state("zone", "Its zone."),
        Column::gauge("weight", "Its weight."),
        Column::gauge("in_flight", "Calls to it that are under way."),
        Column::counter("picked", "Calls that it was picked for."),
        Column::gauge("ejected", "1 while it is ejected and gets no calls."),
        Column::state("stale", "Reason why the instances may be out of date."),
    ],
};

impl<T: Clone + Eq + Hash + std::fmt::Display + Send + Sync> Source for Cluster<T> {
    fn table(&self) -> &'static Table {
        &INSTANCE
    }

    fn rows(&self) -> Vec<TableRow> {
        let stale = self.stale().unwrap_or_default();
        let row = |seen: Seen<T>| {
            vec![
                TableValue::Text(Arc::clone(&self.shared.name)),
                TableValue::text(seen.instance.address.to_string()),
                TableValue::Text(seen.instance.zone.unwrap_or_default()),
                TableValue::from(f64::from(seen.instance.weight)),
                TableValue::from(f64::from(seen.in_flight)),
                TableValue::from(seen.picked),
                TableValue::from(seen.ejected.is_some()),
                TableValue::Text(Arc::clone(&stale)),
            ]
        };
        self.seen(Instant::now()).into_iter().map(row).collect()
    }
}
