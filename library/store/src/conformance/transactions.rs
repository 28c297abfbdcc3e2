//! Commits, rollbacks, savepoints, and what a failed statement does to the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::bench::{Bench, add_note, count_up, counter, notes, run};
use crate::{StoreError, args};

pub(super) async fn a_commit_is_read_by_the_next_transaction_and_after_reopening(bench: Bench) {
    let store = bench.open().await;
    add_note(&store, 1, "x").await.unwrap();
    assert_eq!(notes(&store).await, 1);
    store.close().await;
    assert_eq!(notes(&bench.open().await).await, 1);
}

pub(super) async fn an_error_of_the_work_rolls_everything_back(bench: Bench) {
    let store = bench.open().await;
    let failed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("INSERT INTO notes (id, text) VALUES (1, 'x')", args![]).await?;
                tx.execute("UPDATE counters SET n = 9", args![]).await?;
                Err(StoreError::KeyReused)
            })
        })
        .await;
    assert!(matches!(failed, Err(StoreError::KeyReused)), "{failed:?}");
    assert_eq!((notes(&store).await, counter(&store).await), (0, 0));
}

pub(super) async fn a_transaction_reads_its_own_writes(bench: Bench) {
    let store = bench.open().await;
    let seen: Result<i64, StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = n + 41", args![]).await?;
                tx.execute("UPDATE counters SET n = n + 1", args![]).await?;
                tx.fetch_one("SELECT n FROM counters", args![]).await?.get("n")
            })
        })
        .await;
    assert_eq!(seen.unwrap(), 42);
}

pub(super) async fn uncommitted_writes_are_not_seen_by_others(bench: Bench) {
    let store = bench.open().await;
    let written: Result<(), StoreError> = store
        .write(|tx| {
            let store = store.clone();
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = 7", args![]).await?;
                assert_eq!(counter(&store).await, 0, "another transaction reads what was committed");
                Ok(())
            })
        })
        .await;
    written.unwrap();
    assert_eq!(counter(&store).await, 7);
}

pub(super) async fn an_empty_transaction_commits(bench: Bench) {
    let store = bench.open().await;
    let done: Result<&str, StoreError> = store.write(|_tx| Box::pin(async { Ok("done") })).await;
    assert_eq!(done.unwrap(), "done");
}

pub(super) async fn a_handled_error_of_execute_cannot_be_committed(bench: Bench) {
    let store = bench.open().await;
    let committed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("INSERT INTO counters (id, n) VALUES (7, 7)", args![]).await?;
                match tx.execute("INSERT INTO counters (id, n) VALUES (1, 1)", args![]).await {
                    Err(StoreError::Constraint { .. }) => Ok(()),
                    other => panic!("{other:?}"),
                }
            })
        })
        .await;
    let error = committed.unwrap_err();
    assert!(matches!(error, StoreError::Aborted { .. }) && !error.is_transient(), "{error}");
    assert!(error.to_string().contains("try_execute"), "{error}");
    let rows: i64 = super::bench::one(&store, "SELECT COUNT(*) FROM counters", args![]).await.unwrap();
    assert_eq!(rows, 1, "nothing of it stays");
}

pub(super) async fn a_handled_error_of_a_read_cannot_be_committed(bench: Bench) {
    let store = bench.open().await;
    let committed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = 5", args![]).await?;
                let failed = tx.fetch_all("SELECT nothing FROM nowhere", args![]).await;
                assert!(failed.is_err());
                Ok(())
            })
        })
        .await;
    assert!(matches!(committed, Err(StoreError::Aborted { .. })), "{committed:?}");
    assert_eq!(counter(&store).await, 0);
}

pub(super) async fn an_aborted_transaction_names_its_first_failure(bench: Bench) {
    let store = bench.open().await;
    let committed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                let _ = tx.execute("INSERT INTO counters (id, n) VALUES (1, 1)", args![]).await;
                let _ = tx.execute("SELECT nothing FROM nowhere", args![]).await;
                Ok(())
            })
        })
        .await;
    let error = committed.unwrap_err().to_string();
    assert!(error.contains("unique constraint") && !error.contains("nowhere"), "{error}");
}

pub(super) async fn a_handled_error_of_try_execute_leaves_the_rest_of_the_transaction(bench: Bench) {
    let store = bench.open().await;
    let committed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("INSERT INTO counters (id, n) VALUES (7, 7)", args![]).await?;
                match tx.try_execute("INSERT INTO counters (id, n) VALUES (1, 1)", args![]).await {
                    Err(StoreError::Constraint { .. }) => {}
                    other => panic!("{other:?}"),
                }
                assert_eq!(tx.try_execute("INSERT INTO counters (id, n) VALUES (8, 8)", args![]).await?, 1);
                Ok(())
            })
        })
        .await;
    committed.unwrap();
    let rows: i64 = super::bench::one(&store, "SELECT COUNT(*) FROM counters", args![]).await.unwrap();
    assert_eq!(rows, 3);
}

pub(super) async fn try_execute_undoes_a_statement_that_fails_half_way(bench: Bench) {
    let store = bench.open().await;
    run(&store, "INSERT INTO counters (id, n) VALUES (2, 5), (3, 1)", args![]).await.unwrap();
    let committed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                // The row with 1 cannot go below zero; whichever rows were changed before are as they were.
                let failed = tx.try_execute("UPDATE counters SET n = n - 2 WHERE id > 1", args![]).await;
                assert!(matches!(failed, Err(StoreError::Constraint { .. })), "{failed:?}");
                Ok(())
            })
        })
        .await;
    committed.unwrap();
    let sum: i64 = super::bench::one(&store, "SELECT CAST(SUM(n) AS BIGINT) FROM counters", args![]).await.unwrap();
    assert_eq!(sum, 6);
}

pub(super) async fn twenty_handled_errors_in_one_transaction_leave_it_whole(bench: Bench) {
    let store = bench.open().await;
    let committed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                for id in 10..30_i64 {
                    tx.try_execute("INSERT INTO counters (id, n) VALUES ($1, 0)", args![id]).await?;
                    assert!(tx.try_execute("INSERT INTO counters (id, n) VALUES ($1, 0)", args![id]).await.is_err());
                }
                Ok(())
            })
        })
        .await;
    committed.unwrap();
    let rows: i64 = super::bench::one(&store, "SELECT COUNT(*) FROM counters", args![]).await.unwrap();
    assert_eq!(rows, 21);
}

pub(super) async fn a_read_cannot_write(bench: Bench) {
    let store = bench.open().await;
    let written: Result<u64, StoreError> =
        store.read(|tx| Box::pin(async move { tx.execute("UPDATE counters SET n = 1", args![]).await })).await;
    assert!(matches!(written, Err(StoreError::ReadOnly(_))), "{written:?}");
    assert_eq!(counter(&store).await, 0);
}

pub(super) async fn work_that_fails_runs_once(bench: Bench) {
    let store = bench.open().await;
    let runs = Arc::new(AtomicUsize::new(0));
    for sql in ["INSERT INTO counters (id, n) VALUES (1, 1)", "SELECT nothing FROM nowhere", "NONSENSE"] {
        runs.store(0, Ordering::Relaxed);
        let failed: Result<u64, StoreError> = store
            .write(|tx| {
                runs.fetch_add(1, Ordering::Relaxed);
                Box::pin(async move { tx.execute(sql, args![]).await })
            })
            .await;
        let error = failed.unwrap_err();
        assert!(!error.is_transient(), "{sql}: {error}");
        assert_eq!(runs.load(Ordering::Relaxed), 1, "{sql}");
    }
}

pub(super) async fn a_store_goes_on_after_a_hundred_failures(bench: Bench) {
    let store = bench.open_with(|options| options.connections = Some(2)).await;
    for _ in 0..100 {
        assert!(run(&store, "INSERT INTO counters (id, n) VALUES (1, 1)", args![]).await.is_err());
    }
    count_up(&store).await.unwrap();
    assert_eq!(counter(&store).await, 1);
}

pub(super) async fn changed_rows_are_counted(bench: Bench) {
    let store = bench.open().await;
    assert_eq!(run(&store, "INSERT INTO counters (id, n) VALUES (2, 0), (3, 0)", args![]).await.unwrap(), 2);
    assert_eq!(run(&store, "UPDATE counters SET n = 0", args![]).await.unwrap(), 3, "matched rows count");
    assert_eq!(run(&store, "UPDATE counters SET n = 0 WHERE id > 99", args![]).await.unwrap(), 0);
    assert_eq!(run(&store, "DELETE FROM counters WHERE id > 1", args![]).await.unwrap(), 2);
}

pub(super) async fn an_upsert_inserts_once_and_then_updates(bench: Bench) {
    let store = bench.open().await;
    let upsert = "INSERT INTO counters (id, n) VALUES (5, 1) ON CONFLICT (id) DO UPDATE SET n = counters.n + 1";
    for _ in 0..3 {
        assert_eq!(run(&store, upsert, args![]).await.unwrap(), 1);
    }
    let n: i64 = super::bench::one(&store, "SELECT n FROM counters WHERE id = 5", args![]).await.unwrap();
    assert_eq!(n, 3);
}

pub(super) async fn returned_rows_of_a_write_are_read_and_stay(bench: Bench) {
    let store = bench.open().await;
    let inserted: Result<(i64, String), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.fetch_one_as("INSERT INTO notes (id, text) VALUES (1, 'x') RETURNING id, text", args![]).await
            })
        })
        .await;
    assert_eq!(inserted.unwrap(), (1, "x".to_owned()));
    assert_eq!(notes(&store).await, 1);
}

pub(super) async fn the_schema_changes_in_a_transaction_and_is_rolled_back_with_it(bench: Bench) {
    let store = bench.open().await;
    let failed: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("CREATE TABLE more (id BIGINT)", args![]).await?;
                tx.execute("INSERT INTO more VALUES (1)", args![]).await?;
                Err(StoreError::KeyReused)
            })
        })
        .await;
    assert!(failed.is_err());
    assert!(run(&store, "INSERT INTO more VALUES (1)", args![]).await.is_err(), "the table is not there");
    run(&store, "CREATE TABLE more (id BIGINT)", args![]).await.unwrap();
}

pub(super) async fn a_call_after_the_commit_is_made_once_and_not_after_a_rollback(bench: Bench) {
    let (store, calls) = (bench.open().await, std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0)));
    let write = async |fails: bool| -> Result<(), StoreError> {
        store
            .write(|tx| {
                let calls = calls.clone();
                Box::pin(async move {
                    tx.after_commit(move || {
                        calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    });
                    if fails { Err(StoreError::KeyReused) } else { Ok(()) }
                })
            })
            .await
    };
    assert!(write(true).await.is_err());
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 0);
    write(false).await.unwrap();
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 1);
}
