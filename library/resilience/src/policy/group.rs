//! Groups of callers: each has a limited share of a dependency's permits, so that no group takes those of the others.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use vitals::{Column, Source, Table, TableRow, TableValue};

use super::rules::Rules;
use crate::bulkhead::Bulkhead;

const POLICY_GROUP: Table = Table {
    name: "policy_group",
    help: "Groups of callers that have permits of their own at a dependency.",
    columns: &[
        Column::label("name", "The dependency."),
        Column::label("group", "Name of the calling group."),
        Column::gauge("calls_at_a_time", "Permits of the group."),
        Column::gauge("calls_in_flight", "Attempts of the group that hold one."),
        Column::gauge("calls_waiting", "Attempts of the group that wait for one."),
        Column::counter("refused", "Attempts of the group that found its permits full for too long."),
    ],
};

/// The rules of a policy name no such group of callers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{policy} has no group {name:?}; its rules name {names:?}")]
#[non_exhaustive]
pub struct NoSuchGroup {
    /// The policy.
    pub policy: Arc<str>,
    /// Requested name.
    pub name: String,
    /// Groups that the rules name.
    pub names: Vec<Arc<str>>,
}

/// State of a group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Arc<str>,
    /// Name that errors use: the policy, and the group.
    pub(super) label: Arc<str>,
    pub(super) bulkhead: Bulkhead,
    pub(super) refused: AtomicU64,
}

/// Groups of a policy that have been requested, at most as many as its rules name.
#[derive(Debug)]
pub(super) struct Groups {
    policy: Arc<str>,
    known: Mutex<Vec<Arc<Group>>>,
}

impl Groups {
    /// Creates the groups of this policy.
    pub(super) fn new(policy: Arc<str>) -> Self {
        Self { policy, known: Mutex::default() }
    }

    /// The group of this name, which the rules name.
    pub(super) fn of(&self, rules: &Rules, name: &str, now: Instant) -> Result<Arc<Group>, NoSuchGroup> {
        let policy = &self.policy;
        let Some(given) = rules.groups.iter().find(|group| *group.name == *name) else {
            let names = rules.groups.iter().map(|group| Arc::clone(&group.name)).collect();
            return Err(NoSuchGroup { policy: Arc::clone(policy), name: name.to_owned(), names });
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

    /// Follows a change of the rules: waiting calls get new permits. A group that is no longer named is forgotten after its last call; named
    /// again, it has those of its permits taken that are still in use.
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

    fn rows(&self) -> Vec<TableRow> {
        let row = |group: &Arc<Group>| {
            let load = group.bulkhead.load();
            vec![
                TableValue::text(&*self.policy),
                TableValue::text(&*group.name),
                TableValue::Level(f64::from(group.bulkhead.permits())),
                TableValue::Level(f64::from(load.in_flight)),
                TableValue::Level(f64::from(load.waiting)),
                TableValue::Count(group.refused.load(Relaxed)),
            ]
        };
        self.known().iter().map(row).collect()
    }
}
