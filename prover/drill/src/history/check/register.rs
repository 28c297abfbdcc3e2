//! Linearizability of registers (Herlihy, Wing 1990): is there an order of the operations, each at an instant between its
//! invocation and its completion, in which every answer is right?
//!
//! The search is Wing and Gong's (1993) with the memory of configurations of Lowe ("Testing for linearizability", 2017).
//! Registers are independent, so each key is judged for itself (locality, Herlihy and Wing). A read that fits is taken at
//! once: it changes nothing, so no order is lost.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::verdict::{MAX_STEPS, Verdict};
use crate::history::operation::{Action, Answer, Operation, Outcome};

/// Judges every register of the history, each empty at first. Unknown when there is no answered operation, or when
/// [`MAX_STEPS`] do not suffice for a register and none is known to be wrong.
pub fn register(history: &[Operation]) -> Verdict {
    let mut keys: BTreeMap<&str, Vec<Entry<'_>>> = BTreeMap::new();
    for operation in history {
        if let Some((key, entry)) = Entry::of(operation) {
            keys.entry(key).or_default().push(entry);
        }
    }
    let (mut judged, mut unknown) = (0, None);
    for (key, mut entries) in keys {
        entries.sort_by_key(|entry| entry.operation.invoked);
        match is_linearizable(&entries, MAX_STEPS) {
            Some(true) => judged += entries.iter().filter(|entry| entry.is_certain()).count(),
            Some(false) => return told(key, entries),
            None => unknown = Some(format!("{MAX_STEPS} steps did not suffice to order the operations on {key}")),
        }
    }
    match unknown {
        Some(reason) => Verdict::Unknown(reason),
        None if judged == 0 => {
            Verdict::Unknown("no operation on a register was answered: record `read` and `write`".to_owned())
        }
        None => Verdict::Holds(judged),
    }
}

/// An operation on one register, as far as it can matter.
#[derive(Clone, Copy)]
struct Entry<'h> {
    operation: &'h Operation,
    step: Step,
    /// The last instant at which it may have taken effect; [`u64::MAX`] when its outcome is unknown, and then it may be never.
    latest: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Saw(Option<i64>),
    Write(i64),
    Swap(i64, i64),
    /// A swap that is known not to have happened as the register held something else.
    Differs(i64),
}

impl<'h> Entry<'h> {
    /// None for what says nothing: reads without an answer, writes that were refused.
    fn of(operation: &'h Operation) -> Option<(&'h str, Self)> {
        let entry = |step, latest| Self { operation, step, latest };
        let known = operation.completed.unwrap_or(u64::MAX);
        match (&operation.action, &operation.outcome) {
            (Action::Read { key }, Outcome::Ok { answer: Answer::Value(value) }) => {
                Some((key, entry(Step::Saw(*value), known)))
            }
            (Action::Write { key, value }, Outcome::Ok { .. } | Outcome::Info { .. }) => {
                Some((key, entry(Step::Write(*value), operation.latest())))
            }
            (Action::CompareAndSet { key, expected, value }, Outcome::Ok { .. } | Outcome::Info { .. }) => {
                Some((key, entry(Step::Swap(*expected, *value), operation.latest())))
            }
            (Action::CompareAndSet { key, expected, .. }, Outcome::Fail { .. }) => {
                Some((key, entry(Step::Differs(*expected), known)))
            }
            _ => None,
        }
    }

    fn is_certain(&self) -> bool {
        self.latest != u64::MAX
    }

    /// Returns the value of the register after it; none when it cannot happen now.
    fn apply(&self, held: Option<i64>) -> Option<Option<i64>> {
        match self.step {
            Step::Saw(value) => (held == value).then_some(held),
            Step::Write(value) => Some(Some(value)),
            Step::Swap(expected, value) => (held == Some(expected)).then_some(Some(value)),
            Step::Differs(expected) => (held != Some(expected)).then_some(held),
        }
    }

    fn changes_nothing(&self) -> bool {
        matches!(self.step, Step::Saw(_) | Step::Differs(_))
    }

    /// The value that it leaves, when it leaves one.
    fn leaves(&self) -> Option<i64> {
        match self.step {
            Step::Write(value) | Step::Swap(_, value) => Some(value),
            Step::Saw(_) | Step::Differs(_) => None,
        }
    }

    /// The value that it depends on.
    fn needs(&self) -> Option<i64> {
        match self.step {
            Step::Saw(value) => value,
            Step::Swap(expected, _) | Step::Differs(expected) => Some(expected),
            Step::Write(_) => None,
        }
    }
}

/// The progress of an order.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Configuration {
    held: Option<i64>,
    /// All certain operations before this one are in the order.
    front: usize,
    /// Certain operations from `front` on that are in the order.
    ahead: BTreeSet<usize>,
    /// Unknown operations that are in the order.
    happened: BTreeSet<usize>,
}

/// None when `steps` did not suffice. `entries` are sorted by invocation.
fn is_linearizable(entries: &[Entry<'_>], steps: usize) -> Option<bool> {
    let (certain, unknown): (Vec<&Entry<'_>>, Vec<&Entry<'_>>) = entries.iter().partition(|entry| entry.is_certain());
    let mut seen = HashSet::new();
    let mut open = vec![Configuration { held: None, front: 0, ahead: BTreeSet::new(), happened: BTreeSet::new() }];
    let mut taken = 0;
    while let Some(configuration) = open.pop() {
        if configuration.front == certain.len() {
            return Some(true);
        }
        taken += 1;
        if taken > steps {
            return None;
        }
        for next in configuration.successors(&certain, &unknown) {
            if seen.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    Some(false)
}

impl Configuration {
    /// Returns the states after each operation that may be next; those least likely to help come first, as the last is tried first.
    fn successors(&self, certain: &[&Entry<'_>], unknown: &[&Entry<'_>]) -> Vec<Self> {
        // What was invoked after another, which is not in the order yet, had completed cannot be next.
        let (mut limit, mut candidates) = (u64::MAX, Vec::new());
        for (index, entry) in certain.iter().enumerate().skip(self.front) {
            if entry.operation.invoked > limit {
                break;
            }
            if !self.ahead.contains(&index) {
                limit = limit.min(entry.latest);
                candidates.push(index);
            }
        }
        candidates.retain(|index| certain[*index].operation.invoked <= limit);
        let fits = |index: &&usize| certain[**index].changes_nothing() && certain[**index].apply(self.held).is_some();
        if let Some(read) = candidates.iter().find(fits) {
            return vec![self.with(*read, self.held, certain.len())];
        }
        let mut next = Vec::new();
        for (index, entry) in unknown.iter().enumerate() {
            if entry.operation.invoked <= limit
                && !self.happened.contains(&index)
                && let Some(held) = entry.apply(self.held)
            {
                let mut after = Self { held, ..self.clone() };
                after.happened.insert(index);
                next.push(after);
            }
        }
        for index in candidates.into_iter().rev() {
            if let Some(held) = certain[index].apply(self.held) {
                next.push(self.with(index, held, certain.len()));
            }
        }
        next
    }

    fn with(&self, index: usize, held: Option<i64>, all: usize) -> Self {
        let mut after = Self { held, ..self.clone() };
        after.ahead.insert(index);
        while after.front < all && after.ahead.remove(&after.front) {
            after.front += 1;
        }
        after
    }
}

/// The most operations of a prefix that is made smaller by leaving out one after the other.
const MAX_REDUCED: usize = 300;
/// The steps of each look meanwhile.
const STEPS_REDUCED: usize = 20_000;

/// The shortest prefix that cannot be ordered, without what does not matter to that.
fn told(key: &str, entries: Vec<Entry<'_>>) -> Verdict {
    let mut ends: Vec<u64> = entries.iter().filter(|entry| entry.is_certain()).map(|entry| entry.latest).collect();
    ends.sort_unstable();
    let broken = |end: &u64| is_linearizable(&until(&entries, *end), MAX_STEPS) == Some(false);
    let first = ends.partition_point(|end| !broken(end)).min(ends.len().saturating_sub(1));
    let mut kept = ends.get(first).map_or(entries.clone(), |end| until(&entries, *end));
    if is_linearizable(&kept, MAX_STEPS) != Some(false) {
        kept = entries;
    }
    if kept.len() <= MAX_REDUCED {
        reduce(&mut kept);
    }
    let claim = format!(
        "no order of these {} operations on {key} (empty at first), each between its two times, explains every answer",
        kept.len()
    );
    Verdict::broken(claim, kept.iter().map(|entry| entry.operation))
}

/// Restricts a history to the knowledge at an instant: later answers are unknown, but what had been asked may have happened.
fn until<'h>(entries: &[Entry<'h>], end: u64) -> Vec<Entry<'h>> {
    let asked = entries.iter().filter(|entry| entry.operation.invoked <= end);
    let known = asked.filter(|entry| entry.latest <= end || !entry.changes_nothing());
    known.map(|entry| Entry { latest: if entry.latest <= end { entry.latest } else { u64::MAX }, ..*entry }).collect()
}

/// Leaves out what can be left out. Only what keeps a right history right: an operation that changes nothing, or a write of a
/// value that nothing left depends on (in any order, it can be struck out). What remains is wrong for its own sake.
fn reduce(entries: &mut Vec<Entry<'_>>) {
    let mut index = entries.len();
    while index > 0 {
        index -= 1;
        let without: Vec<Entry<'_>> =
            entries.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, entry)| *entry).collect();
        let entry = entries[index];
        let depended_on = entry.leaves().is_some_and(|value| without.iter().any(|other| other.needs() == Some(value)));
        // A swap may be what another value was lost by, and so may a write before a failed swap or a read of nothing.
        let may_go = match entry.step {
            Step::Saw(_) | Step::Differs(_) => true,
            Step::Write(_) => !depended_on && without.iter().all(|other| !matches!(other.step, Step::Differs(_))),
            Step::Swap(..) => false,
        };
        if may_go && is_linearizable(&without, STEPS_REDUCED) == Some(false) {
            entries.remove(index);
            index = index.min(entries.len());
        }
    }
}

#[cfg(test)]
mod tests;
