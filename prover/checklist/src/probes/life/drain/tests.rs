//! `life.drain` on its specimens.

use std::collections::BTreeMap;

use keel_drill::process::Exit;

use super::{Handler, SIGTERM, judge_end};
use crate::clause::life::drain::{IN_FLIGHT, ORDER, READINESS, TRANSFER};
use crate::finding::Verdict;
use crate::probes::life::testing::{examine, falls_short};
use crate::subject::{Dependencies, Dependency, RequestSpec, Subject};
use crate::testing::holds_but_for;
use crate::testing::{command, get, mentions, reserved_port};

#[tokio::test(flavor = "multi_thread")]
async fn requests_in_flight_are_finished_after_sigterm() {
    let finding = examine("life.drain", "life-good", |_| {}).await;
    holds_but_for(&finding, &[TRANSFER, ORDER]);
    mentions(&finding, "8 are answered, 0 closed in order, 0 cut off");
    let finding = examine("life.drain", "life-drops-in-flight", |_| {}).await;
    crate::testing::falls_short(&finding, &["half sent", "cut off"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn an_end_without_notice_or_with_another_code_or_in_the_middle_of_an_answer_falls_short() {
    falls_short("life.drain", "life-never-unready", "no request is answered").await;
    falls_short("life.drain", "life-bad-exit", "code 3").await;
    let finding = examine("life.drain", "life-cuts-answers", |_| {}).await;
    crate::testing::falls_short(&finding, &["is broken off", "8 cut off"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_for_a_slow_dependency_is_in_flight_too() {
    let finding = examine("life.drain", "life-good", asks_another).await;
    holds_but_for(&finding, &[TRANSFER, ORDER]);
    assert!(finding.evidence().iter().any(|piece| piece.what.contains("slow dependency") && piece.is_for()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_request_that_is_dropped_while_its_dependency_is_slow_falls_short() {
    let finding = examine("life.drain", "life-drops-in-flight", asks_another).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "slow dependency");
}

/// Only reads, one of which waits for another specimen.
fn asks_another(subject: &mut Subject) {
    let port = reserved_port();
    subject.requests = vec![get("/"), RequestSpec { uses: vec!["other".to_owned()], ..get("/ask") }];
    subject.dependencies = Dependencies::Declared(vec![Dependency {
        name: "other".to_owned(),
        env: "LIFE_UPSTREAM".to_owned(),
        url: format!("http://127.0.0.1:{port}").parse().expect("a loopback URL is a URL"),
        run: Some(command("life-good", port)),
        ready: Some("/ready".to_owned()),
        env_of_run: BTreeMap::new(),
        many: None,
        value: None,
        sets: BTreeMap::new(),
        listen: None,
        named: None,
        trip: None,
        release: None,
    }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_requests_cannot_be_held_in_flight_is_unknown() {
    let only_reads = |subject: &mut Subject| subject.requests.retain(RequestSpec::only_reads);
    let finding = examine("life.drain", "life-good", only_reads).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_end_on_sigterm_falls_short() {
    let finding = examine("life.drain", "life-deaf", |subject| {
        subject.drain_timeout = std::time::Duration::from_secs(2);
    })
    .await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    mentions(&finding, "still runs");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_signal_that_is_handled_and_raised_again_is_a_clean_end_and_one_that_is_not_handled_is_none() {
    holds_but_for(&examine("life.drain", "life-raises-again", |_| {}).await, &[TRANSFER, ORDER]);
    falls_short("life.drain", "life-unhandled", "SIGTERM is not handled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_under_way_is_judged_by_its_bytes() {
    let large = |subject: &mut Subject| subject.requests.push(get("/large"));
    let finding = examine("life.drain", "life-cuts-transfers", large).await;
    crate::testing::falls_short(&finding, &["bytes of GET /large, under way at SIGTERM"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: run by make test-long"]
async fn a_transfer_that_comes_whole_holds_and_one_that_a_page_links_to_is_found() {
    let finding = examine("life.drain", "life-good", |subject| subject.requests.push(get("/large"))).await;
    holds_but_for(&finding, &[ORDER]);
    mentions(&finding, "bytes of GET /large, under way at SIGTERM");
    falls_short("life.drain", "life-cuts-linked", "bytes of GET /large, under way at SIGTERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_refused_in_peace_and_a_readiness_that_is_not_declared_are_gaps() {
    let finding = examine("life.drain", "life-good", |subject| {
        subject.ready = None;
        subject.requests.iter_mut().for_each(|request| request.expect = request.json.as_ref().map(|_| 418));
    })
    .await;
    holds_but_for(&finding, &[READINESS, IN_FLIGHT, TRANSFER, ORDER]);
    mentions(&finding, "not as declared");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_finishes_nothing_and_raises_the_signal_again_is_no_clean_end() {
    falls_short("life.drain", "life-raises-at-once", "its handler only ends it").await;
}

#[test]
fn an_end_by_the_signal_is_clean_only_when_work_was_seen_to_be_finished() {
    let by_signal = |handled, finished| {
        judge_end(Some(Exit::Signal(SIGTERM)), Handler { handled, finished }, std::time::Duration::ZERO).0
    };
    assert_eq!(by_signal(true, Some(true)), Some(true));
    assert_eq!(by_signal(true, Some(false)), Some(false));
    assert_eq!(by_signal(true, None), None, "nothing was under way");
    assert_eq!(by_signal(false, Some(true)), Some(false));
}
