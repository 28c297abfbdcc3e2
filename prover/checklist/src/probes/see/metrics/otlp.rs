//! The export of metrics over OTLP.

use crate::clause::see::metrics as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::see::exports::{self, ASKED, Exports};

/// Starts the subject with keel's own collector.
pub(super) async fn examine(lab: &mut Lab) -> Evidence {
    let declared = exports::is_declared(&lab.subject, "METRICS");
    match exports::observe(lab).await {
        Ok(exports) => judge(&exports, declared),
        Err(why) => clause::OTLP.gap(why),
    }
}

/// Judges the exports before and after requests; `declared` says that the environment names an exporter.
pub(super) fn judge(exports: &Exports, declared: bool) -> Evidence {
    let count = exports.after.metrics.len();
    if let Some(metric) = exports.risen() {
        let what =
            format!("{count} metrics are exported over OTLP; after {ASKED} requests {} has {ASKED} more", metric.name);
        return clause::OTLP.holds(what);
    }
    if !exports.before.mistakes.is_empty() {
        return clause::OTLP.contradicts(format!("its exports are not OTLP: {}", exports.before.mistakes.join("; ")));
    }
    let silent = "it exports no metrics to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names (OTLP over HTTP)";
    match (exports.before.metrics.is_empty(), declared) {
        (false, _) => clause::OTLP.gap(format!(
            "{} metrics are exported over OTLP, and no histogram among them rose by {ASKED} requests",
            exports.before.metrics.len()
        )),
        (true, true) => clause::OTLP.contradicts(format!("{silent}, although its environment says that it does")),
        (true, false) => clause::OTLP.gap(format!("{silent}; declare its exporter in [service.env]")),
    }
}
