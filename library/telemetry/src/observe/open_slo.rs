//! Objectives as OpenSLO documents, version 1.

use std::fmt::Write;

use crate::objectives::Slo;
use crate::observe::numbers::{duration, number, quoted};
use crate::observe::recording_rules::series;

/// One document for each objective.
pub(super) fn documents(head: &str, service: &str, slos: &[Slo]) -> String {
    let mut out = head.to_owned();
    for slo in slos {
        let series = series(service, slo);
        let source = |name: &str, metric: &str| {
            let query = quoted(&format!("sum({metric}{series})"));
            format!(
                "        {name}:\n          metricSource:\n            type: Prometheus\n            spec:\n              query: {query}\n"
            )
        };
        let _ = write!(
            out,
            "---\napiVersion: openslo/v1\nkind: SLO\nmetadata:\n  name: {name}\n  displayName: {sentence}\nspec:\n  description: {sentence}\n  \
             service: {service}\n  indicator:\n    metadata:\n      name: {name}\n    spec:\n      ratioMetric:\n        counter: true\n{bad}{total}  \
             timeWindow:\n  - duration: {window}\n    isRolling: true\n  budgetingMethod: Occurrences\n  objectives:\n  - displayName: {kind}\n    \
             target: {target}\n",
            name = quoted(&format!("{service}-{}", slo.name)),
            sentence = quoted(&slo.sentence()),
            service = quoted(service),
            bad = source("bad", "objective_bad_total"),
            total = source("total", "objective_events_total"),
            window = duration(slo.period),
            kind = slo.kind.name(),
            target = number(slo.target),
        );
    }
    out
}
