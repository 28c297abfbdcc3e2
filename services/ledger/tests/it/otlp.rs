//! Exports of the ledger, as foreign software reads them.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};

use crate::collector::Collector;
use crate::running::{Ledger, eventually, reserved_address};

/// The ledger, which exports everything soon.
async fn exporting(collector: &str) -> Ledger {
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "50"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "500"),
    ];
    Ledger::start_piped(&settings).await
}

/// The folder of foreign programs.
fn peers() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers"))
}

/// Prints a metric, or the records of an export of logs, as JSON by OpenTelemetry's own messages.
const READ: &str = "
import json, sys
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
body = sys.stdin.buffer.read()
def value(any): return getattr(any, any.WhichOneof('value'))
def attributes(of): return {a.key: value(a.value) for a in of.attributes}
if sys.argv[1] == 'logs':
    for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                print(json.dumps([scope.scope.name, record.severity_number, record.severity_text, value(record.body), record.trace_id.hex(),
                                  record.time_unix_nano > 1700000000000000000, attributes(record)]))
else:
    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        print(json.dumps(['resource', attributes(resource.resource)]))
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof('data')
                points = getattr(metric, kind).data_points
                for point in points:
                    shown = [metric.name, metric.unit, kind, attributes(point)]
                    if kind == 'exponential_histogram':
                        counted = point.zero_count + sum(point.positive.bucket_counts)
                        shown += [point.scale, point.count, counted, getattr(metric, kind).aggregation_temporality]
                    elif kind == 'sum':
                        shown += [point.as_int, metric.sum.is_monotonic, point.start_time_unix_nano < point.time_unix_nano]
                    print(json.dumps(shown))
";

/// An export as Python reads it: a JSON value a line.
fn read(signal: &str, body: &[u8]) -> Vec<Json> {
    let python =
        std::env::var_os("EVENKEEL_TEST_PYTHON").map_or_else(|| peers().join("python/bin/python"), PathBuf::from);
    let read = Command::new(python).args(["-c", READ, signal]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut read = read.expect("OpenTelemetry's Python package: make setup-tests-long");
    read.stdin.take().unwrap().write_all(body).unwrap();
    let output = read.wait_with_output().unwrap();
    assert!(output.status.success(), "{signal}");
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
#[ignore = "needs OpenTelemetry's Python package: make setup-tests-long"]
async fn the_python_package_of_opentelemetry_reads_metrics_and_logs() {
    let (url, exports) = Collector::Works.start().await;
    let mut ledger = exporting(&url).await;
    let account = ledger.account("open", 0).await;
    assert_eq!(ledger.balance(&account).await, 0);
    assert_eq!(ledger.stop().await, Some(0));

    // The last export has the totals of all requests.
    let metrics = read("metrics", exports.of("metrics").last().unwrap());
    let resource = &metrics[0][1];
    assert_eq!((&resource["service.name"], &resource["telemetry.sdk.language"]), (&json!("ledger"), &json!("rust")));
    let is_post = |metric: &&Json| {
        let labels = &metric[3];
        labels["http_route"] == "/v1/accounts" && labels["http_request_method"] == "POST" && labels["error_type"] == ""
    };
    let of = |name: &str| metrics.iter().filter(|metric| metric[0] == name).find(is_post).cloned();
    let durations = of("http.server.request.duration").unwrap();
    assert_eq!((&durations[1], &durations[2]), (&json!("s"), &json!("exponential_histogram")));
    assert_eq!(durations.as_array().unwrap()[4..], [json!(4), json!(1), json!(1), json!(2)], "{durations}");
    let sums: Vec<&Json> = metrics.iter().filter(|metric| metric[2] == "sum").collect();
    assert!(sums.len() > 50 && sums.iter().all(|sum| sum[5] == true && sum[6] == true), "{sums:#?}");

    let logs: Vec<Json> = exports.of("logs").iter().flat_map(|body| read("logs", body)).collect();
    let ready = logs.iter().find(|record| record[3] == "ready").unwrap();
    assert_eq!((&ready[0], &ready[1], &ready[2]), (&json!("evenkeel::run"), &json!(9), &json!("INFO")));
    let request = logs.iter().find(|record| record[0] == "access" && record[6]["route"] == "/v1/accounts").unwrap();
    assert_eq!(
        (request[4].as_str().unwrap().len(), &request[5], &request[6]["status"]),
        (32, &json!(true), &json!(201))
    );
}

/// The collector rotel. Dropping it kills it.
struct Rotel {
    child: Child,
    output: Arc<Mutex<String>>,
}

impl Drop for Rotel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Rotel {
    /// Starts it; returns it with its URL.
    fn start() -> (Self, String) {
        let (http, grpc) = (reserved_address(), reserved_address());
        let libraries = std::fs::read_dir(peers().join("apps/lib")).expect("rotel: make setup-tests-long");
        let programs = libraries.map(|folder| folder.unwrap().path().join("site-packages/rotel/rotel-agent"));
        let program = programs.into_iter().find(|path| path.exists()).expect("rotel: make setup-tests-long");
        let mut child = Command::new(program)
            .args(["start", "--otlp-http-endpoint", &http.to_string(), "--otlp-grpc-endpoint", &grpc.to_string()])
            .args(["traces", "metrics", "logs"].iter().flat_map(|signal| ["--debug-log", signal]))
            .args(["--debug-log-verbosity", "detailed", "--exporter", "blackhole"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = Arc::new(Mutex::new(String::new()));
        let (reader, kept) = (BufReader::new(child.stdout.take().unwrap()), output.clone());
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        (Self { child, output }, format!("http://{http}"))
    }

    fn shows(&self, text: &str) -> bool {
        self.output.lock().unwrap().contains(text)
    }
}

#[tokio::test]
#[ignore = "needs rotel: make setup-tests-long"]
async fn rotel_takes_traces_metrics_and_logs() {
    let (rotel, url) = Rotel::start();
    let address = url.strip_prefix("http://").unwrap().to_owned();
    eventually("rotel listens", async || std::net::TcpStream::connect(&address).is_ok()).await;
    let mut ledger = exporting(&url).await;
    let account = ledger.account("open", 0).await;
    assert_eq!(ledger.balance(&account).await, 0);
    for text in ["GET /v1/accounts/{id}", "http.server.request.duration", "evenkeel::run"] {
        eventually(text, async || rotel.shows(text)).await;
    }
    let metrics = ledger.metrics("text/plain").await;
    for lost in ["traces_spans_lost_total 0", "otlp_metrics_points_lost_total 0", "otlp_logs_records_lost_total 0"] {
        assert!(metrics.contains(&format!("\n{lost}\n")), "{lost} is not in\n{metrics}");
    }
    assert_eq!(ledger.stop().await, Some(0));
}
