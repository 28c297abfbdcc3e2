//! What clients rely on: no overdraft is passed, keys name one request, lists show each thing once, the page works.
#![allow(clippy::unwrap_used, reason = "a test that panics says where")]

mod running;

use std::collections::HashSet;

use futures_util::future::join_all;
use running::Ledger;
use serde_json::{Value as Json, json};

const NO_BANK: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn an_overdraft_is_not_passed_however_many_ask_at_once() {
    let ledger = Ledger::start(NO_BANK).await;
    let (from, to) = (ledger.account("from", 100).await, ledger.account("to", 0).await);
    let body = json!({ "from": from, "to": to, "amount": 30 });
    let keys: Vec<String> = (0..20).map(|number| format!("transfer-{number}")).collect();
    let answers = join_all(keys.iter().map(|key| ledger.post("/v1/transfers", key, &body))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 3, "three times 30 is all that an overdraft of 100 allows");
    assert!(answers.iter().all(|answer| [201, 422].contains(&answer.status.as_u16())));
    assert_eq!((ledger.balance(&from).await, ledger.balance(&to).await), (-90, 90));
    assert!(ledger.books_are_right().await);
}

#[tokio::test]
async fn a_key_names_one_request_for_ever() {
    let ledger = Ledger::start(NO_BANK).await;
    let (from, to) = (ledger.account("from", 100).await, ledger.account("to", 0).await);
    let body = json!({ "from": from, "to": to, "amount": 5 });
    let first = ledger.post("/v1/transfers", "key", &body).await;
    let again = ledger.post("/v1/transfers", "key", &body).await;
    assert_eq!((first.status.as_u16(), first.status, &first.body), (201, again.status, &again.body));
    let other = ledger.post("/v1/transfers", "key", &json!({ "from": from, "to": to, "amount": 6 })).await;
    assert_eq!(other.status, 422);
    assert_eq!(ledger.balance(&to).await, 5);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_the_reason() {
    let ledger = Ledger::start(NO_BANK).await;
    let (euro, other) = (ledger.account("euro", 100).await, ledger.account("other", 100).await);
    let dollar = ledger.post("/v1/accounts", "dollar", &json!({ "currency": "USD" })).await.json::<Json>().unwrap();
    for (number, (body, status)) in [
        (json!({ "from": euro, "to": dollar["id"], "amount": 5 }), 422),
        (json!({ "from": euro, "to": euro, "amount": 5 }), 422),
        (json!({ "from": euro, "to": other, "amount": 0 }), 422),
        (json!({ "from": euro, "to": other, "amount": -5 }), 422),
        (json!({ "from": euro, "to": other, "amount": 1.5 }), 422),
        (json!({ "from": euro, "to": "acc_nobody", "amount": 5 }), 422),
        (json!({ "from": euro, "to": other }), 422),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ledger.post("/v1/transfers", &format!("key-{number}"), &body).await;
        let problem: Json = answer.json().unwrap();
        assert_eq!(answer.status, status, "{body}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{body}: {problem}");
    }
    assert_eq!(ledger.balance(&euro).await, 0);
}

#[tokio::test]
async fn pages_of_a_list_show_each_thing_once_while_more_are_made() {
    let ledger = Ledger::start(NO_BANK).await;
    let mut made = HashSet::new();
    for number in 0..7 {
        made.insert(ledger.account(&format!("account-{number}"), 0).await);
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/accounts?limit=3".to_owned());
    loop {
        let page: Json = ledger.get(&path).await.json().unwrap();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        ledger.account(&format!("meanwhile-{}", seen.len()), 0).await;
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/accounts?limit=3&cursor={next}");
        assert!(seen.len() < 50, "the list ends");
    }
    let once: HashSet<String> = seen.iter().cloned().collect();
    assert_eq!(once.len(), seen.len(), "nothing is shown twice");
    assert!(made.is_subset(&once), "nothing is left out");
}

#[tokio::test]
async fn the_page_lets_nothing_run_that_is_not_its_own() {
    let ledger = Ledger::start(NO_BANK).await;
    ledger.account("account", 100).await;
    let page = ledger.get("/").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(text.contains("<form") && text.contains("acc_"), "{text}");
    assert!(!text.contains("<script") && !text.contains("style="), "{text}");
}
