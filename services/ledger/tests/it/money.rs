//! Money moves as a whole or not at all, never past an overdraft, never between currencies.

use crate::running::{Ledger, NO_BANK};
use evenkeel::store::{Options, Store, StoreError, args};
use futures_util::future::join_all;
use serde_json::{Value as Json, json};

async fn concurrent_transfers_do_not_pass_an_overdraft(ledger: &Ledger) {
    let (from, to) = (ledger.account("from", 100).await, ledger.account("to", 0).await);
    let body = json!({ "from": from, "to": to, "amount": 30 });
    let keys: Vec<String> = (0..20).map(|number| format!("transfer-{number}")).collect();
    let answers = join_all(keys.iter().map(|key| ledger.post("/v1/transfers", key, &body))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 3, "three times 30 is all that an overdraft of 100 allows");
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(refused.status, 422);
        assert_eq!(refused.json::<Json>().unwrap()["type"], "/problems/insufficient-funds");
    }
    assert_eq!((ledger.balance(&from).await, ledger.balance(&to).await), (-90, 90));
    assert!(ledger.books_are_right().await);
}

#[tokio::test]
async fn concurrent_transfers_do_not_pass_an_overdraft_on_sqlite() {
    concurrent_transfers_do_not_pass_an_overdraft(&Ledger::start(NO_BANK).await).await;
}

#[tokio::test]
async fn concurrent_transfers_do_not_pass_an_overdraft_on_postgresql() {
    concurrent_transfers_do_not_pass_an_overdraft(&Ledger::start_on_postgresql(NO_BANK).await).await;
}

/// Sends money around three accounts in both directions, which must not deadlock.
async fn transfers_against_each_other_all_come_to_an_end(ledger: &Ledger) {
    let mut accounts = Vec::new();
    for name in ["a", "b", "c"] {
        accounts.push(ledger.account(name, 1000).await);
    }
    let requests: Vec<(String, Json)> = (0..30)
        .map(|number: usize| {
            let (from, to) = (&accounts[number % 3], &accounts[(number % 3 + 1 + number % 2) % 3]);
            (format!("transfer-{number}"), json!({ "from": from, "to": to, "amount": 1 + number % 5 }))
        })
        .collect();
    let answers = join_all(requests.iter().map(|(key, body)| ledger.post("/v1/transfers", key, body))).await;
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    let mut sum = 0;
    for account in &accounts {
        sum += ledger.balance(account).await;
    }
    assert_eq!(sum, 0);
    assert!(ledger.books_are_right().await);
}

#[tokio::test]
async fn transfers_against_each_other_all_come_to_an_end_on_sqlite() {
    transfers_against_each_other_all_come_to_an_end(&Ledger::start(NO_BANK).await).await;
}

#[tokio::test]
async fn transfers_against_each_other_all_come_to_an_end_on_postgresql() {
    transfers_against_each_other_all_come_to_an_end(&Ledger::start_on_postgresql(NO_BANK).await).await;
}

#[tokio::test]
async fn money_does_not_cross_currencies() {
    let ledger = Ledger::start(NO_BANK).await;
    let (euro, dollar) = (ledger.account("euro", 100).await, ledger.account_in("USD", "dollar", 100).await);
    for (key, from, to) in [("there", &euro, &dollar), ("back", &dollar, &euro)] {
        let answer = ledger.post("/v1/transfers", key, &json!({ "from": from, "to": to, "amount": 5 })).await;
        assert_eq!(answer.status, 422);
        assert_eq!(answer.json::<Json>().unwrap()["type"], "/problems/currency");
    }
    assert_eq!((ledger.balance(&euro).await, ledger.balance(&dollar).await), (0, 0));
}

#[tokio::test]
async fn an_invalid_transfer_is_refused_with_the_reason() {
    let ledger = Ledger::start(NO_BANK).await;
    let (one, other) = (ledger.account("one", 100).await, ledger.account("other", 100).await);
    for (number, (body, field)) in [
        (json!({ "from": one, "to": one, "amount": 5 }), "to"),
        (json!({ "from": one, "to": other, "amount": 0 }), "amount"),
        (json!({ "from": one, "to": other, "amount": -5 }), "amount"),
        (json!({ "from": one, "to": other, "amount": 1.5 }), "amount"),
        (json!({ "from": one, "to": other, "amount": "5" }), "amount"),
        (json!({ "from": one, "to": other, "amount": 1_000_000_000_000_001_i64 }), "amount"),
        (json!({ "from": one, "to": "acc_nobody", "amount": 5 }), "to"),
        (json!({ "from": "own_payouts-in-flight_EUR", "to": other, "amount": 5 }), "from"),
        (json!({ "from": one, "to": other }), "amount"),
        (json!({ "from": one, "to": other, "amount": 5, "note": "lunch" }), "note"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ledger.post("/v1/transfers", &format!("key-{number}"), &body).await;
        let problem: Json = answer.json().unwrap();
        assert_eq!(answer.status, 422, "{body}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(field)), "{body}: {problem}");
    }
    assert_eq!(ledger.balance(&one).await, 0);
}

async fn a_transfer_that_is_not_as_it_was_written_is_refused(ledger: &Ledger) {
    let (from, to) = (ledger.account("from", 100).await, ledger.account("to", 0).await);
    let made = ledger.post("/v1/transfers", "key", &json!({ "from": from, "to": to, "amount": 5 })).await;
    let path = made.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(ledger.get(&path).await.status, 200);
    let store = Store::open(&ledger.database().parse().unwrap(), Options::default()).await.unwrap();
    let change = async |sql: &'static str| {
        let changed: Result<u64, StoreError> =
            store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await })).await;
        assert_eq!(changed.unwrap(), 1);
    };
    for (damage, repair) in [
        ("UPDATE transfers SET amount = amount + 1", "UPDATE transfers SET amount = amount - 1"),
        ("UPDATE transfers SET created_at = created_at - 1", "UPDATE transfers SET created_at = created_at + 1"),
    ] {
        change(damage).await;
        for path in [path.as_str(), "/v1/transfers"] {
            assert_eq!(ledger.get(path).await.status, 500, "{path} after {damage}");
        }
        change(repair).await;
        assert_eq!(ledger.get(&path).await.status, 200);
    }
}

#[tokio::test]
async fn a_transfer_that_is_not_as_it_was_written_is_refused_on_sqlite() {
    a_transfer_that_is_not_as_it_was_written_is_refused(&Ledger::start(NO_BANK).await).await;
}

#[tokio::test]
async fn a_transfer_that_is_not_as_it_was_written_is_refused_on_postgresql() {
    a_transfer_that_is_not_as_it_was_written_is_refused(&Ledger::start_on_postgresql(NO_BANK).await).await;
}
