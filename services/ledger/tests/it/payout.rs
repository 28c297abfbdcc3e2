//! Payouts: accepted also while the bank is down, pending until it answers, and paid exactly once.

use crate::running::{Ledger, NO_BANK, eventually};
use evenkeel::axum;
use rail::Rail;
use rail::behaviour::{Behaviour, Mode};
use serde_json::{Value as Json, json};

/// The bank, in this process: its books can be read, and its behaviour changed.
async fn bank() -> (Rail, String) {
    let rail = Rail::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, rail::routes(rail.clone())).into_future());
    (rail, format!("http://{address}"))
}

async fn ask(ledger: &Ledger, account: &str, key: &str, destination: &str) -> String {
    let answer =
        ledger.post("/v1/payouts", key, &json!({ "account": account, "amount": 7, "destination": destination })).await;
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    let payout: Json = answer.json().unwrap();
    assert_eq!(payout["status"], "pending");
    payout["id"].as_str().unwrap().to_owned()
}

async fn status(ledger: &Ledger, payout: &str) -> String {
    let payout: Json = ledger.get(&format!("/v1/payouts/{payout}")).await.json().unwrap();
    payout["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_payout_survives_every_way_in_which_the_bank_can_fail_and_is_paid_once() {
    let (rail, url) = bank().await;
    let ledger = Ledger::start(&url).await;
    let account = ledger.account("account", 1000).await;
    let failures = [Mode::Error, Mode::Garbage, Mode::Reset, Mode::Truncate, Mode::LoseAnswer, Mode::Hang];
    for (number, mode) in failures.into_iter().enumerate() {
        rail.switch.set(Behaviour { mode, millis: 1000 });
        let calls = ledger.calls().await;
        let payout = ask(&ledger, &account, &format!("payout-{number}"), "DE02").await;
        eventually("the bank is asked", async || ledger.calls().await > calls).await;
        assert_eq!(status(&ledger, &payout).await, "pending", "{mode:?} is no word of the bank");
        assert!(ledger.books_are_right().await, "{mode:?}");
        rail.switch.set(Behaviour::default());
        eventually("the payout is paid", async || status(&ledger, &payout).await == "paid").await;
        let (paid, amount) = (rail.bank.total().count, rail.bank.total().amount);
        assert_eq!((paid, amount), (number + 1, (7 * (number + 1)).to_string()), "{mode:?}: paid once");
    }
    assert_eq!(ledger.balance(&account).await, -7 * failures.len() as i64);
    assert!(ledger.books_are_right().await);
}

async fn a_payout_whose_answer_was_lost_in_a_crash_is_paid_once(start: impl AsyncFnOnce(&str) -> Ledger) {
    let (rail, url) = bank().await;
    let mut ledger = start(&url).await;
    let account = ledger.account("account", 1000).await;
    rail.switch.set(Behaviour { mode: Mode::LoseAnswer, millis: 1000 });
    let payout = ask(&ledger, &account, "payout", "DE02").await;
    eventually("the bank has paid", async || rail.bank.total().count == 1).await;
    ledger.kill_and_start_again().await;
    assert_eq!(status(&ledger, &payout).await, "pending");
    rail.switch.set(Behaviour::default());
    eventually("the payout is paid", async || status(&ledger, &payout).await == "paid").await;
    assert_eq!(rail.bank.total().count, 1);
    assert_eq!(ledger.balance(&account).await, -7);
    assert!(ledger.books_are_right().await);
}

#[tokio::test]
async fn a_payout_whose_answer_was_lost_in_a_crash_is_paid_once_on_sqlite() {
    a_payout_whose_answer_was_lost_in_a_crash_is_paid_once(Ledger::start).await;
}

#[tokio::test]
async fn a_payout_whose_answer_was_lost_in_a_crash_is_paid_once_on_postgresql() {
    a_payout_whose_answer_was_lost_in_a_crash_is_paid_once(Ledger::start_on_postgresql).await;
}

#[tokio::test]
async fn a_bank_that_is_not_there_delays_a_payout_and_nothing_else() {
    let ledger = Ledger::start(NO_BANK).await;
    let account = ledger.account("account", 1000).await;
    let payout = ask(&ledger, &account, "payout", "DE02").await;
    eventually("the bank is looked for", async || ledger.calls().await > 0).await;
    assert_eq!(status(&ledger, &payout).await, "pending");
    assert_eq!(ledger.balance(&account).await, -7, "the money is on its way");
    assert!(ledger.books_are_right().await);
}

#[tokio::test]
async fn a_payout_that_the_bank_refuses_is_returned_to_the_account() {
    let (rail, url) = bank().await;
    let ledger = Ledger::start(&url).await;
    let account = ledger.account("account", 1000).await;
    let payout = ask(&ledger, &account, "payout", "refuse-me").await;
    eventually("the payout is refused", async || status(&ledger, &payout).await == "refused").await;
    assert_eq!(ledger.balance(&account).await, 0);
    assert_eq!(rail.bank.total().count, 0);
    assert!(ledger.books_are_right().await);
}
