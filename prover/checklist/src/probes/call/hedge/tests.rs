//! `call.hedge` on its specimens.

use crate::testing::request;
use std::time::Duration;

use crate::finding::{Finding, Verdict};
use crate::probes::call::testing::examine;
use crate::subject::{RequestSpec, Subject};
use crate::testing::{calls_for_prices, examine_declared, mentions};

/// With a deadline that makes slow calls take half a second, and with orders.
async fn examine_hedges(name: &str) -> Finding {
    let declare = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.deadline = Duration::from_secs(2);
        subject.requests.push(RequestSpec { uses: vec!["prices".to_owned()], ..request("POST", "/order") });
    };
    let finding = examine_declared("call.hedge", name, declare).await;
    assert!(!finding.evidence().is_empty(), "{finding:?}");
    finding
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reads_are_hedged_within_a_budget() {
    let finding = examine_hedges("hedges-budgeted").await;
    assert_eq!(finding.verdict(), Verdict::Holds, "{finding:#?}");
    let finding = examine_hedges("hedges-eager").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "while all calls took");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_not_idempotent_is_not_hedged() {
    let finding = examine_hedges("hedges-careless").await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "not safe to repeat");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_after_a_timeout_is_no_hedge() {
    let finding = examine_hedges("hedges-repeating").await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "had a second one after it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_hedge_without_a_declaration_is_unknown() {
    let finding = examine("call.hedge", "call-good").await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    mentions(&finding, "0 one beside it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_declared_as_hedged_must_be_hedged() {
    let declare = |subject: &mut Subject| {
        calls_for_prices(subject);
        subject.requests.iter_mut().filter(|spec| !spec.uses.is_empty()).for_each(|spec| spec.hedged = true);
    };
    let finding = examine_declared("call.hedge", "call-good", declare).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "declared as hedged");
}
