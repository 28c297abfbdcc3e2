//! Rows: typed, many, streamed, and the driver's own connection.

use super::bench::{Bench, add_note, counter, one, rows, run};
use crate::{MAX_ROWS, Store, StoreError, args, from_row};

#[derive(Debug, PartialEq)]
struct Note {
    id: u32,
    text: String,
    counter: Option<i64>,
}
from_row!(Note { id, text, counter });

const THREE: &str = "INSERT INTO notes (id, text, counter) VALUES (1, 'a', 1), (2, 'b', NULL), (3, 'c', NULL)";
/// As many rows as `$1`.
const MANY: &str =
    "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT i FROM n";

async fn with_three(bench: &Bench) -> Store {
    let store = bench.open().await;
    run(&store, THREE, args![]).await.unwrap();
    store
}

pub(super) async fn rows_are_read_as_structs_whatever_the_order_of_columns(bench: Bench) {
    let store = with_three(&bench).await;
    let notes: Vec<Note> =
        rows(&store, "SELECT counter, text, 1 AS more, id FROM notes WHERE id < 3 ORDER BY id", args![]).await.unwrap();
    let expected =
        [Note { id: 1, text: "a".into(), counter: Some(1) }, Note { id: 2, text: "b".into(), counter: None }];
    assert_eq!(notes, expected);
}

pub(super) async fn a_column_that_is_missing_from_the_statement_is_told(bench: Bench) {
    let store = with_three(&bench).await;
    let error = rows::<Note>(&store, "SELECT id, text FROM notes", args![]).await.unwrap_err().to_string();
    assert_eq!(error, "column counter: the statement returns no such column");
}

pub(super) async fn of_two_columns_with_one_name_the_first_is_read(bench: Bench) {
    let store = with_three(&bench).await;
    let both = "SELECT notes.id, counters.id FROM notes JOIN counters ON counters.id = notes.counter + 0";
    let row = store.read(|tx| Box::pin(async move { tx.fetch_one(both, args![]).await })).await;
    let row = row.unwrap_or_else(|error: StoreError| panic!("{error}"));
    assert_eq!((row.get::<i64>("id").unwrap(), row.at::<i64>(1).unwrap()), (1, 1));
    assert_eq!(row.columns().count(), 2);
}

pub(super) async fn a_read_of_no_rows_is_none_or_an_error_where_one_is_asked_for(bench: Bench) {
    let store = bench.open().await;
    let none = "SELECT id FROM notes WHERE id = 1";
    let read: Result<(usize, bool, bool), StoreError> = store
        .read(|tx| {
            Box::pin(async move {
                let all = tx.fetch_all(none, args![]).await?.len();
                let optional = tx.fetch_optional_as::<(i64,)>(none, args![]).await?.is_none();
                Ok((all, optional, tx.fetch_one(none, args![]).await.is_err()))
            })
        })
        .await;
    assert_eq!(read.unwrap(), (0, true, true));
}

pub(super) async fn a_read_of_one_row_leaves_the_connection_ready_for_the_next(bench: Bench) {
    let store = with_three(&bench).await;
    let read: Result<Vec<i64>, StoreError> = store
        .read(|tx| {
            Box::pin(async move {
                let mut ids = Vec::new();
                for _ in 0..20 {
                    ids.push(tx.fetch_one("SELECT id FROM notes ORDER BY id", args![]).await?.at(0)?);
                }
                Ok(ids)
            })
        })
        .await;
    assert_eq!(read.unwrap(), [1; 20]);
}

pub(super) async fn a_read_has_a_bound(bench: Bench) {
    let store = bench.open().await;
    assert_eq!(rows::<(i64,)>(&store, MANY, args![MAX_ROWS]).await.unwrap().len(), MAX_ROWS);
    let error = rows::<(i64,)>(&store, MANY, args![MAX_ROWS + 1]).await.unwrap_err();
    assert!(matches!(error, StoreError::TooManyRows { bound: MAX_ROWS }), "{error}");
}

pub(super) async fn a_read_over_its_bound_leaves_the_transaction_whole(bench: Bench) {
    let store = bench.open().await;
    let written: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                let too_many = tx.fetch_all(MANY, args![MAX_ROWS + 1]).await;
                assert!(matches!(too_many, Err(StoreError::TooManyRows { .. })));
                tx.execute("UPDATE counters SET n = 1", args![]).await.map(drop)
            })
        })
        .await;
    written.unwrap();
    assert_eq!(counter(&store).await, 1);
}

pub(super) async fn many_rows_are_streamed_one_by_one(bench: Bench) {
    let store = bench.open().await;
    let streamed: Result<(usize, i64), StoreError> = store
        .read(|tx| {
            Box::pin(async move {
                let mut sum = 0;
                let count = tx
                    .fetch_each(MANY, args![50_000], 50_000, |row| {
                        std::future::ready(row.at::<i64>(0).map(|number| sum += number))
                    })
                    .await?;
                Ok((count, sum))
            })
        })
        .await;
    assert_eq!(streamed.unwrap(), (50_000, 1_250_025_000));
}

pub(super) async fn a_stream_ends_at_its_bound_or_at_an_error_of_its_reader(bench: Bench) {
    let store = bench.open().await;
    let streamed: Result<(), StoreError> = store
        .read(|tx| {
            Box::pin(async move {
                let mut seen = 0;
                let over = tx
                    .fetch_each(MANY, args![50_000], 10, |_| {
                        seen += 1;
                        std::future::ready(Ok(()))
                    })
                    .await;
                assert!(matches!(over, Err(StoreError::TooManyRows { bound: 10 })), "{over:?}");
                assert_eq!(seen, 10);
                let stopped = tx.fetch_each(MANY, args![50_000], 50_000, |_| async { Err(StoreError::KeyInUse) }).await;
                assert!(matches!(stopped, Err(StoreError::KeyInUse)), "{stopped:?}");
                let next: i64 = tx.fetch_one("SELECT n FROM counters", args![]).await?.get("n")?;
                assert_eq!(next, 0, "the connection is ready for the next statement");
                Ok(())
            })
        })
        .await;
    streamed.unwrap();
}

pub(super) async fn a_row_of_many_columns_is_read(bench: Bench) {
    let store = bench.open().await;
    let columns = "SELECT 1 AS a, 2 AS b, 3 AS c, 4 AS d, 5 AS e, 6 AS f, 7 AS g, 8 AS h";
    type Eight = (i64, i64, i64, i64, i64, i64, i64, i64);
    assert_eq!(rows::<Eight>(&store, columns, args![]).await.unwrap(), [(1, 2, 3, 4, 5, 6, 7, 8)]);
}

pub(super) async fn the_drivers_own_connection_works_in_the_transaction(bench: Bench) {
    let store = bench.open().await;
    let written: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                let sql = "INSERT INTO notes (id, text) VALUES (1, 'x')";
                #[cfg(feature = "postgres")]
                if let Some(connection) = tx.unchecked_postgres() {
                    sqlx::query(sql).persistent(false).execute(connection).await?;
                    return Err(StoreError::KeyReused);
                }
                #[cfg(feature = "sqlite")]
                if let Some(connection) = tx.unchecked_sqlite() {
                    sqlx::query(sql).execute(connection).await?;
                    return Err(StoreError::KeyReused);
                }
                Ok(())
            })
        })
        .await;
    assert!(matches!(written, Err(StoreError::KeyReused)), "one of them has a connection: {written:?}");
    assert_eq!(super::bench::notes(&store).await, 0, "it was rolled back with the rest");
}

pub(super) async fn the_drivers_own_rows_are_streamed_and_typed(bench: Bench) {
    use futures_util::TryStreamExt as _;
    let store = bench.open().await;
    for (id, text) in [(1, "a"), (2, "b")] {
        add_note(&store, id, text).await.unwrap();
    }
    let read: Result<Vec<(i64, String)>, StoreError> = store
        .read(|tx| {
            Box::pin(async move {
                let sql = "SELECT id, text FROM notes ORDER BY id";
                #[cfg(feature = "postgres")]
                if let Some(connection) = tx.unchecked_postgres() {
                    return Ok(sqlx::query_as(sql).persistent(false).fetch(connection).try_collect().await?);
                }
                #[cfg(feature = "sqlite")]
                if let Some(connection) = tx.unchecked_sqlite() {
                    return Ok(sqlx::query_as(sql).fetch(connection).try_collect().await?);
                }
                Ok(Vec::new())
            })
        })
        .await;
    assert_eq!(read.unwrap(), [(1, "a".to_owned()), (2, "b".to_owned())]);
}

pub(super) async fn a_ping_answers(bench: Bench) {
    bench.bare().await.ping().await.unwrap();
}

pub(super) async fn a_literal_is_read_as_its_type(bench: Bench) {
    let store = bench.open().await;
    assert_eq!(one::<i64>(&store, "SELECT 1", args![]).await.unwrap(), 1);
    assert_eq!(one::<String>(&store, "SELECT 'x'", args![]).await.unwrap(), "x");
    assert_eq!(one::<Option<String>>(&store, "SELECT NULL", args![]).await.unwrap(), None);
}
