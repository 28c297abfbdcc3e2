//! Metrics of the ledger, as Prometheus' own tools read them.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::prometheus::Prometheus;
use crate::running::{Ledger, NO_BANK, eventually};
use evenkeel::axum::http::Method;
use serde_json::json;

/// The format that Prometheus 2.42 asks for.
const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// A ledger that has answered, refused and looked for what is not there.
async fn used_ledger() -> Ledger {
    let ledger = Ledger::start(NO_BANK).await;
    let account = ledger.account("open", 0).await;
    assert_eq!(ledger.balance(&account).await, 0);
    assert_eq!(ledger.get("/nothing-is-here").await.status, 404);
    ledger
}

#[tokio::test]
async fn promtool_finds_nothing_wrong_with_the_metrics() {
    let ledger = used_ledger().await;
    let text = ledger.metrics("text/plain").await;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool of Debian's package prometheus: make setup-tests installs it");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && told.is_empty(), "{told}");
}

#[tokio::test]
async fn the_series_of_a_failure_is_there_before_the_first_failure() {
    let ledger = used_ledger().await;
    let failures = r#"http_server_requests_total{listener="public",http_route="/v1/payouts",http_request_method="POST",http_response_status_code="5xx",error_type="5xx"} 0"#;
    for accept in ["text/plain", OPEN_METRICS] {
        let text = ledger.metrics(accept).await;
        assert!(text.contains(failures), "{failures}\nis not in\n{text}");
    }
}

#[tokio::test]
async fn open_metrics_are_answered_to_a_scraper_that_prefers_them() {
    let text = used_ledger().await.metrics(OPEN_METRICS).await;
    assert!(text.ends_with("# EOF\n") && text.contains("# TYPE http_server_requests counter\n"), "{text}");
}

#[tokio::test]
#[ignore = "starts Prometheus twice"]
async fn prometheus_keeps_native_histograms_and_open_metrics_of_the_ledger() {
    let ledger = used_ledger().await;
    let route = r#"listener="public",http_route="/v1/accounts",http_request_method="POST",error_type="""#;
    let native = Prometheus::start("", ledger.admin_address(), "native-histograms");
    let count = format!("histogram_count(http_server_request_duration_seconds{{{route}}})");
    eventually("a native histogram is kept", async || native.number(&count).await == Some(1.0)).await;
    let median = format!("histogram_quantile(0.5, http_server_request_duration_seconds{{{route}}})");
    let median = native.number(&median).await.unwrap();
    assert!(median > 0.0 && median < 60.0, "{median}");
    drop(native);

    let text = Prometheus::start("", ledger.admin_address(), "exemplar-storage");
    let count = format!("http_server_request_duration_seconds_count{{{route}}}");
    eventually("a classic histogram is kept", async || text.number(&count).await == Some(1.0)).await;
    let up = text.number(r#"up{job="ledger"}"#).await;
    assert_eq!(up, Some(1.0));
}

#[tokio::test]
async fn the_health_document_warns_of_a_breaker_that_is_forced_open() {
    let ledger = used_ledger().await;
    assert_eq!(ledger.health().await["status"], "ready");
    let order = json!({ "order": "open", "author": "ada", "reason": "a test" });
    assert_eq!(ledger.order(Method::PUT, "/policies/rail/breaker", &order).await.status, 204);
    let health = ledger.health().await;
    assert_eq!(
        (&health["status"], &health["warnings"]),
        (&json!("warn"), &json!(["policy rail: breaker is forced open"]))
    );
    assert_eq!(ledger.probe("/readyz").await, Some(200), "a sick dependency does not change readiness");
}
