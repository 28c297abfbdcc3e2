//! Receipts: sent by a job, set aside when the bank refuses them, and expired after their time.

use std::time::Duration;

use evenkeel::axum;
use evenkeel::axum::http::Method;
use evenkeel::store::{Options, Store, StoreError, args};
use ledger::receipt::expiry::rules;
use rail::Rail;
use serde_json::{Value as Json, json};

use crate::running::{Ledger, eventually};

async fn bank() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, rail::routes(Rail::default())).into_future());
    format!("http://{address}")
}

async fn ask(ledger: &Ledger, transfer: &str, key: &str, destination: &str) -> String {
    let body = json!({ "transfer": transfer, "destination": destination });
    let answer = ledger.post("/v1/receipts", key, &body).await;
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    answer.json::<Json>().unwrap()["id"].as_str().unwrap().to_owned()
}

async fn status(ledger: &Ledger, receipt: &str) -> String {
    let receipt: Json = ledger.get(&format!("/v1/receipts/{receipt}")).await.json().unwrap();
    receipt["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_receipt_that_the_bank_refuses_is_a_dead_letter_and_is_sent_once_its_destination_is_mended() {
    let ledger = Ledger::start(&bank().await).await;
    let (from, to) = (ledger.account("from", 1000).await, ledger.account("to", 0).await);
    let moved = ledger.post("/v1/transfers", "moved", &json!({ "from": from, "to": to, "amount": 5 })).await;
    let transfer = moved.json::<Json>().unwrap()["id"].as_str().unwrap().to_owned();
    let refused = ask(&ledger, &transfer, "refused", "refuse-me").await;
    let sent = ask(&ledger, &transfer, "sent", "DE02").await;
    eventually("the other receipt is sent", async || status(&ledger, &sent).await == "sent").await;
    let dead = async || {
        let list = ledger.order(Method::GET, "/dead-letters", &json!({})).await.json::<Json>().unwrap();
        list["dead_letters"].as_array().unwrap().clone()
    };
    eventually("the refused one is a dead letter", async || dead().await.len() == 1).await;
    let letter = dead().await.remove(0);
    assert!(letter["error"].as_str().unwrap().contains("the bank refused"), "{letter}");
    assert_eq!(status(&ledger, &refused).await, "pending");
    let payload = json!({ "receipt": refused, "transfer": transfer, "destination": "DE02" });
    let edit = json!({ "payload": payload, "author": "ada", "reason": "a typing error" });
    let edited = ledger.order(Method::PUT, &format!("/dead-letters/{}/payload", letter["id"]), &edit).await;
    assert_eq!(edited.status, 204);
    let redrive = json!({ "ids": [letter["id"]], "author": "ada", "reason": "mended" });
    assert_eq!(ledger.order(Method::POST, "/dead-letters/redrive", &redrive).await.status, 200);
    eventually("it is sent", async || status(&ledger, &refused).await == "sent").await;
    assert_eq!(dead().await, Vec::<Json>::new());
    let receipt: Json = ledger.get(&format!("/v1/receipts/{refused}")).await.json().unwrap();
    assert_eq!(receipt["destination"], "DE02");
}

#[tokio::test]
async fn a_receipt_needs_a_transfer_that_is_there() {
    let ledger = Ledger::start(&bank().await).await;
    for (key, transfer) in [("one", "tra_nothing"), ("two", "")] {
        let body = json!({ "transfer": transfer, "destination": "DE02" });
        let answer = ledger.post("/v1/receipts", key, &body).await;
        assert_eq!((answer.status.as_u16(), answer.json::<Json>().unwrap()["field"].clone()), (422, json!("transfer")));
    }
    assert_eq!(ledger.get("/v1/receipts/rcp_nothing").await.status, 404);
}

#[tokio::test]
async fn a_payout_with_an_advice_ends_with_the_message_to_the_payee() {
    let ledger = Ledger::start(&bank().await).await;
    let account = ledger.account("account", 1000).await;
    let body = json!({ "account": account, "amount": 7, "destination": "DE02", "advice": "invoice 1" });
    let answer = ledger.post("/v1/payouts", "payout", &body).await;
    assert_eq!(answer.status, 202);
    let payout = answer.json::<Json>().unwrap()["id"].as_str().unwrap().to_owned();
    let run = async || {
        let run = ledger.order(Method::GET, &format!("/runs/{payout}"), &json!({})).await.json::<Json>().unwrap();
        (run["run"]["state"].clone(), run["steps"].as_array().map_or(0, Vec::len))
    };
    eventually("the payee was told", async || run().await == (json!("done"), 4)).await;
    let too_long = json!({ "account": account, "amount": 7, "destination": "DE02", "advice": "x".repeat(141) });
    assert_eq!(ledger.post("/v1/payouts", "too-long", &too_long).await.status, 422);
    assert!(ledger.books_are_right().await);
}

#[tokio::test]
async fn receipts_older_than_their_time_are_deleted_in_batches_and_younger_ones_stay() {
    let store = Store::open(&"sqlite::memory:".parse().unwrap(), Options::default()).await.unwrap();
    store.migrate(&ledger::migrations::all()).await.unwrap();
    let statements = [
        "INSERT INTO accounts VALUES ('acc_a', 'EUR', 99, 0, FALSE, 0), ('acc_b', 'EUR', 0, 0, FALSE, 0)",
        "INSERT INTO transfers VALUES ('tra_1', 'acc_a', 'acc_b', 1, 'EUR', 0, NULL)",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120) \
         INSERT INTO receipts SELECT 'rcp_' || i, 'tra_1', 'DE02', 'sent', i FROM n",
        "INSERT INTO receipts VALUES ('rcp_young', 'tra_1', 'DE02', 'sent', unixepoch() * 1000000)",
    ];
    for sql in statements {
        let run: Result<u64, StoreError> =
            store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await })).await;
        run.unwrap();
    }
    assert_eq!(rules(&store, Duration::from_secs(3600)).purge().await.unwrap(), 120);
    assert_eq!(rules(&store, Duration::from_secs(3600)).purge().await.unwrap(), 0);
}
