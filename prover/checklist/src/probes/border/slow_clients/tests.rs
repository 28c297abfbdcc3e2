//! `border.slow-clients` on its specimens.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

use std::time::Duration;

use serde_json::json;

use super::{Patience, begun, clause, examine, examine_with};
use crate::finding::{Bearing, Finding, Verdict};
use crate::lab::Lab;
use crate::probes::border::testing::{note, things};
use crate::subject::{RequestSpec, Subject};
use crate::testing::{falls_short, get, holds, is_unknown, lab, post};

const SHORT: Patience =
    Patience { cut: Duration::from_secs(12), drip: Duration::from_millis(300), ask: Duration::from_millis(500) };

async fn slow_clients_of(name: &str) -> Finding {
    slow_clients_with(name, |subject| subject.requests.push(get("/large"))).await
}

async fn slow_clients_with(name: &str, also: impl FnOnce(&mut Subject)) -> Finding {
    let declare = |subject: &mut Subject| {
        things(subject);
        also(subject);
    };
    let mut lab: Lab = lab(name, declare).await;
    examine_with(&mut lab, SHORT).await
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_for_a_server_that_cuts_after_two_seconds() {
    let finding = slow_clients_of("border-sound").await;
    holds(&finding);
    let judged = finding.evidence().iter().filter(|piece| piece.is_for()).count();
    assert_eq!(judged, 6, "five slow clients and the harmless one are judged: {finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_server_that_waits_for_ever() {
    let finding = slow_clients_of("border-patient").await;
    falls_short(&finding, &["a head that", "a body of POST /things that", "says nothing", "never reads"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn falls_short_for_a_write_that_waits_while_others_do_not() {
    let finding = slow_clients_with("border-waits-for-notes", |subject| subject.requests.push(note())).await;
    falls_short(&finding, &["a body of PUT /note that comes a byte at a time was still held"]);
    assert_eq!(finding.pieces(Bearing::Against).count(), 1, "only that one: {finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_is_refused_at_its_usual_pace_says_nothing_about_slow_bodies() {
    let refused =
        |subject: &mut Subject| subject.requests = vec![RequestSpec { expect: Some(204), ..post("/", json!({})) }];
    let finding = slow_clients_with("border-sound", refused).await;
    assert_eq!(finding.verdict_on(clause::SLOW_BODIES), Some(Verdict::Unknown), "{finding:#?}");
    is_unknown(&finding, "not as declared");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_that_were_begun_before_other_probes_are_judged_as_ever() {
    let mut lab: Lab = lab("border-sound", things).await;
    begun::begin(&mut lab).await;
    let finding = examine(&mut lab).await;
    for part in [clause::SLOW_HEADERS, clause::SLOW_BODIES, clause::IDLE] {
        assert_eq!(finding.verdict_on(part), Some(Verdict::Holds), "{finding:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_not_held_beside_other_probes_when_others_notice_or_another_process_runs() {
    let mut starved: Lab = lab("border-starves", things).await;
    begun::begin(&mut starved).await;
    assert!(begun::take(&mut starved).is_none());

    let mut restarted: Lab = lab("border-sound", things).await;
    begun::begin(&mut restarted).await;
    restarted.stop().await;
    restarted.ensure_running().await.unwrap();
    assert!(begun::take(&mut restarted).is_none());
}
