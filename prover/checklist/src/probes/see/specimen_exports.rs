//! The exports of a specimen over OTLP as JSON, to `OTEL_EXPORTER_OTLP_ENDPOINT`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

/// Between two exports.
const EVERY: Duration = Duration::from_millis(100);
/// The bound of one export.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What is exported: the number of requests so far, and the trace ids of the log records since the last time.
pub(super) type Source = Arc<dyn Fn() -> (usize, Vec<String>) + Send + Sync>;

/// Exports on a thread of its own, where an endpoint is set; without log records if `metrics_alone`.
pub(super) fn begin(source: Source, metrics_alone: bool) {
    let Ok(endpoint) = std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT") else { return };
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(EVERY);
            let (count, traces) = source();
            let points = json!([{ "count": count.to_string() }]);
            let metrics = json!([{ "name": "http.server.request.duration", "histogram": { "dataPoints": points } }]);
            post(
                &endpoint,
                "/v1/metrics",
                &json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": metrics }] }] }),
            );
            if !metrics_alone {
                let records: Vec<Value> = traces.iter().map(|trace| json!({ "traceId": trace })).collect();
                post(&endpoint, "/v1/logs", &json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] }));
            }
        }
    });
}

/// Sends one export; one that fails is lost.
fn post(endpoint: &str, path: &str, body: &Value) -> Option<()> {
    let address = endpoint.trim_start_matches("http://").trim_end_matches('/').parse().ok()?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: collector\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.read_to_end(&mut Vec::new()).ok().map(drop)
}
