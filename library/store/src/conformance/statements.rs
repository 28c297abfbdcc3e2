//! Prepared statements, and what a change of the schema does to them.

use super::bench::{Bench, add_note, counter, one, run};
use crate::{StoreError, args};

pub(super) async fn one_statement_runs_a_thousand_times(bench: Bench) {
    let store = bench.open().await;
    let counted: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                for _ in 0..1000 {
                    tx.execute("UPDATE counters SET n = n + 1 WHERE id = $1", args![1]).await?;
                }
                Ok(())
            })
        })
        .await;
    counted.unwrap();
    assert_eq!(counter(&store).await, 1000);
}

/// The columns of a statement that was prepared before the change are no longer the table's.
pub(super) async fn a_column_that_was_added_appears_in_statements_that_ran_before(bench: Bench) {
    // One connection, so that the statement is one that was prepared.
    let store = bench.open_with(|options| options.connections = Some(1)).await;
    let other = bench.open().await;
    add_note(&store, 1, "x").await.unwrap();
    let columns = async || {
        let row = store.read(|tx| Box::pin(async move { tx.fetch_one("SELECT * FROM notes", args![]).await })).await;
        row.unwrap_or_else(|error: StoreError| panic!("{error}")).columns().count()
    };
    for _ in 0..3 {
        assert_eq!(columns().await, 3);
    }
    run(&other, "ALTER TABLE notes ADD COLUMN more BIGINT", args![]).await.unwrap();
    assert_eq!(columns().await, 4);
    run(&other, "ALTER TABLE notes DROP COLUMN more", args![]).await.unwrap();
    assert_eq!(columns().await, 3);
}

pub(super) async fn a_write_whose_statement_was_prepared_before_a_change_runs_again(bench: Bench) {
    let store = bench.open_with(|options| options.connections = Some(1)).await;
    let other = bench.open().await;
    let insert = "INSERT INTO notes (id, text) VALUES ($1, $2) RETURNING *";
    let inserted = async |id: i64| {
        let row = store
            .write(|tx| Box::pin(async move { tx.fetch_one(insert, args![id, format!("note {id}")]).await }))
            .await;
        row.unwrap_or_else(|error: StoreError| panic!("{error}")).columns().count()
    };
    for id in 0..3 {
        assert_eq!(inserted(id).await, 3);
    }
    run(&other, "ALTER TABLE notes ADD COLUMN more BIGINT", args![]).await.unwrap();
    assert_eq!(inserted(3).await, 4);
    assert_eq!(super::bench::notes(&store).await, 4, "each was inserted once");
}

pub(super) async fn a_table_that_is_made_again_is_read_anew(bench: Bench) {
    let store = bench.open_with(|options| options.connections = Some(1)).await;
    run(&store, "CREATE TABLE again (a BIGINT)", args![]).await.unwrap();
    run(&store, "INSERT INTO again VALUES (1)", args![]).await.unwrap();
    assert_eq!(one::<i64>(&store, "SELECT a FROM again", args![]).await.unwrap(), 1);
    run(&store, "DROP TABLE again", args![]).await.unwrap();
    assert!(one::<i64>(&store, "SELECT a FROM again", args![]).await.is_err());
    run(&store, "CREATE TABLE again (b TEXT, a TEXT)", args![]).await.unwrap();
    run(&store, "INSERT INTO again VALUES ('b', 'a')", args![]).await.unwrap();
    assert_eq!(one::<String>(&store, "SELECT a FROM again", args![]).await.unwrap(), "a");
}

pub(super) async fn two_hundred_different_statements_go_through_one_connection(bench: Bench) {
    let store = bench.open_with(|options| options.connections = Some(1)).await;
    for number in 0..200_i64 {
        let sql: &'static str = String::leak(format!("SELECT {number} AS n"));
        for _ in 0..2 {
            assert_eq!(one::<i64>(&store, sql, args![]).await.unwrap(), number);
        }
    }
}

pub(super) async fn the_same_statement_takes_values_of_changing_size(bench: Bench) {
    let store = bench.open().await;
    for length in [0, 1, 100_000, 2, 0] {
        let text = "x".repeat(length);
        run(&store, "DELETE FROM kinds", args![]).await.unwrap();
        run(&store, "INSERT INTO kinds (id, text) VALUES (1, $1)", args![&text]).await.unwrap();
        assert_eq!(one::<String>(&store, "SELECT text FROM kinds", args![]).await.unwrap(), text);
    }
}

pub(super) async fn a_malformed_statement_is_told_and_is_not_transient(bench: Bench) {
    let store = bench.open().await;
    for sql in ["SELEC 1", "SELECT FROM WHERE", "", "INSERT INTO notes (id, text) VALUES (1"] {
        if let Err(error) = run(&store, sql, args![]).await {
            assert!(matches!(error, StoreError::Other(_)) && !error.is_transient(), "{sql}: {error:?}");
        } else {
            assert_eq!(sql, "", "an empty statement does nothing");
        }
    }
    counter(&store).await;
}

pub(super) async fn two_statements_at_once_are_refused_or_both_run(bench: Bench) {
    let store = bench.open().await;
    let both = "UPDATE counters SET n = n + 1; UPDATE counters SET n = n + 1";
    let ran = run(&store, both, args![]).await;
    assert_eq!(counter(&store).await, if ran.is_ok() { 2 } else { 0 }, "{ran:?}");
}
