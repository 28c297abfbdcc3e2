//! Groups of callers: each has so many of a dependency's places and no more, so that one of them leaves the others theirs.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use vitals::{Column, Row, Source, Table, Value};

use super::Rules;
use crate::bulkhead::{Bulkhead, BulkheadRules};

/// The most groups that one policy has.
pub const MAX_GROUPS: usize = 16;

const POLICY_GROUP: Table = Table {
    name: "policy_group",
    help: "Groups of callers that have places of their own at a dependency.",
    columns: &[
        Column::label("name", "The dependency."),
        Column::label("group", "Who calls."),
        Column::gauge("calls_at_a_time", "Places of the dependency's that the rules gave the group last."),
        Column::gauge("calls_in_flight", "Tries of the group that hold one."),
        Column::gauge("calls_waiting", "Tries of the group that wait for one."),
        Column::counter("refused", "Tries of the group that found its places full for too long."),
    ],
};

/// A group of callers: background work, say, or the clients of one tariff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRules {
    /// Who calls.
    pub name: Arc<str>,
    /// Places and queue of the group. A call of the group takes one of these first, and then one of the policy's.
    pub bulkhead: BulkheadRules,
}

impl GroupRules {
    /// A group of this name, with so many calls at a time.
    pub fn new(name: impl Into<Arc<str>>, bulkhead: BulkheadRules) -> Self {
        Self { name: name.into(), bulkhead }
    }
}

impl Rules {
    /// The places of the group of this name.
    pub(super) fn group(&self, name: &str) -> Option<&BulkheadRules> {
        self.groups.iter().find(|group| *group.name == *name).map(|group| &group.bulkhead)
    }

    /// Looks for groups that make no sense.
    pub(super) fn check_groups(&self) -> Result<(), String> {
        if self.groups.len() > MAX_GROUPS {
            return Err(format!("{} groups of callers; at most {MAX_GROUPS} are possible", self.groups.len()));
        }
        for (index, GroupRules { name, bulkhead }) in self.groups.iter().enumerate() {
            bulkhead.check().map_err(|why| format!("the group {name:?}: {why}"))?;
            if name.trim().is_empty() || self.groups[..index].iter().any(|other| other.name == *name) {
                return Err(format!("the group {name:?}: each needs a name of its own"));
            }
            if let Some(all) = self.bulkhead.filter(|all| bulkhead.permits >= all.permits) {
                let (permits, all) = (bulkhead.permits, all.permits);
                return Err(format!("the group {name:?} may take {permits} of {all} places: leave some to the others"));
            }
        }
        Ok(())
    }
}

/// What is known of a group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Arc<str>,
    /// Of whom an error speaks: the policy, and the group.
    pub(super) label: Arc<str>,
    pub(super) bulkhead: Bulkhead,
    pub(super) refused: AtomicU64,
}

/// Those of a policy that have been asked for, at most as many as its rules name.
#[derive(Debug)]
pub(super) struct Groups {
    policy: Arc<str>,
    known: Mutex<Vec<Arc<Group>>>,
}

impl Groups {
    /// Those of this policy.
    pub(super) fn new(policy: Arc<str>) -> Self {
        Self { policy, known: Mutex::default() }
    }

    /// The group of this name, which the rules name.
    pub(super) fn of(&self, rules: &Rules, name: &str, now: Instant) -> Result<Arc<Group>, String> {
        let policy = &self.policy;
        let Some(given) = rules.groups.iter().find(|group| *group.name == *name) else {
            let names: Vec<&str> = rules.groups.iter().map(|group| &*group.name).collect();
            return Err(format!("{policy} has no group {name:?}; its rules name {names:?}"));
        };
        let mut known = self.known();
        if let Some(group) = known.iter().find(|group| *group.name == *name) {
            return Ok(Arc::clone(group));
        }
        let (name, label) = (Arc::clone(&given.name), format!("{policy}/{name}").into());
        let group = Arc::new(Group { name, label, bulkhead: Bulkhead::new(), refused: AtomicU64::new(0) });
        group.bulkhead.widen(&given.bulkhead, now);
        known.push(Arc::clone(&group));
        Ok(group)
    }

    /// To be called when the rules have changed: who waits gets the places that are new. Who is not named any more is forgotten, once
    /// nobody calls in its name: named again, it has those of its places taken that are.
    pub(super) fn follow(&self, rules: &Rules, now: Instant) {
        self.known().retain(|group| {
            let bulkhead = rules.group(&group.name);
            bulkhead.inspect(|bulkhead| group.bulkhead.widen(bulkhead, now)).is_some() || Arc::strong_count(group) > 1
        });
    }

    fn known(&self) -> MutexGuard<'_, Vec<Arc<Group>>> {
        // A list of groups is whole whatever happened to the thread that held the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Groups {
    fn table(&self) -> &'static Table {
        &POLICY_GROUP
    }

    fn rows(&self) -> Vec<Row> {
        let row = |group: &Arc<Group>| {
            let load = group.bulkhead.load();
            vec![
                Value::text(&*self.policy),
                Value::text(&*group.name),
                Value::Level(f64::from(group.bulkhead.permits())),
                Value::Level(f64::from(load.in_flight)),
                Value::Level(f64::from(load.waiting)),
                Value::Count(group.refused.load(Relaxed)),
            ]
        };
        self.known().iter().map(row).collect()
    }
}
