//! Migrations: in turns, outside transactions, by a role of their own, and after runs that ended in the middle.

use evenkeel_store::{Migration, MigrationError, Migrations, Options, Store, StoreError, StoreUrl, args};
use futures_util::future::join_all;

use crate::engines::on_every_engine;
use crate::kernel::{number, run};

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

on_every_engine!(
    a_step_outside_a_transaction_is_applied_between_the_others,
    instances_that_start_at_once_apply_each_step_once,
    a_database_of_another_service_is_named_as_that,
    a_database_of_another_program_is_named_as_that,
    a_renamed_service_takes_its_database_over,
    a_changed_step_is_refused_and_the_list_of_pending_ones_says_so_too,
    a_step_that_fails_leaves_nothing_and_the_steps_before_it_neither,
    what_comes_before_a_step_outside_a_transaction_stays_when_it_fails,
    an_empty_script_is_recorded_and_not_run,
);

/// A statement that refuses to run in a transaction, on each engine.
fn outside() -> Migration {
    Migration::both(2, "outside", "VACUUM").on_postgres("VACUUM notes").outside_transaction()
}

async fn a_step_outside_a_transaction_is_applied_between_the_others(url: StoreUrl) {
    let store = open(&url).await;
    let inside = Migration::both(2, "inside", "VACUUM");
    assert!(store.migrate(&steps(&[notes(), inside])).await.is_err(), "the statement runs in no transaction");
    let insert = Migration::both(3, "first", "INSERT INTO notes VALUES (1, 'x')");
    let all = steps(&[notes(), outside(), insert]);
    assert_eq!(store.migrate(&all).await.unwrap(), [1, 2, 3]);
    assert_eq!(store.migrate(&all).await.unwrap(), [0_i64; 0]);
    assert_eq!(store.pending(&all).await.unwrap(), []);
    assert_eq!(number(&store, "SELECT COUNT(*) AS n FROM evenkeel_migrations WHERE owner = 'begun'").await, 0);
}

async fn instances_that_start_at_once_apply_each_step_once(url: StoreUrl) {
    let insert = Migration::both(3, "first", "INSERT INTO notes SELECT COUNT(*), 'x' FROM notes");
    let all = steps(&[notes(), outside(), insert]);
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(open(&url).await);
    }
    let applied = join_all(stores.iter().map(|store| store.migrate(&all))).await;
    let mut versions: Vec<i64> = applied.into_iter().flat_map(Result::unwrap).collect();
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3]);
    assert_eq!(number(&stores[0], "SELECT COUNT(*) AS n FROM notes").await, 1);
}

async fn a_database_of_another_service_is_named_as_that(url: StoreUrl) {
    let store = open(&url).await;
    let ours = steps(&[notes()]).owned_by("ledger");
    store.migrate(&ours).await.unwrap();
    store.migrate(&ours).await.unwrap();
    let theirs = steps(&[]).owned_by("shortener");
    for refused in [store.migrate(&theirs).await.map(drop), store.pending(&theirs).await.map(drop)] {
        let error = refused.unwrap_err();
        let named = matches!(&error, StoreError::Migration(MigrationError::OtherService { owner, service })
            if owner == "ledger" && service == "shortener");
        assert!(named && !error.is_transient(), "{error:?}");
        assert!(error.to_string().starts_with("this database belongs to the service \"ledger\""), "{error}");
    }
}

async fn a_database_of_another_program_is_named_as_that(url: StoreUrl) {
    let store = open(&url).await;
    store.migrate(&steps(&[Migration::both(1, "links", "CREATE TABLE links (id BIGINT)")])).await.unwrap();
    let error = store.migrate(&steps(&[notes()])).await.unwrap_err();
    let named = matches!(&error, StoreError::Migration(MigrationError::OtherStep { found, .. }) if found == "links");
    assert!(named && error.to_string().contains("belongs to another program"), "{error}");
}

async fn a_renamed_service_takes_its_database_over(url: StoreUrl) {
    let store = open(&url).await;
    store.migrate(&steps(&[notes()]).owned_by("old")).await.unwrap();
    let renamed = steps(&[notes()]).owned_by("new").formerly("older").formerly("old");
    assert_eq!(store.pending(&renamed).await.unwrap(), []);
    store.migrate(&renamed).await.unwrap();
    assert!(store.migrate(&steps(&[notes()]).owned_by("old")).await.is_err(), "it is the new one's now");
    store.migrate(&steps(&[notes()]).owned_by("new")).await.unwrap();
}

async fn a_changed_step_is_refused_and_the_list_of_pending_ones_says_so_too(url: StoreUrl) {
    let store = open(&url).await;
    store.migrate(&steps(&[notes()])).await.unwrap();
    let changed = steps(&[Migration::both(1, "notes", "CREATE TABLE other (id BIGINT)")]);
    for refused in [store.migrate(&changed).await.map(drop), store.pending(&changed).await.map(drop)] {
        let error = refused.unwrap_err();
        assert!(matches!(error, StoreError::Migration(MigrationError::Changed { version: 1, .. })), "{error:?}");
    }
}

async fn a_step_that_fails_leaves_nothing_and_the_steps_before_it_neither(url: StoreUrl) {
    let store = open(&url).await;
    let broken = Migration::both(2, "broken", "INSERT INTO notes VALUES (1, 'x'); CREATE NONSENSE");
    let error = store.migrate(&steps(&[notes(), broken])).await.unwrap_err();
    let told = matches!(&error, StoreError::Migration(MigrationError::Failed { version: 2, name: "broken", .. }));
    assert!(told && error.to_string().contains("NONSENSE"), "{error}");
    assert_eq!(store.migrate(&steps(&[notes()])).await.unwrap(), [1], "the table is not there yet");
}

async fn what_comes_before_a_step_outside_a_transaction_stays_when_it_fails(url: StoreUrl) {
    let store = open(&url).await;
    let broken = Migration::both(2, "broken", "VACUUM NONSENSE TOO").outside_transaction();
    let error = store.migrate(&steps(&[notes(), broken])).await.unwrap_err();
    assert!(matches!(error, StoreError::Migration(MigrationError::Failed { version: 2, .. })), "{error:?}");
    assert_eq!(store.migrate(&steps(&[notes(), outside()])).await.unwrap(), [2]);
}

async fn an_empty_script_is_recorded_and_not_run(url: StoreUrl) {
    let store = open(&url).await;
    let nothing = Migration::both(2, "nothing", "").outside_transaction();
    assert_eq!(store.migrate(&steps(&[notes(), nothing.clone()])).await.unwrap(), [1, 2]);
    assert_eq!(store.pending(&steps(&[notes(), nothing])).await.unwrap(), []);
}

#[cfg(feature = "sqlite")]
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

#[cfg(feature = "sqlite")]
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
