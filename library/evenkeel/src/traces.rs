//! Traces of a service: the tracer by its settings, and the export through the client.

use client::{Bounds, Client, Declaration, Endpoints};
use supervision::{ChildSpec, Children, Stop};
use telemetry::traces::{Exporter, FLUSH, Resource, Sink, TraceRules, Tracer};
use url::Url;
use vitals::{Instance, Registry};

use crate::failed::Failed;
use crate::settings::TraceSettings;

/// The name of the collector among the peers of the client.
const PEER: &str = "otlp";
/// Time for a batch, retries included: OpenTelemetry's default.
const BATCH_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
/// The most bytes of a collector's answer.
const ANSWER_BYTES: usize = 64 * 1024;
/// Time for the exporter to end, beyond that of its last batches.
const SLACK: std::time::Duration = std::time::Duration::from_millis(500);

/// Export of traces that is set up and not started.
#[derive(Debug)]
pub(crate) struct Export {
    exporter: Exporter,
    url: Url,
    headers: Vec<(String, String)>,
}

/// Makes the tracer; none without an endpoint.
pub(crate) fn open(settings: &TraceSettings, instance: &Instance, registry: &Registry) -> Option<(Tracer, Export)> {
    let url = settings.endpoint.0.clone()?;
    let build = instance.build();
    let name = match settings.service_name.as_str() {
        "" => build.name,
        name => name,
    };
    let id = format!("{}-{}", instance.host(), std::process::id());
    let attributes = settings.resource.0.iter();
    // OTEL_SERVICE_NAME comes before a service.name of OTEL_RESOURCE_ATTRIBUTES.
    let resource = attributes.fold(Resource::of_service(build.name, build.version, &id), |resource, (name, value)| {
        resource.with(name, value)
    });
    let resource = if settings.service_name.is_empty() { resource } else { resource.with("service.name", name) };
    let rules = TraceRules { sampler: settings.sampler(), slow: settings.slow };
    let (tracer, exporter) = Tracer::new(rules, resource, std::time::Duration::from_millis(settings.delay_ms));
    exporter.register(registry);
    tracing::info!(endpoint = %url, sampler = settings.sampler, share = settings.sampler_share, "traces are exported");
    Some((tracer, Export { exporter, url, headers: settings.headers.0.clone() }))
}

impl Export {
    /// Starts the export, supervised. It has a client of its own, so that a sick collector takes nothing from the service's calls.
    ///
    /// # Errors
    /// When the endpoint is no place that can be called.
    pub(crate) fn start(self, registry: &Registry, children: &mut Children) -> Result<(), Failed> {
        let bounds = Bounds::default().total(BATCH_TIMEOUT).answer_bytes(ANSWER_BYTES).tells_deadline(false);
        let client = Client::new(bounds);
        client.declare(Declaration::new(PEER, Endpoints::from(&self.url)))?;
        client.register(registry);
        let sink = Collector { client, url: self.url, headers: self.headers };
        let (sink, exporter) = (std::sync::Arc::new(sink), self.exporter);
        children.start(ChildSpec::new("trace exporter").stop_within(FLUSH + SLACK), move |stop: Stop| {
            let (sink, exporter) = (sink.clone(), exporter.clone());
            async move { exporter.run(&*sink, stop.requested()).await }
        });
        Ok(())
    }
}

/// The collector, behind a policy of its own.
struct Collector {
    client: Client,
    url: Url,
    headers: Vec<(String, String)>,
}

impl Sink for Collector {
    async fn send(&self, batch: Vec<u8>) -> Result<Vec<u8>, String> {
        let call = self.client.post(&self.url).body("application/x-protobuf", batch).repeatable(true);
        let call = self.headers.iter().fold(call, |call, (name, value)| call.header(name, value));
        let answer = call.send().await.map_err(|error| error.to_string())?;
        if answer.status.is_success() {
            return Ok(answer.body.to_vec());
        }
        Err(format!("{} answered {}", self.url, answer.status))
    }
}
