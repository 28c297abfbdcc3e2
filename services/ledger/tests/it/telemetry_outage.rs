//! Outages of the sinks of telemetry: requests are answered as before, the loss is reported, and the process ends in time.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::collector::Collector;
use crate::running::{Ledger, eventually};

/// Deadline of a request, as the ledger has it.
const DEADLINE: Duration = Duration::from_secs(10);
/// Metrics of the loss of each signal.
const LOST: [&str; 3] = ["traces_spans_lost_total", "otlp_logs_records_lost_total", "otlp_metrics_points_lost_total"];
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
        ("OTEL_BLRP_SCHEDULE_DELAY", "20"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ("REQUEST_DEADLINE", "10s"),
        ("RUST_LOG", "info"),
    ];
    Ledger::start_piped(&settings).await
}

/// Makes requests one after the other; each is answered with its result before its deadline. A busy machine may refuse one, which is made again, at
/// most as often as there are requests.
async fn all_are_answered(ledger: &Ledger, account: &str, requests: u32) {
    let (mut answered, mut refused) = (0, 0);
    while answered < requests {
        let began = Instant::now();
        let answer = ledger.get(&format!("/v1/accounts/{account}")).await;
        assert!(began.elapsed() < DEADLINE, "request {answered} took {:?}", began.elapsed());
        if answer.status == 503 && answer.headers.contains_key("retry-after") {
            refused += 1;
            assert!(refused <= requests, "{refused} requests were refused, and {answered} answered");
            continue;
        }
        assert_eq!((answer.status.as_u16(), &answer.json::<Json>().unwrap()["id"]), (200, &Json::from(account)));
        answered += 1;
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
    for lost in LOST {
        eventually(lost, async || metric(&ledger, lost).await > 0).await;
    }
    all_are_answered(&ledger, &account, REQUESTS).await;
    assert_eq!(ledger.stop().await, Some(0), "{collector:?}");
    let lines = lines(&output.join().unwrap());
    let stopped = line(&lines, "stopped");
    assert_eq!((&stopped["parts_aborted"], &stopped["store_closed"]), (&Json::from("[]"), &Json::from(true)));
    lines
}

#[tokio::test]
async fn a_working_collector_receives_everything_of_the_same_requests() {
    let (url, exports) = Collector::Works.start().await;
    let mut ledger = exporting(&url).await;
    let (output, errors) = ledger.output();
    let (output, _errors) = (read(output), read(errors));
    let account = ledger.account("open", 0).await;
    all_are_answered(&ledger, &account, REQUESTS).await;
    eventually("spans are exported", async || metric(&ledger, "traces_spans_exported_total").await > REQUESTS.into())
        .await;
    eventually("metrics are exported", async || metric(&ledger, "otlp_metrics_points_exported_total").await > 0).await;
    for lost in LOST {
        assert_eq!(metric(&ledger, lost).await, 0, "{lost}");
    }
    assert_eq!(ledger.stop().await, Some(0));
    let holds = |signal, text: &str| {
        exports.of(signal).iter().any(|body| body.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    let route = "/v1/accounts/{id}";
    for (signal, text) in
        [("traces", route), ("metrics", route), ("metrics", "http.server.request.duration"), ("logs", route)]
    {
        assert!(holds(signal, text), "{text} is not among the {signal}");
    }
    let lines = lines(&output.join().unwrap());
    let is_loss = |line: &&Json| line["level"] == "WARN" && line["target"] != "access";
    assert_eq!(lines.iter().find(is_loss), None);
}

#[tokio::test]
async fn a_dead_collector_changes_no_answer_and_the_loss_is_reported() {
    let log = log_with_lost_spans(Collector::IsDead, REQUESTS).await;
    assert_eq!(line(&log, "traces cannot be exported; check OTEL_EXPORTER_OTLP_ENDPOINT")["level"], "WARN");
    for signal in ["metrics", "logs"] {
        let reports = |line: &&Json| {
            line["message"].as_str().unwrap().starts_with("an export failed") && line["signal"] == signal
        };
        assert_eq!(log.iter().filter(reports).count(), 1, "{signal} in {log:#?}");
    }
}

#[tokio::test]
async fn a_lying_collector_changes_no_answer_and_the_loss_is_reported() {
    let log = log_with_lost_spans(Collector::Lies, REQUESTS).await;
    // The first export of all gets a page of a web server.
    let reasons: Vec<&str> = log.iter().filter_map(|line| line["reason"].as_str()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("no answer of an OTLP collector")), "{reasons:#?}");
}

#[tokio::test]
#[ignore = "fills the queue of spans"]
async fn a_slow_collector_changes_no_answer_and_the_loss_is_reported() {
    let log = log_with_lost_spans(Collector::IsSlow, MAX_REQUESTS).await;
    line(&log, "the last export did not end in time");
    line(&log, "the last traces could not be exported in time");
}

#[tokio::test]
async fn an_unread_output_changes_no_answer_and_the_process_ends_and_reports_the_loss() {
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
