//! `prove.attack` on specimens: one that holds, some that fall, and the limits without a declared state.

use crate::clause::prove::attack::{ENUMERATION, EVERY_RELEASE, REPLAY};
use crate::testing::holds_but_for;
use crate::testing::post;
use std::time::Duration;

use keel_drill::attack::{self, Attack, Bounds};
use serde_json::json;

use super::{BOUNDS, examine_with};
use crate::finding::{Bearing, Finding, Verdict};
use crate::lab::Lab;
use crate::subject::{RequestSpec, State, Subject};
use crate::testing::{get, lab, says};

/// A few seconds each, and more connections than any specimen gives one address.
const SMALL: Bounds =
    Bounds { connections: 100, duration: Duration::from_secs(2), answer: Duration::from_secs(2), ..BOUNDS };

fn named(ids: &[&str]) -> Vec<&'static Attack> {
    ids.iter().map(|id| attack::named(id).unwrap_or_else(|| panic!("no attack is called {id}"))).collect()
}

async fn attacked(lab: &mut Lab, ids: &[&str]) -> Finding {
    let finding = examine_with(lab, &named(ids), &SMALL).await;
    assert!(ids.iter().all(|id| finding.evidence().iter().any(|piece| piece.what.starts_with(id))), "{finding:#?}");
    finding
}

/// A thing that is made with a key.
fn keyed(subject: &mut Subject) {
    let thing = RequestSpec {
        headers: [("Idempotency-Key".to_owned(), "{key}".to_owned())].into(),
        idempotent: Some("Idempotency-Key".to_owned()),
        save: [("thing".to_owned(), "/id".to_owned())].into(),
        ..post("/things", json!({ "name": "a thing", "size": 3 }))
    };
    subject.requests = vec![get("/"), thing];
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_and_bounds_holds_and_each_attack_is_reported() {
    let mut lab = lab("border-sound", |subject| subject.state = State::None).await;
    let ids =
        ["path-traversal", "smuggle-cl-te", "smuggle-te-cl", "header-size", "long-uri", "json-depth", "slow-headers"];
    let finding = attacked(&mut lab, &ids).await;
    holds_but_for(&finding, &[ENUMERATION, REPLAY, EVERY_RELEASE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_both_lengths_falls_and_the_attribute_that_mends_it_is_named() {
    let mut lab = lab("border-unlimited", |subject| subject.state = State::None).await;
    let finding = attacked(&mut lab, &["smuggle-te-cl", "path-traversal"]).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    assert!(finding.summary().starts_with("smuggle-te-cl "), "{}", finding.summary());
    says(&finding, Bearing::Against, &["mend by border.limits"]);
    let fell = finding.evidence().iter().find(|piece| piece.is_against()).expect("one fell");
    assert!(fell.sent.is_some() && fell.came_back.is_some(), "it can be sent again by hand: {fell:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_few_connections_anybody_can_take_falls_by_its_bystander() {
    let mut lab = lab("border-starves", |subject| subject.state = State::None).await;
    let finding = attacked(&mut lab, &["slow-headers", "path-traversal"]).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    says(&finding, Bearing::Against, &["slow-headers", "mend by border.slow-clients"]);
    assert_eq!(finding.pieces(Bearing::Against).count(), 1, "{finding:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_forgets_keys_falls_to_replay_where_its_state_is_declared() {
    let mut lab = lab("border-forgets-keys", |subject| {
        keyed(subject);
        subject.state = State::Durable;
    })
    .await;
    let finding = attacked(&mut lab, &["key-replay"]).await;
    assert_eq!(finding.verdict(), Verdict::FallsShort, "{finding:#?}");
    says(&finding, Bearing::Against, &["key-replay", "mend by border.idempotency"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_without_a_declared_state_and_then_nothing_holds() {
    let mut lab = lab("border-forgets-keys", keyed).await;
    let before = things(&lab).await;
    let finding = attacked(&mut lab, &["cross-site", "key-replay", "key-race", "json-width", "smuggle-te-cl"]).await;
    assert_eq!(finding.verdict(), Verdict::Unknown, "{finding:#?}");
    says(&finding, Bearing::Gap, &["declare state = \"durable\""]);
    assert_eq!(things(&lab).await, before, "no thing was made");
}

/// Returns the objects that the service lists.
async fn things(lab: &Lab) -> String {
    let exchange = lab.http().send(keel_wire::http::Request::get("/things")).await;
    exchange.answer().map(keel_wire::http::Answer::text).unwrap_or_else(|| panic!("it lists things: {exchange:?}"))
}
