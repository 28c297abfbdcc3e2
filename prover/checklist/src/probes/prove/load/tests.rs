//! `prove.load` on specimens that do 100 requests a second: overload is cheap there.

use crate::clause::prove::load::{EXPECTED, PEAK};
use crate::testing::holds_but_for;
use crate::testing::request;
use std::time::Duration;

use super::examine_for;
use crate::finding::{Finding, Verdict};
use crate::subject::{Load, RequestSpec, Subject};
use crate::testing::{examine, get, lab, mentions, post};

/// Its work, and the patience it should have.
fn works(subject: &mut Subject) {
    subject.deadline = Duration::from_secs(1);
    subject.requests = vec![get("/work")];
}

async fn loaded(name: &str, load: Load) -> Finding {
    let mut lab = lab(name, |subject| {
        works(subject);
        subject.load = Some(load);
    })
    .await;
    examine_for(&mut lab, Duration::from_secs(3)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_is_served_within_its_objectives_holds() {
    // One place is free for each request at these rates, and the objective is far from what a busy machine makes of it.
    let load = Load { rate: 5.0, peak: 10.0, p99: Duration::from_secs(2), errors: 0.1 };
    let mut lab = lab("loaded-waits", |subject| {
        works(subject);
        subject.requests.push(RequestSpec { name: "order".into(), ..request("POST", "/order") });
        subject.load = Some(load);
    })
    .await;
    let finding = examine_for(&mut lab, Duration::from_secs(3)).await;
    holds_but_for(&finding, &[EXPECTED, PEAK]);
    mentions(&finding, "safe to repeat: order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_queues_beyond_its_capacity_misses_the_declared_latency() {
    let load = Load { rate: 10.0, peak: 400.0, p99: Duration::from_secs(2), errors: 0.01 };
    let finding = loaded("loaded-waits", load).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "at the peak load of 400 a second 99 of 100");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_beyond_the_declared_share_of_errors_fall_short() {
    let load = Load { rate: 400.0, peak: 400.0, p99: Duration::from_secs(2), errors: 0.01 };
    let finding = loaded("loaded-refuses", load).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "requests fail");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_declared_load_nothing_can_be_said_and_it_tells_what_to_write() {
    let finding = examine("prove.load", "loaded-refuses").await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "[load] rate = 50");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_load_sends_a_key_that_another_has_sent() {
    let mut lab = lab("loaded-once", |subject| {
        let spec = post("/work", serde_json::json!({}));
        subject.requests = vec![RequestSpec { idempotent: Some("Idempotency-Key".to_owned()), ..spec }];
        subject.load = Some(Load { rate: 10.0, peak: 20.0, p99: Duration::from_secs(2), errors: 0.0 });
    })
    .await;
    let finding = examine_for(&mut lab, Duration::from_secs(1)).await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
}
