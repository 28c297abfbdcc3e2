//! The scene of a run: the names, the known activities, and the listener that its activities share.

use std::sync::Arc;

use crate::strategy::Dry;
use crate::substitution::Names;
use crate::value::Value;

/// The scene of a run, in which its activities are carried out.
pub(super) struct Scene {
    pub(super) names: Names,
    pub(super) dry: Option<Dry>,
    /// Activities that others can refer to.
    pub(super) known: Vec<Value>,
    pub(super) tell: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Scene {
    pub(super) fn lookup(&self, name: &str) -> Result<Value, String> {
        // The last of a name counts, as in a cache that is written over.
        let found = self.known.iter().rev().find(|activity| activity.text("name") == Some(name));
        found.cloned().ok_or_else(|| format!("could not find referenced activity '{name}'"))
    }

    pub(super) fn tell(&self, what: impl AsRef<str>) {
        (self.tell)(what.as_ref());
    }
}
