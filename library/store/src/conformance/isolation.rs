//! Concurrent transactions: no update is lost, for every read before a write.

use futures_util::future::join_all;

use super::bench::{Bench, add_note, count_up, counter, notes, one, run};
use crate::{Isolation, Store, StoreError, Transaction, args};

/// Runs eight tasks at the same time.
async fn eight<T: Send + 'static, F: Future<Output = T> + Send + 'static>(make: impl Fn(i64) -> F) -> Vec<T> {
    join_all((0..8).map(|number| tokio::spawn(make(number)))).await.into_iter().map(Result::unwrap).collect()
}

pub(super) async fn eight_increments_that_read_and_then_write_give_eight(bench: Bench) {
    let store = bench.open().await;
    let done: Vec<Result<u64, StoreError>> = eight(|_| {
        let store = store.clone();
        async move {
            store
                .write(|tx| {
                    Box::pin(async move {
                        let n: i64 = tx.fetch_one("SELECT n FROM counters WHERE id = 1", args![]).await?.get("n")?;
                        tokio::task::yield_now().await;
                        tx.execute("UPDATE counters SET n = $1 WHERE id = 1", args![n + 1]).await
                    })
                })
                .await
        }
    })
    .await;
    assert!(done.iter().all(|done| matches!(done, Ok(1))), "{done:?}");
    assert_eq!(counter(&store).await, 8);
}

/// Write skew: each reads what the other writes. "At most one row" holds only when one ran after the other.
pub(super) async fn a_rule_over_rows_that_others_insert_holds(bench: Bench) {
    let store = bench.open().await;
    eight(|number| {
        let store = store.clone();
        async move {
            let done: Result<(), StoreError> = store
                .write(|tx| {
                    Box::pin(async move {
                        let there: i64 = tx.fetch_one("SELECT COUNT(*) AS n FROM notes", args![]).await?.get("n")?;
                        tokio::task::yield_now().await;
                        if there == 0 {
                            let text = format!("note {number}");
                            tx.execute("INSERT INTO notes (id, text) VALUES ($1, $2)", args![number, text]).await?;
                        }
                        Ok(())
                    })
                })
                .await;
            done.unwrap();
        }
    })
    .await;
    assert_eq!(notes(&store).await, 1);
}

pub(super) async fn transfers_between_two_counters_keep_their_sum(bench: Bench) {
    let store = bench.open().await;
    run(&store, "UPDATE counters SET n = 100 WHERE id = 1", args![]).await.unwrap();
    run(&store, "INSERT INTO counters (id, n) VALUES (2, 100)", args![]).await.unwrap();
    eight(|number| {
        let store = store.clone();
        async move {
            let (from, to) = if number % 2 == 0 { (1, 2) } else { (2, 1) };
            let done: Result<(), StoreError> = store
                .write(|tx| {
                    Box::pin(async move {
                        tx.execute("UPDATE counters SET n = n - 1 WHERE id = $1", args![from]).await?;
                        tokio::task::yield_now().await;
                        tx.execute("UPDATE counters SET n = n + 1 WHERE id = $1", args![to]).await?;
                        Ok(())
                    })
                })
                .await;
            done.unwrap();
        }
    })
    .await;
    let sum: i64 = one(&store, "SELECT CAST(SUM(n) AS BIGINT) FROM counters", args![]).await.unwrap();
    assert_eq!(sum, 200);
}

pub(super) async fn a_read_sees_one_snapshot_however_long_it_takes(bench: Bench) {
    let store = bench.open().await;
    let seen: Result<(i64, i64), StoreError> = store
        .read(|tx| {
            let store = store.clone();
            Box::pin(async move {
                let before: i64 = tx.fetch_one("SELECT n FROM counters", args![]).await?.get("n")?;
                count_up(&store).await?;
                let after: i64 = tx.fetch_one("SELECT n FROM counters", args![]).await?.get("n")?;
                Ok((before, after))
            })
        })
        .await;
    assert_eq!(seen.unwrap(), (0, 0));
    assert_eq!(counter(&store).await, 1);
}

pub(super) async fn readers_do_not_wait_for_a_writer(bench: Bench) {
    let store = bench.open().await;
    let written: Result<(), StoreError> = store
        .write(|tx| {
            let store = store.clone();
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = 1", args![]).await?;
                let read = join_all((0..4).map(|_| counter(&store))).await;
                assert_eq!(read, [0, 0, 0, 0]);
                Ok(())
            })
        })
        .await;
    written.unwrap();
}

async fn up(tx: &mut Transaction) -> Result<u64, StoreError> {
    tx.execute("UPDATE counters SET n = n + 1 WHERE id = 1", args![]).await
}

async fn at(store: &Store, isolation: Isolation) -> Result<u64, StoreError> {
    store.write_at(isolation, |tx| Box::pin(up(tx))).await
}

pub(super) async fn a_weaker_isolation_is_asked_for_by_name(bench: Bench) {
    let store = bench.open().await;
    for isolation in [Isolation::Serializable, Isolation::RepeatableRead, Isolation::ReadCommitted] {
        assert_eq!(at(&store, isolation).await.unwrap(), 1);
    }
    assert_eq!(counter(&store).await, 3);
}

/// At a weaker level it is a condition of the statement itself that keeps an update from being lost.
pub(super) async fn increments_by_the_statement_itself_are_kept_at_read_committed(bench: Bench) {
    let store = bench.open().await;
    let done = eight(|_| {
        let store = store.clone();
        async move { at(&store, Isolation::ReadCommitted).await }
    })
    .await;
    assert!(done.iter().all(|done| matches!(done, Ok(1))), "{done:?}");
    assert_eq!(counter(&store).await, 8);
}

pub(super) async fn a_unique_value_is_taken_by_one_of_eight(bench: Bench) {
    let store = bench.open().await;
    let done = eight(|number| {
        let store = store.clone();
        async move { add_note(&store, number, "taken").await }
    })
    .await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
    let refused = |done: &Result<u64, StoreError>| matches!(done, Ok(_) | Err(StoreError::Constraint { .. }));
    assert!(done.iter().all(refused), "{done:?}");
}

pub(super) async fn two_stores_on_one_database_see_each_other(bench: Bench) {
    let (one_store, other) = (bench.open().await, bench.open().await);
    for _ in 0..5 {
        count_up(&one_store).await.unwrap();
        count_up(&other).await.unwrap();
    }
    assert_eq!((counter(&one_store).await, counter(&other).await), (10, 10));
}

pub(super) async fn two_stores_that_write_at_once_lose_nothing(bench: Bench) {
    let stores = [bench.open().await, bench.open().await];
    let done = eight(|number| {
        let store = stores[usize::try_from(number % 2).unwrap()].clone();
        async move {
            for _ in 0..5 {
                count_up(&store).await?;
            }
            Ok::<_, StoreError>(())
        }
    })
    .await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(counter(&stores[0]).await, 40);
}
