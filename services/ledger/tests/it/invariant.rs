//! The invariants that are checked in rounds.

use std::time::Duration;

use evenkeel::store::{Options, Store, StoreError, args};
use evenkeel::work::invariant::Verdict;
use ledger::invariant::invariants;

async fn run(store: &Store, sql: &'static str) {
    let run: Result<u64, StoreError> = store.write(|tx| Box::pin(async move { tx.execute(sql, args![]).await })).await;
    run.unwrap();
}

/// The rows that break an invariant.
async fn breaches(store: &Store) -> Vec<(&'static str, Vec<String>)> {
    let verdicts = invariants(store, Duration::from_secs(60)).check().await.unwrap();
    let breach = |(name, verdict)| match verdict {
        Verdict::Breached { rows, .. } => Some((name, rows)),
        _ => None,
    };
    verdicts.into_iter().filter_map(breach).collect()
}

#[tokio::test]
async fn a_damaged_row_breaks_its_invariant_and_is_named() {
    let store = Store::open(&"sqlite::memory:".parse().unwrap(), Options::default()).await.unwrap();
    store.migrate(&ledger::migrations::all()).await.unwrap();
    for sql in [
        "INSERT INTO accounts VALUES ('acc_a', 'EUR', 10, -7, FALSE, 0), ('acc_b', 'EUR', 0, 7, FALSE, 0)",
        "INSERT INTO transfers VALUES ('t1', 'acc_a', 'acc_b', 7, 'EUR', 1, NULL)",
        "INSERT INTO entries VALUES ('t1', 'acc_a', -7, 1), ('t1', 'acc_b', 7, 1)",
    ] {
        run(&store, sql).await;
    }
    assert_eq!(breaches(&store).await, [], "a transfer of before has no checksum");
    run(&store, "UPDATE transfers SET checksum = 1").await;
    let named = "id=t1 from_account=acc_a to_account=acc_b amount=7 currency=EUR created_at=1 checksum=1".to_owned();
    assert_eq!(breaches(&store).await, [("a transfer is as it was written", vec![named])]);
    run(&store, "UPDATE transfers SET checksum = NULL").await;
    run(&store, "UPDATE accounts SET balance = balance + 1 WHERE id = 'acc_b'").await;
    assert_eq!(breaches(&store).await, [("a balance is the sum of its entries", vec!["offender=acc_b".to_owned()])]);
    run(&store, "UPDATE accounts SET balance = balance - 1 WHERE id = 'acc_b'").await;
    run(&store, "UPDATE entries SET amount = amount + 1 WHERE account_id = 'acc_b'").await;
    let names: Vec<&str> = breaches(&store).await.into_iter().map(|(name, _)| name).collect();
    let expected = [
        "the entries of a currency sum to zero",
        "a balance is the sum of its entries",
        "a transfer has two entries of its amount",
    ];
    assert_eq!(names, expected);
}
