//! Futures that are dropped at any await, and pools that are full.

use std::time::Duration;

use futures_util::future::join_all;

use super::bench::{Bench, add_note, count_up, counter, notes, run};
use crate::{Store, StoreError, args};

/// Polls a future so many times, then drops it.
async fn dropped_after(polls: usize, future: impl Future) {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        if futures_util::poll!(future.as_mut()).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// The next transaction on the same connection begins anew, and what it commits stays.
async fn is_clean(store: &Store, before: i64) {
    count_up(store).await.unwrap();
    assert_eq!(counter(store).await, before + 1);
}

pub(super) async fn a_write_dropped_at_any_await_is_whole_or_nothing_and_the_next_one_is_its_own(bench: Bench) {
    let store = bench.open_with(|options| options.connections = Some(1)).await;
    for polls in 0..40 {
        let before = counter(&store).await;
        dropped_after(polls, count_up(&store)).await;
        // The next writer waits for a commit that was on its way.
        run(&store, "UPDATE counters SET n = n", args![]).await.unwrap();
        let after = counter(&store).await;
        assert!(after == before || after == before + 1, "{polls} polls: {before} and {after}");
        is_clean(&store, after).await;
    }
}

pub(super) async fn a_read_dropped_at_any_await_leaves_its_connection_usable(bench: Bench) {
    let store = bench.open_with(|options| options.connections = Some(1)).await;
    for polls in 0..40 {
        dropped_after(polls, counter(&store)).await;
        is_clean(&store, polls as i64).await;
    }
}

pub(super) async fn a_transaction_dropped_after_a_write_leaves_nothing(bench: Bench) {
    let store = bench.open().await;
    for _ in 0..20 {
        let (entered, mut has_entered) = tokio::sync::mpsc::channel(1);
        let hanging = store.write(|tx| {
            let entered = entered.clone();
            Box::pin(async move {
                tx.execute("INSERT INTO notes (id, text) VALUES (1, 'x')", args![]).await?;
                entered.send(()).await.unwrap();
                std::future::pending::<Result<(), StoreError>>().await
            })
        });
        tokio::select! {
            _ = hanging => unreachable!("it hangs"),
            _ = has_entered.recv() => {}
        }
    }
    assert_eq!(notes(&store).await, 0);
    add_note(&store, 1, "x").await.unwrap();
}

pub(super) async fn an_aborted_task_gives_its_connection_back(bench: Bench) {
    let store = bench.open_with(|options| options.connections = Some(1)).await;
    for _ in 0..20 {
        let (entered, has_entered) = tokio::sync::oneshot::channel();
        let (holder, mut entered) = (store.clone(), Some(entered));
        let task = tokio::spawn(async move {
            let held: Result<(), StoreError> = holder
                .write(|tx| {
                    let entered = entered.take();
                    Box::pin(async move {
                        tx.execute("UPDATE counters SET n = 99", args![]).await?;
                        entered.unwrap().send(()).unwrap();
                        std::future::pending().await
                    })
                })
                .await;
            held
        });
        has_entered.await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    is_clean(&store, 0).await;
}

pub(super) async fn a_panic_in_a_transaction_rolls_it_back(bench: Bench) {
    let store = bench.open_with(|options| options.connections = Some(1)).await;
    let panicking = store.clone();
    let task = tokio::spawn(async move {
        let done: Result<(), StoreError> = panicking
            .write(|tx| {
                Box::pin(async move {
                    tx.execute("UPDATE counters SET n = 99", args![]).await?;
                    panic!("as a handler may")
                })
            })
            .await;
        done
    });
    assert!(task.await.unwrap_err().is_panic());
    is_clean(&store, 0).await;
}

pub(super) async fn a_stream_that_is_dropped_half_way_leaves_its_connection_usable(bench: Bench) {
    let store = bench.open_with(|options| options.connections = Some(1)).await;
    let many = "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n";
    for polls in [1, 3, 10, 30] {
        let reading = store.read(|tx| {
            Box::pin(async move {
                tx.fetch_each(many, args![], 20_000, |_| async {
                    tokio::task::yield_now().await;
                    Ok(())
                })
                .await
            })
        });
        dropped_after(polls, reading).await;
        store.ping().await.unwrap();
    }
    is_clean(&store, 0).await;
}

pub(super) async fn more_callers_than_connections_all_get_their_turn(bench: Bench) {
    let store = bench.open_with(|options| options.connections = Some(2)).await;
    let done = join_all((0..50).map(|_| count_up(&store))).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(counter(&store).await, 50);
}

pub(super) async fn a_full_pool_refuses_in_bounded_time_and_says_so(bench: Bench) {
    let bound = Duration::from_millis(200);
    let store = bench
        .open_with(|options| {
            (options.connections, options.acquire_timeout) = (Some(1), bound);
        })
        .await;
    let held: Result<(), StoreError> = store
        .write(|_tx| {
            let store = store.clone();
            Box::pin(async move {
                let error = count_up(&store).await.unwrap_err();
                assert!(matches!(error, StoreError::AcquireTimeout { waited, .. } if waited == bound), "{error:?}");
                assert!(error.is_transient() && error.to_string().contains("overloaded"), "{error}");
                Ok(())
            })
        })
        .await;
    held.unwrap();
    is_clean(&store, 0).await;
}

pub(super) async fn a_closed_store_refuses(bench: Bench) {
    let store = bench.open().await;
    store.clone().close().await;
    let error = count_up(&store).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_) | StoreError::Disconnected(_)), "{error:?}");
}
