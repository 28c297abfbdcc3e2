//! The projection of daily balances, and the events that it folds.

use evenkeel::prelude::WorkError;
use evenkeel::store::{Options, Store, StoreError, args};
use evenkeel::work::run::RunStore;
use ledger::daily::{days, subscriptions};
use ledger::posting::{Posted, Posting, post};

const DAY: i64 = 86_400_000_000;

async fn run(store: &Store, sql: &'static str) {
    let run: Result<u64, StoreError> = store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await })).await;
    run.unwrap();
}

async fn empty() -> Store {
    Store::open(&"sqlite::memory:".parse().unwrap(), Options::default()).await.unwrap()
}

async fn move_money(store: &Store, id: &'static str, amount: i64, at: i64) {
    let posted: Result<Posted, WorkError> = store
        .write(|tx| {
            let (from, to, currency) = ("acc_a".to_owned(), "acc_b".to_owned(), "EUR".to_owned());
            Box::pin(async move { post(tx, &Posting { id: id.to_owned(), from, to, amount, currency, at }).await })
        })
        .await;
    assert_eq!(posted.unwrap(), Posted::Done);
}

async fn seen(store: &Store, account: &str) -> Vec<(String, i64, i64)> {
    let days = days(store, account).await.unwrap();
    days.into_iter().map(|day| (day.day, day.change, day.postings)).collect()
}

#[tokio::test]
async fn the_projection_has_the_changes_of_each_day_and_a_rebuilt_one_is_the_same() {
    let store = empty().await;
    store.migrate(&ledger::migrations::all()).await.unwrap();
    run(&store, "INSERT INTO accounts VALUES ('acc_a', 'EUR', 99, 0, FALSE, 0), ('acc_b', 'EUR', 0, 0, FALSE, 0)")
        .await;
    for (id, amount, at) in [("t1", 5, 0), ("t2", 7, DAY - 1), ("t3", 11, DAY)] {
        move_money(&store, id, amount, at).await;
    }
    let subscriptions = subscriptions(&store);
    assert_eq!(subscriptions.catch_up("daily-balances").await.unwrap().events, 3);
    let expected = |sign: i64| vec![("1970-01-02".to_owned(), sign * 11, 1), ("1970-01-01".to_owned(), sign * 12, 2)];
    assert_eq!((seen(&store, "acc_a").await, seen(&store, "acc_b").await), (expected(-1), expected(1)));
    run(&store, "UPDATE daily_balances SET change = change + 1").await;
    assert_ne!(seen(&store, "acc_b").await, expected(1));
    subscriptions.rebuild("daily-balances").await.unwrap();
    assert_eq!(seen(&store, "acc_b").await, []);
    assert_eq!(subscriptions.catch_up("daily-balances").await.unwrap().events, 3);
    assert_eq!((seen(&store, "acc_a").await, seen(&store, "acc_b").await), (expected(-1), expected(1)));
}

#[tokio::test]
async fn a_ledger_without_events_gets_one_for_each_transfer_and_a_run_for_each_pending_payout() {
    let store = empty().await;
    let before: Vec<_> = ledger::migrations::steps().into_iter().take(3).collect();
    store.migrate(&evenkeel::work::add_schema(before)).await.unwrap();
    for sql in [
        "INSERT INTO accounts VALUES ('acc_a', 'EUR', 10, -7, FALSE, 0), ('acc_b', 'EUR', 0, 7, FALSE, 0)",
        "INSERT INTO transfers VALUES ('t1', 'acc_a', 'acc_b', 7, 'EUR', 1)",
        "INSERT INTO payouts VALUES ('pay_1', 'acc_a', 3, 'EUR', 'DE02', 'pending', 0, 0, 1)",
        "INSERT INTO payouts VALUES ('pay_2', 'acc_a', 3, 'EUR', 'DE02', 'paid', 0, 0, 1)",
    ] {
        run(&store, sql).await;
    }
    store.migrate(&ledger::migrations::all()).await.unwrap();
    assert_eq!(subscriptions(&store).catch_up("daily-balances").await.unwrap().events, 1);
    assert_eq!(seen(&store, "acc_b").await, [("1970-01-01".to_owned(), 7, 1)]);
    let runs = RunStore::new(&store);
    let pending = runs.get("pay_1").await.unwrap().unwrap();
    assert!(!pending.is_stalled && pending.kind == "payout" && !pending.state.has_ended(), "{pending:?}");
    assert!(runs.get("pay_2").await.unwrap().is_none());
}
