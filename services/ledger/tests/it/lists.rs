//! A walk through a list by its cursors shows each thing once, also while more are made.

use std::collections::HashSet;

use crate::running::{Ledger, NO_BANK};
use serde_json::{Value as Json, json};

/// Rows of a page.
const LIMIT: usize = 3;
/// More pages than any list here has.
const MAX_PAGES: usize = 50;

/// Every page of a list, as the values of `field`.
async fn walk(ledger: &Ledger, list: &str, field: &str, mut between: impl AsyncFnMut(usize)) -> Vec<Vec<String>> {
    let (mut pages, mut path) = (Vec::new(), format!("{list}?limit={LIMIT}"));
    loop {
        let page: Json = ledger.get(&path).await.json().unwrap();
        let items = page["items"].as_array().unwrap();
        pages.push(items.iter().map(|item| item[field].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        let Some(next) = page["next"].as_str() else { return pages };
        path = format!("{list}?limit={LIMIT}&cursor={next}");
        assert!(pages.len() < MAX_PAGES, "{list} does not end");
        between(pages.len()).await;
    }
}

#[track_caller]
fn each_once(pages: &[Vec<String>], expected: &HashSet<String>) {
    assert!(pages.len() >= 3, "{} pages", pages.len());
    assert!(pages.iter().rev().skip(1).all(|page| page.len() == LIMIT), "a page before the last is full: {pages:?}");
    let seen: Vec<&String> = pages.iter().flatten().collect();
    let distinct: HashSet<String> = seen.iter().copied().cloned().collect();
    assert_eq!(distinct.len(), seen.len(), "nothing is shown twice");
    assert!(expected.is_subset(&distinct), "nothing is left out");
}

async fn every_list_shows_each_thing_once(ledger: &Ledger) {
    let (mut accounts, mut transfers, mut payouts) = (HashSet::new(), HashSet::new(), HashSet::new());
    let (from, to) = (ledger.account("from", 1000).await, ledger.account("to", 0).await);
    accounts.extend([from.clone(), to.clone()]);
    let transfer = json!({ "from": from, "to": to, "amount": 1 });
    let payout = json!({ "account": from, "amount": 1, "destination": "DE02" });
    for number in 0..7 {
        let key = format!("key-{number}");
        let id = async |path: &str, body: &Json| {
            let made: Json = ledger.post(path, &format!("{path}-{key}"), body).await.json().unwrap();
            made["id"].as_str().unwrap().to_owned()
        };
        accounts.insert(ledger.account(&key, 0).await);
        transfers.insert(id("/v1/transfers", &transfer).await);
        payouts.insert(id("/v1/payouts", &payout).await);
    }
    let more = async |page: usize| {
        ledger.account(&format!("meanwhile-{page}"), 0).await;
    };
    each_once(&walk(ledger, "/v1/accounts", "id", more).await, &accounts);
    each_once(&walk(ledger, "/v1/transfers", "id", async |_| {}).await, &transfers);
    each_once(&walk(ledger, "/v1/payouts", "id", async |_| {}).await, &payouts);
    each_once(&walk(ledger, &format!("/v1/accounts/{to}/entries"), "transfer", async |_| {}).await, &transfers);
}

#[tokio::test]
async fn every_list_shows_each_thing_once_on_sqlite() {
    every_list_shows_each_thing_once(&Ledger::start(NO_BANK).await).await;
}

#[tokio::test]
async fn every_list_shows_each_thing_once_on_postgresql() {
    every_list_shows_each_thing_once(&Ledger::start_on_postgresql(NO_BANK).await).await;
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused_with_the_parameter_named() {
    let ledger = Ledger::start(NO_BANK).await;
    for query in ["limit=0", "limit=201", "limit=ten", "cursor=17", "page=2"] {
        let answer = ledger.get(&format!("/v1/transfers?{query}")).await;
        let problem: Json = answer.json().unwrap();
        let parameter = query.split('=').next().unwrap();
        assert_eq!(answer.status, 400, "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(parameter), "{query}: {problem}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_and_a_changed_one_are_refused() {
    let ledger = Ledger::start(NO_BANK).await;
    for key in ["one", "other"] {
        ledger.account(key, 0).await;
    }
    let page: Json = ledger.get("/v1/accounts?limit=1").await.json().unwrap();
    let cursor = page["next"].as_str().unwrap();
    assert_eq!(ledger.get(&format!("/v1/accounts?cursor={cursor}")).await.status, 200);
    assert_eq!(ledger.get(&format!("/v1/transfers?cursor={cursor}")).await.status, 400);
    let changed = format!("{}{}", &cursor[..cursor.len() - 1], if cursor.ends_with('A') { "Q" } else { "A" });
    assert_eq!(ledger.get(&format!("/v1/accounts?cursor={changed}")).await.status, 400);
}
