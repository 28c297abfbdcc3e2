//! The metrics and log records that the subject exports over OTLP, once it is started with keel's own collector.

use std::time::{Duration, Instant};

use keel_drill::collector::{Collector, Metric, Received};
use keel_drill::trace_headers::TraceParent;

use super::environment::variables;
use super::fresh_context::fresh;
use crate::lab::Lab;
use crate::subject::Subject;

/// Requests between two looks at the exports.
pub(super) const ASKED: u64 = 7;
/// The longest that exports are waited for: many times the delay that the service is told.
const EXPORTED_WITHIN: Duration = Duration::from_secs(5);
/// Not less at a slow pace.
const LEAST_WAIT: Duration = Duration::from_secs(2);
/// Time in which what came before is exported: longer than the interval that the service is told.
const STILL: Duration = Duration::from_millis(1100);
/// Not less at a slow pace: the interval that the service is told, and some more.
const LEAST_STILL: Duration = Duration::from_millis(600);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Exports before and after `ASKED` requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Exports {
    /// Those of some time before, after which nothing was sent.
    pub(super) still: Received,
    pub(super) before: Received,
    pub(super) after: Received,
    /// The context of the requests.
    pub(super) trace: String,
}

impl Exports {
    /// A histogram that stayed as it was without requests, and of which `ASKED` more measurements came with them.
    pub(super) fn risen(&self) -> Option<&Metric> {
        let count = |received: &Received, name: &str| {
            received.metrics.iter().find(|metric| metric.name == name).map_or(0, |metric| metric.count)
        };
        self.after.metrics.iter().filter(|metric| metric.is_histogram).find(|metric| {
            let before = count(&self.before, &metric.name);
            before == count(&self.still, &metric.name) && metric.count >= before + ASKED
        })
    }

    /// Returns true if a log record of the requests came.
    pub(super) fn logs_requests(&self) -> bool {
        self.after.log_traces.contains(&self.trace)
    }

    fn is_whole(&self) -> bool {
        let waits_for_metrics = !self.before.metrics.is_empty() && self.risen().is_none();
        let waits_for_logs = self.before.logs > 0 && !self.logs_requests();
        !waits_for_metrics && !waits_for_logs
    }
}

/// Returns true if the environment of the service says that it exports this signal.
pub(super) fn is_declared(subject: &Subject, signal: &str) -> bool {
    let exporter = format!("OTEL_{signal}_EXPORTER");
    let endpoint = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
    let of = |name: &str| subject.env.get(name).is_some_and(|value| !value.is_empty() && value != "none");
    of(&exporter) || of(&endpoint) || (of("OTEL_EXPORTER_OTLP_ENDPOINT") && !subject.env.contains_key(&exporter))
}

/// The exports of the subject; it is started for them once in a run.
///
/// # Errors
/// The reason why nothing is known of them.
pub(super) async fn observe(lab: &mut Lab) -> Result<Exports, String> {
    if let Some(known) = lab.observations.get::<Result<Exports, String>>() {
        return known;
    }
    let observed = observed(lab).await;
    // The next probe finds it without a collector that is gone.
    lab.stop().await;
    let observed = match lab.ensure_running().await {
        Ok(_) => observed,
        Err(failure) => Err(format!("it does not start again without keel's collector: {failure}")),
    };
    lab.observations.keep(observed.clone());
    observed
}

async fn observed(lab: &mut Lab) -> Result<Exports, String> {
    let no_port = |error: std::io::Error| format!("no loopback port for keel's collector: {error}");
    let collector = Collector::start().await.map_err(no_port)?;
    let env = variables(&collector.address().to_string());
    lab.stop().await;
    lab.start_with(|launch| launch.env.extend(env))
        .await
        .map_err(|failure| format!("it does not start with keel's collector: {failure}"))?;
    lab.send_mix().await;
    wait(lab, || collector.exports() > 0 && !collector.received().metrics.is_empty() && collector.received().logs > 0)
        .await;
    let sent = fresh(1);
    let mut exports = Exports { trace: sent.trace.clone(), ..Exports::default() };
    if collector.exports() == 0 {
        return Ok(exports);
    }
    for place in [&mut exports.still, &mut exports.before] {
        tokio::time::sleep(lab.pace.of(STILL).max(LEAST_STILL)).await;
        *place = collector.received();
    }
    ask(lab, &sent).await;
    wait(lab, || {
        exports.after = collector.received();
        exports.is_whole()
    })
    .await;
    Ok(exports)
}

async fn ask(lab: &Lab, sent: &TraceParent) {
    let (client, harmless) = (lab.http(), lab.harmless());
    for _ in 0..ASKED {
        client.send(harmless.clone().header("traceparent", sent.header())).await;
    }
}

/// Waits until it is so, or for so long.
async fn wait(lab: &Lab, mut is_so: impl FnMut() -> bool) {
    let (since, patience) = (Instant::now(), lab.pace.of(EXPORTED_WITHIN).max(LEAST_WAIT));
    while !is_so() && since.elapsed() < patience {
        tokio::time::sleep(LOOK).await;
    }
}
