//! The collector of exports, as a peer of the client with a policy of its own.

use client::{Bounds, Client, Declaration, Endpoints};
use telemetry::otlp::Sink;
use url::Url;
use vitals::Registry;

use crate::failed::Failed;

/// Time for a batch, retries included: OpenTelemetry's default.
const BATCH_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
/// The most bytes of a collector's answer.
const ANSWER_BYTES: usize = 64 * 1024;

/// The collector of one signal. Each has a client of its own, so that a sick collector takes nothing from the service's calls, and a collector that
/// takes no logs nothing from the traces.
pub(crate) struct Collector {
    client: Client,
    url: Url,
    headers: Vec<(String, String)>,
    content_type: &'static str,
}

impl Collector {
    /// A collector that takes a signal at this URL.
    ///
    /// # Errors
    /// When the URL is no place that can be called.
    pub(crate) fn new(
        peer: &'static str,
        url: Url,
        headers: Vec<(String, String)>,
        registry: &Registry,
    ) -> Result<Self, Failed> {
        let bounds = Bounds::default().total(BATCH_TIMEOUT).answer_bytes(ANSWER_BYTES).tells_deadline(false);
        let client = Client::new(bounds);
        client.declare(Declaration::new(peer, Endpoints::from(&url)))?;
        client.register(registry);
        Ok(Self { client, url, headers, content_type: "application/x-protobuf" })
    }

    /// The same collector for batches of another type.
    pub(crate) fn of_type(self, content_type: &'static str) -> Self {
        Self { content_type, ..self }
    }
}

impl Sink for Collector {
    async fn send(&self, batch: Vec<u8>) -> Result<Vec<u8>, String> {
        let call = self.client.post(&self.url).body(self.content_type, batch).repeatable(true);
        let call = self.headers.iter().fold(call, |call, (name, value)| call.header(name, value));
        let answer = call.send().await.map_err(|error| error.to_string())?;
        if answer.status.is_success() {
            return Ok(answer.body.to_vec());
        }
        Err(format!("{} answered {}", self.url, answer.status))
    }
}
