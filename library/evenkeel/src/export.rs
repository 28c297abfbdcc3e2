//! Export of traces, metrics and logs to a collector by OTLP: the exporters by their settings, and the child that runs them.

use std::sync::Arc;
use std::time::Duration;

use border::Border;
use supervision::{ChildSpec, Children, Stop};
use telemetry::otlp::{FLUSH, LogExporter, MetricExporter, Resource};
use telemetry::traces::{Exporter, TraceRules, Tracer};
use vitals::{Instance, Registry};

use crate::collector::Collector;
use crate::failed::Failed;
use crate::settings::{ExportSettings, TraceSettings};

/// Time for the exporters to end, beyond that of their last batches.
const SLACK: Duration = Duration::from_millis(500);

/// Exporters that are set up and not started.
pub(crate) struct Export {
    spans: Option<(Exporter, Collector)>,
    metrics: Option<(MetricExporter, Collector)>,
    logs: Option<(LogExporter, Collector)>,
}

/// Makes the tracer and the exporters; none without an endpoint.
///
/// # Errors
/// When the endpoint is no place that can be called.
pub(crate) fn open(
    traces: &TraceSettings,
    export: &ExportSettings,
    instance: &Instance,
    registry: &Registry,
) -> Result<(Option<Tracer>, Option<Export>), Failed> {
    if traces.endpoint.0.is_none() {
        return Ok((None, None));
    }
    let resource = resource(traces, instance);
    let collector = |is_on: bool, signal: &str, peer: &'static str| {
        let url = traces.endpoint.of(signal).filter(|_| is_on);
        url.map(|url| {
            tracing::info!(endpoint = %url, "{signal} are exported");
            Collector::new(peer, url, traces.headers.0.clone(), registry)
        })
        .transpose()
    };
    let (mut tracer, mut open) = (None, Export { spans: None, metrics: None, logs: None });
    if let Some(collector) = collector(export.traces(), "traces", "otlp")? {
        let rules = TraceRules { sampler: traces.sampler(), slow: traces.slow };
        let (recorder, exporter) = Tracer::new(rules, resource.clone(), Duration::from_millis(traces.delay_ms));
        exporter.register(registry);
        (tracer, open.spans) = (Some(recorder), Some((exporter, collector)));
    }
    if let Some(collector) = collector(export.metrics(), "metrics", "otlp-metrics")? {
        let interval = Duration::from_millis(export.metric_interval_ms);
        let exporter = MetricExporter::new(resource.clone(), instance.started(), interval);
        exporter.register(registry);
        open.metrics = Some((exporter, collector));
    }
    // A program of its own has the library's log; a service inside another program may have none.
    if let Some(lines) = telemetry::logs::copies().filter(|_| export.logs())
        && let Some(exporter) = LogExporter::new(lines, resource, Duration::from_millis(export.log_delay_ms))
        && let Some(collector) = collector(true, "logs", "otlp-logs")?
    {
        exporter.register(registry);
        open.logs = Some((exporter, collector));
    }
    Ok((tracer, Some(open)))
}

/// The service as its exports name it.
fn resource(settings: &TraceSettings, instance: &Instance) -> Resource {
    let build = instance.build();
    let id = format!("{}-{}", instance.host(), std::process::id());
    let attributes = settings.resource.0.iter();
    // OTEL_SERVICE_NAME comes before a service.name of OTEL_RESOURCE_ATTRIBUTES.
    let resource = attributes.fold(Resource::of_service(build.name, build.version, &id), |resource, (name, value)| {
        resource.with(name, value)
    });
    match settings.service_name.as_str() {
        "" => resource,
        name => resource.with("service.name", name),
    }
}

impl Export {
    /// Starts the export, supervised: all signals in one child, so that the end waits for their last batches together. The border of the public listener
    /// is kept until then, so that the last export has the numbers of its requests.
    pub(crate) fn start(self, registry: &Registry, border: Border, children: &mut Children) {
        let (export, registry) = (Arc::new(self), registry.clone());
        children.start(ChildSpec::new("telemetry export").stop_within(FLUSH + SLACK), move |stop: Stop| {
            let (export, registry, border) = (export.clone(), registry.clone(), border.clone());
            async move {
                export.run(&registry, &stop).await;
                drop(border);
            }
        });
    }

    async fn run(&self, registry: &Registry, stop: &Stop) {
        let spans = async {
            if let Some((exporter, collector)) = &self.spans {
                exporter.run(collector, stop.requested()).await;
            }
        };
        let metrics = async {
            if let Some((exporter, collector)) = &self.metrics {
                exporter.run(registry, collector, stop.requested()).await;
            }
        };
        let logs = async {
            if let Some((exporter, collector)) = &self.logs {
                exporter.run(collector, stop.requested()).await;
            }
        };
        tokio::join!(spans, metrics, logs);
        // Without any of them there is nothing to restart.
        stop.requested().await;
    }
}
