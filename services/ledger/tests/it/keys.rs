//! An idempotency key names one request for ever: one effect, one answer.

use crate::running::{Ledger, NO_BANK};
use futures_util::future::join_all;
use serde_json::{Value as Json, json};

async fn a_key_that_comes_fifty_times_at_once_moves_money_once(ledger: &Ledger) {
    let (from, to) = (ledger.account("from", 1000).await, ledger.account("to", 0).await);
    let body = json!({ "from": from, "to": to, "amount": 10 });
    let answers = join_all((0..50).map(|_| ledger.post("/v1/transfers", "same", &body))).await;
    for answer in &answers {
        assert_eq!((answer.status.as_u16(), &answer.body), (201, &answers[0].body));
        assert_eq!(answer.headers["location"], answers[0].headers["location"]);
    }
    let told_as_replayed = answers.iter().filter(|answer| answer.headers.contains_key("idempotent-replayed")).count();
    assert_eq!(told_as_replayed, 49);
    let transfers: Json = ledger.get("/v1/transfers").await.json().unwrap();
    assert_eq!(transfers["items"].as_array().unwrap().len(), 1);
    assert_eq!((ledger.balance(&from).await, ledger.balance(&to).await), (-10, 10));
}

#[tokio::test]
async fn a_key_that_comes_fifty_times_at_once_moves_money_once_on_sqlite() {
    a_key_that_comes_fifty_times_at_once_moves_money_once(&Ledger::start(NO_BANK).await).await;
}

#[tokio::test]
async fn a_key_that_comes_fifty_times_at_once_moves_money_once_on_postgresql() {
    a_key_that_comes_fifty_times_at_once_moves_money_once(&Ledger::start_on_postgresql(NO_BANK).await).await;
}

#[tokio::test]
async fn a_key_that_was_used_for_another_body_is_refused() {
    let ledger = Ledger::start(NO_BANK).await;
    let (from, to) = (ledger.account("from", 100).await, ledger.account("to", 0).await);
    let made = ledger.post("/v1/transfers", "key", &json!({ "from": from, "to": to, "amount": 5 })).await;
    assert_eq!(made.status, 201);
    let other = ledger.post("/v1/transfers", "key", &json!({ "from": from, "to": to, "amount": 6 })).await;
    assert_eq!(other.status, 422);
    assert!(other.json::<Json>().unwrap()["detail"].as_str().unwrap().contains("Idempotency-Key"));
    assert_eq!(ledger.balance(&to).await, 5);
}

#[tokio::test]
async fn a_refusal_is_the_answer_to_its_key_also_when_there_is_money_later() {
    let ledger = Ledger::start(NO_BANK).await;
    let (rich, poor) = (ledger.account("rich", 100).await, ledger.account("poor", 0).await);
    let body = json!({ "from": poor, "to": rich, "amount": 5 });
    let refused = ledger.post("/v1/transfers", "key", &body).await;
    let filled = ledger.post("/v1/transfers", "fill", &json!({ "from": rich, "to": poor, "amount": 50 })).await;
    assert_eq!((refused.status.as_u16(), filled.status.as_u16()), (422, 201));
    let again = ledger.post("/v1/transfers", "key", &body).await;
    assert_eq!(again.status, 422);
    let kind = |answer: &evenkeel::client::Response| answer.json::<Json>().unwrap()["type"].clone();
    assert_eq!(kind(&again), kind(&refused));
    assert_eq!(ledger.balance(&poor).await, 50);
}

#[tokio::test]
async fn a_request_without_a_usable_key_is_refused() {
    let ledger = Ledger::start(NO_BANK).await;
    for key in ["", "with a blank", &"k".repeat(256)] {
        let answer = ledger.post("/v1/accounts", key, &json!({ "currency": "EUR" })).await;
        assert_eq!(answer.status, 400, "{key:?}");
    }
}
