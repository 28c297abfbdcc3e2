//! Postings, called as the ledger's own operations call them.

use evenkeel::prelude::WorkError;
use evenkeel::store::{Options, Store, StoreError, args};
use ledger::posting::{Posted, Posting, post};

/// An empty ledger in memory with the accounts `a` and `b` at these balances.
async fn accounts(balances: [i64; 2]) -> Store {
    let store = Store::open(&"sqlite::memory:".parse().unwrap(), Options::default()).await.unwrap();
    store.migrate(&ledger::migrations::all()).await.unwrap();
    for (id, balance) in ["a", "b"].into_iter().zip(balances) {
        let made: Result<u64, StoreError> = store
            .write(|tx| {
                Box::pin(async move {
                    tx.execute("INSERT INTO accounts VALUES ($1, 'EUR', 0, $2, FALSE, 0)", args![id, balance]).await
                })
            })
            .await;
        assert_eq!(made.unwrap(), 1);
    }
    store
}

/// Posts an amount and commits, for every outcome.
async fn posted(store: &Store, id: &'static str, from: &'static str, to: &'static str, amount: i64) -> Posted {
    let posting = Posting { id: id.into(), from: from.into(), to: to.into(), amount, currency: "EUR".into(), at: 0 };
    let posted: Result<Posted, WorkError> = store
        .write(|tx| {
            let posting = posting.clone();
            Box::pin(async move { post(tx, &posting).await })
        })
        .await;
    posted.unwrap()
}

#[tokio::test]
async fn a_balance_grows_up_to_the_last_number_and_not_beyond() {
    let store = accounts([100, i64::MAX - 5]).await;
    assert_eq!(posted(&store, "over", "a", "b", 6).await, Posted::TooMuch);
    let store = accounts([100, i64::MAX - 5]).await;
    assert_eq!(posted(&store, "full", "a", "b", 5).await, Posted::Done);
    assert_eq!(posted(&store, "more", "a", "b", 1).await, Posted::TooMuch);
}

/// The outcome is that of the account that is tried first, if neither can be changed.
#[tokio::test]
async fn the_account_with_the_lesser_id_is_changed_first_whichever_pays() {
    assert_eq!(posted(&accounts([0, i64::MAX]).await, "there", "a", "b", 1).await, Posted::Insufficient);
    assert_eq!(posted(&accounts([i64::MAX, 0]).await, "back", "b", "a", 1).await, Posted::TooMuch);
}
