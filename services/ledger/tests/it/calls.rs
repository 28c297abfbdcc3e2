//! Policy of the ledger's calls to its bank: shown in the health document, changed on the admin listener.

use crate::running::{Ledger, NO_BANK, eventually};
use evenkeel::axum;
use evenkeel::axum::http::Method;
use rail::Rail;
use rail::behaviour::{Behaviour, Mode};
use serde_json::{Value as Json, json};

async fn bank() -> (Rail, String) {
    let rail = Rail::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, rail::routes(rail.clone())).into_future());
    (rail, format!("http://{address}"))
}

async fn ask(ledger: &Ledger, account: &str, key: &str) -> String {
    let payout = json!({ "account": account, "amount": 1, "destination": "DE02" });
    let payout: Json = ledger.post("/v1/payouts", key, &payout).await.json().unwrap();
    payout["id"].as_str().unwrap().to_owned()
}

async fn is_paid(ledger: &Ledger, payout: &str) -> bool {
    ledger.get(&format!("/v1/payouts/{payout}")).await.json::<Json>().unwrap()["status"] == "paid"
}

#[tokio::test]
async fn a_breaker_that_is_forced_open_spares_the_bank_until_the_order_is_taken_back() {
    let (rail, url) = bank().await;
    let ledger = Ledger::start(&url).await;
    let account = ledger.account("account", 1000).await;
    let order = json!({ "order": "open", "author": "ada", "reason": "the bank asked us to" });
    assert_eq!(ledger.order(Method::PUT, "/policies/rail/breaker", &order).await.status, 204);
    assert_eq!(ledger.policy().await["breaker"], "forced open");
    assert_eq!(ledger.policy().await["breaker_order"], "ada: the bank asked us to");
    let payout = ask(&ledger, &account, "payout").await;
    eventually("a call is refused", async || ledger.policy().await["refused_by_breaker"].as_u64() > Some(0)).await;
    assert_eq!(rail.bank.total().count, 0);
    let back = json!({ "author": "ada", "reason": "the bank is well" });
    assert_eq!(ledger.order(Method::DELETE, "/policies/rail/breaker", &back).await.status, 204);
    eventually("the payout is paid", async || is_paid(&ledger, &payout).await).await;
    assert_eq!(rail.bank.total().count, 1);
}

#[tokio::test]
async fn a_bank_that_fails_is_left_alone_and_comes_back_and_every_payout_is_paid_once() {
    let (rail, url) = bank().await;
    let ledger = Ledger::start(&url).await;
    let account = ledger.account("account", 1000).await;
    rail.switch.set(Behaviour { mode: Mode::Error, millis: 0 });
    let mut payouts = Vec::new();
    for number in 0..30 {
        payouts.push(ask(&ledger, &account, &format!("payout-{number}")).await);
    }
    eventually("the breaker is open", async || ledger.policy().await["breaker_open"] == true).await;
    rail.switch.set(Behaviour::default());
    for payout in &payouts {
        eventually("the payout is paid", async || is_paid(&ledger, payout).await).await;
    }
    assert_eq!(rail.bank.total().count, payouts.len());
    assert_eq!(ledger.policy().await["breaker"], "closed");
    assert!(ledger.books_are_right().await);
}

#[tokio::test]
async fn a_policy_is_changed_while_it_runs_and_a_bad_order_is_refused_and_changes_nothing() {
    let ledger = Ledger::start(NO_BANK).await;
    let change = |what: Json| {
        let mut body = json!({ "author": "ada", "reason": "a test" });
        body.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        body
    };
    assert_eq!(ledger.order(Method::PATCH, "/policies/rail", &change(json!({ "permits": 3 }))).await.status, 204);
    assert_eq!(ledger.order(Method::PATCH, "/policies/rail", &change(json!({ "rate": 500 }))).await.status, 204);
    for (path, body, status, told) in [
        ("/policies/rail", change(json!({ "permits": 0 })), 422, "at least 1"),
        ("/policies/rail", change(json!({ "rate": 0 })), 422, "at least 1"),
        ("/policies/rail", change(json!({ "attempts": 100 })), 422, "1 to 20"),
        ("/policies/rail", change(json!({ "permits": 3, "author": " " })), 422, "author"),
        ("/policies/rail", change(json!({})), 422, "nothing is to change"),
        ("/policies/rail", change(json!({ "permit": 3 })), 422, "permit"),
        ("/policies/rail", change(json!({ "group": "batch", "permits": 3 })), 409, "has no group"),
        ("/policies/rail", change(json!({ "group": "batch", "rate": 3 })), 422, "say permits or queue"),
        ("/policies/bank", change(json!({ "permits": 3 })), 404, "/health"),
        ("/policies/rail", json!({ "permits": 3 }), 422, "author"),
    ] {
        let answer = ledger.order(Method::PATCH, path, &body).await;
        let text = String::from_utf8_lossy(&answer.body);
        assert!(answer.status == status && text.contains(told), "{path} {body}: {} {text}", answer.status);
    }
}

#[tokio::test]
async fn a_destination_is_asked_of_the_bank_and_a_bank_that_cannot_say_is_a_clear_error_in_time() {
    let (rail, url) = bank().await;
    let ledger = Ledger::start(&url).await;
    for (destination, status, exists) in [
        ("DE02", 200, json!(true)),
        ("refuse-me", 200, json!(false)),
        ("no_destination", 404, Json::Null),
        ("..%2Fpayouts", 400, Json::Null),
    ] {
        let answer = ledger.get(&format!("/v1/destinations/{destination}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json::<Json>().unwrap()["exists"]), (status, &exists));
    }
    for (mode, expected) in [(Mode::Error, 502), (Mode::Garbage, 502), (Mode::Reset, 502), (Mode::Truncate, 502)] {
        rail.switch.set(Behaviour { mode, millis: 1000 });
        let answer = ledger.get("/v1/destinations/DE02").await;
        assert_eq!(answer.status, expected, "{mode:?}");
        assert_eq!(&answer.headers["content-type"], "application/problem+json");
    }
}
