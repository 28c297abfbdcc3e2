//! `see.traces`: W3C trace context in and out, across queues too; what malformed context, the sampling flag, failures and a sick
//! collector do.
//!
//! - **Hypothesis**: a request with `traceparent` makes calls and spans of the same trace, with a new parent id and the same sampling
//!   flag; work behind its answer is of the same trace, or linked to it; a malformed header is replaced by a new trace; the span of a
//!   request that is answered 5xx shows an error; a collector that is dead, slow or lying changes no answer, no start and no exit.
//! - **Sent**: with a double in the place of each dependency that speaks plain HTTP, and keel's own OTLP collector at
//!   `OTEL_EXPORTER_OTLP_ENDPOINT`: requests that use the dependency with contexts of keel's making, without, and with malformed ones;
//!   one whose call is answered 503. Then `LOAD` reads, once with a collector that takes exports and once with each that does not.
//! - **Decides**: the headers of the calls that came, the spans that were exported, the answers and the exit code. Where the
//!   service exports no spans, the clauses that only spans show are gaps. `tracestate` and the export of failures that are not sampled
//!   are told, and not judged.
//! - **Blast radius**: what the mix does; the service is restarted five times.
//! - **Bound in time**: about a minute, more where the service is slow to start or to end.

use crate::clause::see::traces as clause;
use crate::finding::Finding;
use crate::lab::Lab;
use crate::probe::Probe;

mod context;
mod failures;
#[cfg(test)]
mod judge_tests;
mod propagated;
mod queues;
mod sick_collector;
#[cfg(feature = "specimens")]
pub(crate) mod specimen;
#[cfg(test)]
mod tests;
mod traced;

const ID: &str = "see.traces";

/// The probe.
pub const PROBE: Probe = Probe {
    id: ID,
    examine: |lab| Box::pin(examine(lab)),
    #[cfg(feature = "specimens")]
    specimens: specimen::SPECIMENS,
};

/// Examines the running subject. It is stopped in the end, so that the next probe finds the proxies again.
pub async fn examine(lab: &mut Lab) -> Finding {
    let traced = match traced::Traced::start(lab).await {
        Ok(traced) => traced,
        Err(reason) => {
            lab.stop().await;
            return Finding::unknown(ID, reason, Vec::new());
        }
    };
    let mut evidence = context::examine(lab, &traced).await;
    evidence.extend(queues::examine(lab, &traced).await);
    evidence.extend(failures::examine(lab, &traced).await);
    let received = traced.collector.received();
    if !received.mistakes.is_empty() {
        let what = format!("exports that are not OTLP were not read: {}", received.mistakes.join("; "));
        evidence.push(clause::ERRORS.gap(what));
    }
    drop(traced);
    lab.stop().await;
    evidence.extend(sick_collector::examine(lab).await);
    lab.stop().await;
    Finding::judge(ID, evidence)
}
