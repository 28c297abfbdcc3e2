//! Migrations of SQLite's files and of databases in memory.

use evenkeel_store::{Migration, MigrationError, Migrations, Options, Store, StoreError, StoreUrl, args};

use crate::fixture::run;

const NOTES: &str = "CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL)";

fn notes() -> Migration {
    Migration::both(1, "notes", NOTES)
}

fn steps(steps: &[Migration]) -> Migrations {
    Migrations::new(steps.to_vec())
}

async fn open(url: &StoreUrl) -> Store {
    Store::open(url, Options::default()).await.unwrap()
}

#[tokio::test]
async fn a_pragma_of_a_step_ends_with_it_and_a_database_in_memory_survives_it() {
    let folder = tempfile::tempdir().unwrap();
    let off = Migration::both(2, "off", "PRAGMA foreign_keys = OFF").outside_transaction();
    for url in [format!("sqlite:{}/x.db", folder.path().display()), "sqlite::memory:".to_owned()] {
        let store = open(&url.parse().unwrap()).await;
        assert_eq!(store.migrate(&steps(&[notes(), off.clone()])).await.unwrap(), [1, 2]);
        run(&store, "INSERT INTO notes VALUES (1, 'x')").await.unwrap();
        let foreign_keys: Result<i64, StoreError> = store
            .write(|tx| {
                Box::pin(async move { tx.fetch_one("PRAGMA foreign_keys", args![]).await?.get("foreign_keys") })
            })
            .await;
        let is_file = !url.contains("memory");
        assert!(!is_file || foreign_keys.unwrap() == 1, "the connection of the step was closed");
    }
}

#[tokio::test]
async fn a_process_that_holds_the_file_is_waited_for_up_to_the_bound() {
    use std::time::Duration;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/x.db", folder.path().display()).parse().unwrap();
    let holder = open(&url).await;
    let mut bounds = Options::default();
    bounds.statement_timeout = Duration::from_millis(20);
    bounds.migration_lock_timeout = Duration::from_millis(200);
    let waiting = Store::open(&url, bounds).await.unwrap();
    let held: Result<(), StoreError> = holder
        .write(|_tx| {
            let waiting = waiting.clone();
            Box::pin(async move {
                let error = waiting.migrate(&steps(&[notes()])).await.unwrap_err();
                assert!(matches!(&error, StoreError::Migration(MigrationError::Busy { .. })), "{error:?}");
                assert!(error.to_string().contains("another process"), "{error}");
                Ok(())
            })
        })
        .await;
    held.unwrap();
    assert_eq!(waiting.migrate(&steps(&[notes()])).await.unwrap(), [1]);
}
