//! The export of log records over OTLP.

use crate::clause::see::logs as clause;
use crate::finding::Evidence;
use crate::lab::Lab;
use crate::probes::see::exports::{self, ASKED, Exports};

/// Starts the subject with keel's own collector.
pub(super) async fn examine(lab: &mut Lab) -> Evidence {
    let declared = exports::is_declared(&lab.subject, "LOGS");
    match exports::observe(lab).await {
        Ok(exports) => judge(&exports, declared),
        Err(why) => clause::OTLP.gap(why),
    }
}

/// Judges the exports before and after requests; `declared` says that the environment names an exporter.
pub(super) fn judge(exports: &Exports, declared: bool) -> Evidence {
    let count = exports.after.logs.max(exports.before.logs);
    if exports.logs_requests() {
        let what = format!(
            "{count} log records are exported over OTLP, those of {ASKED} requests with the trace id that was sent"
        );
        return clause::OTLP.holds(what);
    }
    if !exports.before.mistakes.is_empty() {
        return clause::OTLP.contradicts(format!("its exports are not OTLP: {}", exports.before.mistakes.join("; ")));
    }
    let silent = "it exports no log records to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names (OTLP over HTTP)";
    match (count, declared) {
        (1.., _) => clause::OTLP.gap(format!(
            "{count} log records are exported over OTLP, none of {ASKED} requests with the trace id that was sent"
        )),
        (0, true) => clause::OTLP.contradicts(format!("{silent}, although its environment says that it does")),
        (0, false) => clause::OTLP.gap(format!("{silent}; declare its exporter in [service.env]")),
    }
}
