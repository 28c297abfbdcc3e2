//! The calls of a work, by the steps that make them.

use std::collections::BTreeSet;

use keel_drill::double::Call;

/// The kinds of calls of which each work makes one, in their order: a call of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Kinds(Vec<Call>);

impl Kinds {
    /// Those of works that were done one after the other. A kind that came less often is of no step, nor one without keys that came more often,
    /// such as a check of the dependency's health; where some kinds carry keys, those that do not are of none either.
    pub(super) fn of(calls: &[Call], works: usize) -> Self {
        let mut kinds: Vec<Call> = Vec::new();
        for call in calls {
            let like = of_kind(calls, Some(call));
            // With keys there may be more: works that were asked for before.
            let is_of_a_step = if call.key.is_some() { like.len() >= works } else { like.len() == works };
            if is_of_a_step && !kinds.iter().any(|kind| kind.is_like(call)) {
                kinds.push(call.clone());
            }
        }
        let has_keys = kinds.iter().any(|kind| kind.key.is_some());
        kinds.retain(|kind| !has_keys || kind.key.is_some());
        Self(kinds)
    }

    pub(super) fn are_some(&self) -> bool {
        !self.0.is_empty()
    }

    pub(super) fn are_two(&self) -> bool {
        self.0.len() > 1
    }

    /// The kind of the first step.
    pub(super) fn first(&self) -> Option<&Call> {
        self.0.first()
    }

    /// The kind of the last step.
    pub(super) fn last(&self) -> Vec<Call> {
        self.0.last().cloned().into_iter().collect()
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.0.clone()
    }
}

/// The calls that are like this one.
pub(super) fn of_kind(calls: &[Call], kind: Option<&Call>) -> Vec<Call> {
    calls.iter().filter(|call| kind.is_some_and(|kind| kind.is_like(call))).cloned().collect()
}

/// Returns the number of effects that these calls ask for: by their keys, or by the paths of idempotent methods; none when one has neither.
pub(super) fn known(calls: &[Call]) -> Option<usize> {
    let name = |call: &Call| match &call.key {
        Some(key) => Some(key.clone()),
        None => call.method.is_idempotent().then(|| call.path.clone()),
    };
    calls.iter().map(name).collect::<Option<BTreeSet<String>>>().map(|names| names.len())
}
