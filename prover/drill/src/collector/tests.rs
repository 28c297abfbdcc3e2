//! The collector on exports as bytes. The protobuf is written field by field, apart from the reader.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::io::Write;
use std::time::Duration;

use ::http::Method;
use keel_wire::http::{Client, Exchange, Request};
use serde_json::json;

use super::*;

const TRACE: [u8; 16] = [0x4b; 16];

/// A field of protobuf with a length.
fn field(number: u8, inside: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2, u8::try_from(inside.len()).unwrap()];
    bytes.extend_from_slice(inside);
    bytes
}

fn span() -> Vec<u8> {
    let mut span = field(1, &TRACE);
    span.extend(field(2, &[1; 8]));
    span.extend(field(4, &[2; 8]));
    span.extend(field(5, b"GET /"));
    span.extend([6 << 3, 2]);
    span.extend(field(13, &field(1, &[3; 16])));
    span.extend(field(15, &[3 << 3, 2]));
    field(1, &field(2, &field(2, &span)))
}

fn expected() -> Span {
    Span {
        trace: "4b".repeat(16),
        id: "01".repeat(8),
        parent: "02".repeat(8),
        name: "GET /".to_owned(),
        kind: Kind::Server,
        failed: true,
        links: vec!["03".repeat(16)],
    }
}

async fn post(collector: &Collector, path: &str, kind: &str, body: impl Into<Bytes>) -> Exchange {
    let client = Client::new(format!("http://{}", collector.address()).parse().unwrap(), Duration::from_secs(20));
    client.send(Request::new(Method::POST, path).header("Content-Type", kind).body(body)).await
}

fn status(exchange: &Exchange) -> u16 {
    exchange.status().unwrap().as_u16()
}

#[tokio::test]
async fn spans_as_protobuf_and_as_json_are_the_same() {
    let collector = Collector::start().await.unwrap();
    assert_eq!(status(&post(&collector, "/v1/traces", "application/x-protobuf", span()).await), 200);
    let spans = json!([{
        "traceId": "4B".repeat(16), "spanId": "01".repeat(8), "parentSpanId": "02".repeat(8), "name": "GET /", "kind": 2,
        "links": [{ "traceId": "03".repeat(16) }], "status": { "code": 2 },
    }]);
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] }).to_string();
    assert_eq!(status(&post(&collector, "/v1/traces", "application/json", body).await), 200);
    assert_eq!(collector.received().spans, [expected(), expected()]);
    assert_eq!(collector.spans_of(&"4b".repeat(16)).len(), 2);
    collector.clear();
    assert_eq!(collector.received(), Received::default());
}

#[tokio::test]
async fn a_packed_export_is_unpacked_up_to_a_bound() {
    let collector = Collector::start().await.unwrap();
    let pack = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let client = Client::new(format!("http://{}", collector.address()).parse().unwrap(), Duration::from_secs(20));
    let send = |body: Vec<u8>| {
        client.send(Request::new(Method::POST, "/v1/traces").header("Content-Encoding", "gzip").body(body))
    };
    assert_eq!(status(&send(pack(&span())).await), 200);
    assert_eq!(collector.received().spans, [expected()]);
    assert_eq!(status(&send(pack(&vec![0; MAX_EXPORT + 1])).await), 400);
    assert!(collector.received().mistakes[0].contains("unpacks to more"));
}

#[tokio::test]
async fn metrics_are_kept_by_name_with_the_measurements_of_histograms() {
    let collector = Collector::start().await.unwrap();
    let metric = |count: u8| {
        let mut metric = field(1, b"seconds");
        let point = [&[4 << 3 | 1, count][..], &[0; 7]].concat();
        metric.extend(field(9, &field(1, &point)));
        field(1, &field(2, &field(2, &metric)))
    };
    post(&collector, "/v1/metrics", "application/x-protobuf", metric(3)).await;
    post(&collector, "/v1/metrics", "application/x-protobuf", metric(5)).await;
    let body = json!({ "resourceMetrics": [{ "scopeMetrics": [{ "metrics": [
        { "name": "depth", "gauge": { "dataPoints": [{ "asInt": "4" }] } },
        { "name": "wait", "exponentialHistogram": { "dataPoints": [{ "count": "7" }] } },
    ] }] }] });
    post(&collector, "/v1/metrics", "application/json", body.to_string()).await;
    let metric = |name: &str, is_histogram, count| Metric { name: name.to_owned(), is_histogram, points: 1, count };
    let expected = [metric("seconds", true, 5), metric("depth", false, 0), metric("wait", true, 7)];
    assert_eq!(collector.received().metrics, expected);
}

#[tokio::test]
async fn log_records_are_counted_and_their_trace_ids_kept() {
    let collector = Collector::start().await.unwrap();
    let record = |trace: &[u8]| field(1, &field(2, &field(2, &field(9, trace))));
    post(&collector, "/v1/logs", "application/x-protobuf", record(&TRACE)).await;
    post(&collector, "/v1/logs", "application/x-protobuf", record(&[])).await;
    let records = json!([{ "traceId": "03".repeat(16) }, { "body": { "stringValue": "of no request" } }]);
    let body = json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] });
    post(&collector, "/v1/logs", "application/json", body.to_string()).await;
    let received = collector.received();
    assert_eq!((received.logs, received.mistakes), (4, Vec::new()));
    assert_eq!(received.log_traces, ["03".repeat(16), "4b".repeat(16)].into());
}

#[tokio::test]
async fn exports_that_are_not_otlp_are_refused_with_a_reason() {
    let collector = Collector::start().await.unwrap();
    assert_eq!(status(&post(&collector, "/v1/traces", "application/x-protobuf", "hello").await), 400);
    assert_eq!(status(&post(&collector, "/v1/traces", "application/json", "[]").await), 400);
    assert_eq!(status(&post(&collector, "/api/spans", "application/json", "{}").await), 400);
    assert_eq!(status(&post(&collector, "/v1/traces", "application/json", vec![b' '; MAX_EXPORT + 1]).await), 413);
    assert_eq!((collector.received().mistakes.len(), collector.exports()), (3, 3));
}

#[tokio::test]
async fn it_misbehaves_as_configured() {
    let collector = Collector::start().await.unwrap();
    collector.set(Behaviour::Unavailable);
    assert_eq!(status(&post(&collector, "/v1/traces", "application/x-protobuf", span()).await), 503);
    collector.set(Behaviour::Nonsense);
    let exchange = post(&collector, "/v1/traces", "application/x-protobuf", span()).await;
    assert_eq!((status(&exchange), exchange.answer().unwrap().body.len()), (200, NONSENSE_BYTES));
    assert!(collector.received().spans.is_empty());
    collector.set(Behaviour::Hang);
    let hanging = post(&collector, "/v1/traces", "application/x-protobuf", span());
    tokio::select! {
        _ = hanging => panic!("it answers"),
        () = async { while collector.exports() < 3 { tokio::task::yield_now().await } } => {}
    }
}
