//! Behaviour of SQLite alone: its file, its locks, its types.

use std::path::PathBuf;
use std::time::Duration;

use super::bench::{Bench, add_note, count_up, counter, notes, one, run};
use crate::url::Target;
use crate::{Options, Store, StoreError, args};

fn file(bench: &Bench) -> PathBuf {
    match &bench.url.target {
        Target::File(file) => file.path.clone(),
        _ => panic!("the case needs a file"),
    }
}

pub(super) async fn the_log_is_written_ahead_and_every_commit_reaches_the_disk(bench: Bench) {
    let store = bench.open().await;
    assert_eq!(one::<String>(&store, "PRAGMA journal_mode", args![]).await.unwrap(), "wal");
    let synchronous: Result<i64, StoreError> =
        store.write(|tx| Box::pin(async move { tx.fetch_one("PRAGMA synchronous", args![]).await?.at(0) })).await;
    assert_eq!(synchronous.unwrap(), 2, "FULL");
}

pub(super) async fn foreign_keys_are_enforced_on_every_connection(bench: Bench) {
    let store = bench.open().await;
    for _ in 0..10 {
        assert_eq!(one::<i64>(&store, "PRAGMA foreign_keys", args![]).await.unwrap(), 1);
    }
}

pub(super) async fn a_file_that_is_no_database_is_told(bench: Bench) {
    let path = file(&bench);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "this is a text, and a long one at that. ".repeat(100)).unwrap();
    let error = Store::open(&bench.url, Options::default()).await.unwrap_err().to_string();
    assert!(error.contains("move the file away"), "{error}");
}

pub(super) async fn a_missing_folder_is_made(bench: Bench) {
    let path = file(&bench);
    assert!(!path.exists());
    bench.open().await;
    assert!(path.exists());
}

pub(super) async fn a_file_that_must_exist_is_not_made(bench: Bench) {
    let path = file(&bench);
    let url = format!("sqlite:{}?mode=rw", path.display()).parse().unwrap();
    let error = Store::open(&url, Options::default()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(!path.exists());
}

pub(super) async fn a_full_disk_fails_the_write_and_nothing_else(bench: Bench) {
    let store = bench.open().await;
    add_note(&store, 1, "before").await.unwrap();
    // As many pages as there are: the next one has no space.
    let filled: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                let pages: i64 = tx.fetch_one("PRAGMA page_count", args![]).await?.at(0)?;
                let limit: &'static str = String::leak(format!("PRAGMA max_page_count = {pages}"));
                tx.fetch_one(limit, args![]).await?;
                tx.execute("INSERT INTO notes (id, text) VALUES (2, $1)", args!["x".repeat(100_000)]).await?;
                Ok(())
            })
        })
        .await;
    let error = filled.unwrap_err();
    assert!(matches!(error, StoreError::Full(_)) && error.is_transient(), "{error:?}");
    assert_eq!(notes(&store).await, 1);
    run(&store, "DELETE FROM notes", args![]).await.unwrap();
}

pub(super) async fn a_commit_that_rolled_back_by_itself_costs_its_own_transaction_only(bench: Bench) {
    let store = bench.open().await;
    // As SQLite does by itself when a commit finds no space.
    let ended: Result<(), StoreError> = store
        .write(|tx| {
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = 9", args![]).await?;
                tx.execute("ROLLBACK", args![]).await.map(drop)
            })
        })
        .await;
    assert!(ended.is_err(), "there was nothing left to commit");
    for _ in 0..3 {
        count_up(&store).await.unwrap();
    }
    assert_eq!(counter(&store).await, 3);
}

pub(super) async fn another_writer_is_waited_for_up_to_the_bound(bench: Bench) {
    let patient = bench.open().await;
    let impatient = bench.open_with(|options| options.statement_timeout = Duration::from_millis(30)).await;
    let held: Result<(), StoreError> = patient
        .write(|tx| {
            let impatient = impatient.clone();
            Box::pin(async move {
                tx.execute("UPDATE counters SET n = n + 1", args![]).await?;
                let error = count_up(&impatient).await.unwrap_err();
                assert!(matches!(error, StoreError::Locked(_)) && error.is_transient(), "{error:?}");
                Ok(())
            })
        })
        .await;
    held.unwrap();
    count_up(&impatient).await.unwrap();
    assert_eq!(counter(&patient).await, 2);
}

pub(super) async fn a_read_goes_on_while_another_store_writes(bench: Bench) {
    let (reading, writing) = (bench.open().await, bench.open().await);
    let read: Result<(i64, i64), StoreError> = reading
        .read(|tx| {
            let writing = writing.clone();
            Box::pin(async move {
                let before: i64 = tx.fetch_one("SELECT n FROM counters", args![]).await?.at(0)?;
                count_up(&writing).await?;
                Ok((before, tx.fetch_one("SELECT n FROM counters", args![]).await?.at(0)?))
            })
        })
        .await;
    assert_eq!(read.unwrap(), (0, 0));
}

pub(super) async fn a_value_is_read_by_its_own_type_and_not_by_the_columns(bench: Bench) {
    let store = bench.open().await;
    run(&store, "CREATE TABLE loose (a, b DATETIME, c DECIMAL(10, 2))", args![]).await.unwrap();
    run(&store, "INSERT INTO loose VALUES (1, 'x', 'y'), ('z', 2, 3.5)", args![]).await.unwrap();
    let sql = "SELECT a, b, c FROM loose ORDER BY rowid";
    let rows = store.read(|tx| Box::pin(async move { tx.fetch_all(sql, args![]).await })).await;
    let rows = rows.unwrap_or_else(|error: StoreError| panic!("{error}"));
    assert_eq!((rows[0].at::<i64>(0).unwrap(), rows[0].at::<String>(1).unwrap()), (1, "x".to_owned()));
    assert_eq!((rows[1].at::<String>(0).unwrap(), rows[1].at::<i64>(1).unwrap()), ("z".to_owned(), 2));
    assert_eq!(rows[1].at::<f64>(2).unwrap(), 3.5);
}

pub(super) async fn a_read_that_asked_for_nothing_yet_holds_up_no_schema_change(bench: Bench) {
    let (reading, changing) = (bench.open().await, bench.open().await);
    counter(&reading).await;
    run(&changing, "ALTER TABLE counters ADD COLUMN more BIGINT", args![]).await.unwrap();
    assert_eq!(counter(&reading).await, 0);
}
