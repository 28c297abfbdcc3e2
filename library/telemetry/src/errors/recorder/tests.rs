//! Failures of work in a scope, as the recorder shows them.

use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt;
use vitals::{Build, Step};

use super::*;
use crate::errors::{MAX_LINES, MAX_REPORT_BYTES, MAX_STEPS, note_call, note_call_end, note_error, note_panic};
use crate::{RequestContext, in_step};

fn recorder() -> (Errors, Registry) {
    let registry = Registry::new();
    let instance = Instance::new(Build { name: "shop", version: "1.2.3", commit: "abc" });
    (Errors::new(&instance, &registry), registry)
}

fn context() -> RequestContext {
    let (request_id, trace) = vitals::new_request_id_and_trace();
    RequestContext { request_id, trace }
}

fn failure(context: &RequestContext, status: Option<u16>) -> Failure<'_> {
    Failure {
        work: if status.is_some() { "request" } else { "job" },
        name: "/orders",
        method: if status.is_some() { "GET" } else { "" },
        status,
        error: status.is_none().then_some(("timeout", "password=hunter22 was wrong")),
        request_id: &context.request_id,
        trace: context.trace,
        took: Duration::from_millis(5),
        deadline_left: None,
        criticality: "default",
    }
}

/// Runs work that fails, in its scope.
async fn failed(errors: &Errors, status: Option<u16>, work: impl Future<Output = ()>) {
    let context = context();
    let record = async {
        work.await;
        errors.record(&failure(&context, status), RequestHead::default);
    };
    context.clone().scope(record).await;
}

#[tokio::test(start_paused = true)]
async fn a_group_counts_failures_and_gets_a_further_report_after_a_minute() {
    let (errors, registry) = recorder();
    for _ in 0..50 {
        failed(&errors, Some(500), async {}).await;
    }
    tokio::time::advance(Duration::from_secs(60)).await;
    failed(&errors, Some(500), async {}).await;
    let groups = errors.groups_now();
    assert_eq!((groups.len(), groups[0].count, groups[0].reports.len()), (1, 51, 2));
    assert_eq!(groups[0].kind, "status 500");
    let row = registry.snapshot_of(&["errors"]).remove(0).rows.remove(0);
    assert_eq!((row[0].as_text(), &row[7]), (Some(groups[0].fingerprint.as_str()), &51.into()));
    assert!(registry.metrics().all(|table| table.table.name != "errors"), "it is no metric");
}

#[tokio::test]
async fn the_noted_error_comes_before_a_failed_call_and_that_before_the_status() {
    let (errors, _registry) = recorder();
    let call = || async {
        let step = in_step(Step::Call);
        note_call(step.number(), "bank", 2);
        note_call_end(step.number(), CallOutcome::Failed("timeout"));
    };
    let kind = |errors: &Errors| errors.groups_now().remove(0).kind;
    failed(&errors, Some(502), call()).await;
    assert_eq!(kind(&errors), "call to bank: timeout");
    let noted = async {
        call().await;
        note_error(&std::io::Error::other("disk"));
    };
    failed(&errors, Some(502), noted).await;
    assert_eq!(errors.groups_now().len(), 2);
    let group = errors.groups_now().into_iter().find(|group| group.kind.ends_with("io::error::Error")).unwrap();
    assert!(group.place.contains("recorder/tests.rs:"), "{}", group.place);
    failed(&errors, Some(500), async { note_panic(&"no such drawer") }).await;
    let panic = errors.groups_now().into_iter().find(|group| group.kind == "panic").unwrap();
    assert_eq!(panic.message, "no such drawer");
    failed(&errors, Some(500), async {}).await;
    assert_eq!(errors.groups_now().len(), 4, "nothing of the requests before is left");
}

#[tokio::test]
async fn a_failed_job_is_a_group_with_the_text_of_its_error_without_secrets() {
    let (errors, _registry) = recorder();
    failed(&errors, None, async {}).await;
    let group = errors.groups_now().remove(0);
    assert_eq!(
        (group.work, group.kind.as_str(), group.message.as_str()),
        ("job", "timeout", "password=[redacted] was wrong")
    );
    assert_eq!(group.reports[0]["work"]["name"], "/orders");
}

#[tokio::test]
async fn a_report_of_a_request_that_did_much_is_bounded() {
    let (errors, registry) = recorder();
    for number in 0..100 {
        registry.bus().publish("breaker", number.to_string(), "open", "x".repeat(5_000));
    }
    let much = async {
        for _ in 0..100 {
            drop(in_step(Step::Statement));
        }
        note_error(&std::io::Error::other("y".repeat(100_000)));
    };
    let lines = || crate::context::with_trail(|trail| (0..100).for_each(|_| trail.line(&"z".repeat(5_000))));
    let much = async {
        lines();
        much.await;
    };
    failed(&errors, Some(500), much).await;
    let report = errors.groups_now().remove(0).reports.remove(0);
    assert!(report.to_string().len() <= MAX_REPORT_BYTES + 256, "{}", report.to_string().len());
    assert_eq!(report["left_out"]["steps"], 100 - MAX_STEPS);
    assert_eq!(report["left_out"]["lines"], 100 - MAX_LINES);
    assert!(report["left_out"]["events"].as_u64().is_some() && report["causes"][0].as_str().is_some());
}

#[test]
fn log_lines_of_the_request_and_the_place_of_its_last_error_are_in_the_report() {
    let (errors, _registry) = recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let layer = crate::logs::layer_for_tests();
    tracing::subscriber::with_default(tracing_subscriber::Registry::default().with(layer), || {
        tracing::info!("of nobody");
        runtime.block_on(failed(&errors, Some(500), async {
            tracing::info!(order = 7, token = "hunter22", "read");
            tracing::error!("cannot be stored");
        }));
    });
    let group = errors.groups_now().remove(0);
    let logs = group.reports[0]["logs"].as_array().unwrap();
    assert_eq!((logs.len(), &logs[0]["order"], &logs[1]["message"]), (2, &7.into(), &"cannot be stored".into()));
    assert!(group.place.contains("recorder/tests.rs:") && !group.reports[0].to_string().contains("hunter22"));
}

#[tokio::test]
async fn each_report_is_passed_on_once() {
    let (errors, _registry) = recorder();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    assert!(errors.export_to(move |report| drop(sender.send(report))) && !errors.export_to(drop));
    failed(&errors, Some(500), async {}).await;
    failed(&errors, Some(500), async {}).await;
    assert_eq!(receiver.try_recv().unwrap()["kind"], "status 500");
    assert!(receiver.try_recv().is_err());
}
