//! Logs and traces that nobody takes: requests are answered as before, the loss is reported, and the process ends in time.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::collector::Collector;
use crate::running::{Ledger, eventually};

/// Deadline of a request, as the ledger has it.
const DEADLINE: Duration = Duration::from_secs(10);
/// Requests of each test.
const REQUESTS: u32 = 60;
/// The most requests until a queue is full.
const MAX_REQUESTS: u32 = 20_000;

/// The ledger with its exports to a collector.
async fn exporting(collector: &str) -> Ledger {
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector),
        ("OTEL_TRACES_SAMPLER", "always_on"),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ("REQUEST_DEADLINE", "10s"),
        ("RUST_LOG", "info"),
    ];
    Ledger::start_piped(&settings).await
}

/// Makes requests one after the other; each is answered with its result before its deadline.
async fn all_are_answered(ledger: &Ledger, account: &str, requests: u32) {
    for number in 0..requests {
        let began = Instant::now();
        let answer = ledger.get(&format!("/v1/accounts/{account}")).await;
        assert_eq!(answer.status, 200, "request {number}");
        assert_eq!(answer.json::<Json>().unwrap()["id"], account, "request {number}");
        assert!(began.elapsed() < DEADLINE, "request {number} took {:?}", began.elapsed());
    }
}

/// The value of a metric without labels.
async fn metric(ledger: &Ledger, name: &str) -> u64 {
    let text = ledger.metrics("text/plain").await;
    let line = text.lines().find(|line| line.starts_with(name) && line[name.len()..].starts_with(' '));
    let value = line.unwrap_or_else(|| panic!("{name} is not in\n{text}")).rsplit(' ').next();
    value.unwrap().parse::<f64>().unwrap() as u64
}

/// Reads an output to its end.
fn read(mut output: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        text
    })
}

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The line with this message.
fn line<'l>(lines: &'l [Json], message: &str) -> &'l Json {
    lines.iter().find(|line| line["message"] == message).unwrap_or_else(|| panic!("no {message:?} in {lines:#?}"))
}

/// Runs the ledger with a collector until spans are lost; returns its log.
async fn log_with_lost_spans(collector: Collector, most: u32) -> Vec<Json> {
    let (url, _exports) = collector.start().await;
    let mut ledger = exporting(&url).await;
    let (output, errors) = ledger.output();
    let (output, _errors) = (read(output), read(errors));
    let account = ledger.account("open", 0).await;
    let (mut made, mut lost) = (0, 0);
    while lost == 0 && made < most {
        all_are_answered(&ledger, &account, REQUESTS).await;
        made += REQUESTS;
        lost = metric(&ledger, "traces_spans_lost_total").await;
    }
    eventually("the metrics report lost spans", async || metric(&ledger, "traces_spans_lost_total").await > 0).await;
    all_are_answered(&ledger, &account, REQUESTS).await;
    assert_eq!(ledger.stop().await, Some(0), "{collector:?}");
    let lines = lines(&output.join().unwrap());
    let stopped = line(&lines, "stopped");
    assert_eq!((&stopped["parts_aborted"], &stopped["store_closed"]), (&Json::from("[]"), &Json::from(true)));
    lines
}

#[tokio::test]
async fn a_working_collector_loses_no_span_of_the_same_requests() {
    let (url, exports) = Collector::Works.start().await;
    let mut ledger = exporting(&url).await;
    let (output, errors) = ledger.output();
    let (output, _errors) = (read(output), read(errors));
    let account = ledger.account("open", 0).await;
    all_are_answered(&ledger, &account, REQUESTS).await;
    eventually("spans are exported", async || metric(&ledger, "traces_spans_exported_total").await > REQUESTS.into())
        .await;
    assert_eq!(metric(&ledger, "traces_spans_lost_total").await, 0);
    assert_eq!(ledger.stop().await, Some(0));
    assert!(exports.load(std::sync::atomic::Ordering::Relaxed) > 0);
    let lines = lines(&output.join().unwrap());
    let is_loss = |line: &&Json| line["level"] == "WARN" && line["target"] != "access";
    assert_eq!(lines.iter().find(is_loss), None);
}

#[tokio::test]
async fn with_a_dead_collector_requests_are_answered_and_the_loss_is_reported() {
    let log = log_with_lost_spans(Collector::IsDead, REQUESTS).await;
    assert_eq!(line(&log, "traces cannot be exported; check OTEL_EXPORTER_OTLP_ENDPOINT")["level"], "WARN");
}

#[tokio::test]
async fn with_a_collector_that_lies_requests_are_answered_and_the_loss_is_reported() {
    let log = log_with_lost_spans(Collector::Lies, REQUESTS).await;
    let reported = line(&log, "traces cannot be exported; check OTEL_EXPORTER_OTLP_ENDPOINT");
    assert!(reported["reason"].as_str().unwrap().contains("no answer of an OTLP collector"), "{reported}");
}

#[tokio::test]
#[ignore = "fills the queue of spans"]
async fn with_a_slow_collector_requests_are_answered_and_the_loss_is_reported() {
    let log = log_with_lost_spans(Collector::IsSlow, MAX_REQUESTS).await;
    line(&log, "spans were lost: the queue was full");
    line(&log, "the last traces could not be exported in time");
}

#[tokio::test]
async fn with_an_output_that_nobody_reads_requests_are_answered_and_the_process_ends_and_reports_the_loss() {
    let mut ledger =
        Ledger::start_piped(&[("RUST_LOG", "debug"), ("LOG_RATE", "0"), ("REQUEST_DEADLINE", "10s")]).await;
    let (output, errors) = ledger.output();
    let errors = read(errors);
    let account = ledger.account("open", 0).await;
    let mut made = 0;
    // Lines wait once the pipe is full.
    while metric(&ledger, "logs_queue_bytes").await < 64 * 1024 {
        assert!(made < MAX_REQUESTS, "{made} requests did not fill the pipe");
        all_are_answered(&ledger, &account, REQUESTS).await;
        made += REQUESTS;
    }
    all_are_answered(&ledger, &account, REQUESTS).await;
    assert_eq!(ledger.stop().await, Some(0));
    let errors = errors.join().unwrap();
    assert!(errors.contains("lines of the log were not written"), "{errors:?}");
    drop(output);
}
