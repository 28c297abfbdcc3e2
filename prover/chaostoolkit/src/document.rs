//! Parts of the document of an experiment.

use crate::value::Value;

/// The activities of the method and of the hypothesis, in the order in which they become known.
pub(super) fn known(experiment: &Value) -> Vec<Value> {
    let probes = experiment.get("steady-state-hypothesis").map_or(&[][..], |hypothesis| hypothesis.list("probes"));
    experiment.list("method").iter().chain(probes).filter(|activity| activity.text("name").is_some()).cloned().collect()
}

/// Every activity of the experiment.
pub(super) fn activities(experiment: &Value) -> impl Iterator<Item = &Value> {
    let probes = experiment.get("steady-state-hypothesis").map_or(&[][..], |hypothesis| hypothesis.list("probes"));
    probes.iter().chain(experiment.list("method")).chain(experiment.list("rollbacks"))
}
