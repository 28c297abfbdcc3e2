//! Migrations: in turns, outside transactions, for one service.

use futures_util::future::join_all;

use super::bench::{Bench, one};
use crate::{Migration, MigrationError, Migrations, StoreError, args};

fn notes() -> Migration {
    Migration::both(1, "notes", "CREATE TABLE notes (id BIGINT PRIMARY KEY, text TEXT NOT NULL)")
}

fn steps(steps: &[Migration]) -> Migrations {
    Migrations::new(steps.to_vec())
}

pub(super) async fn the_stores_own_steps_come_first_and_each_step_is_applied_once(bench: Bench) {
    let store = bench.bare().await;
    let pending = store.pending(&steps(&[notes()])).await.unwrap();
    let pending: Vec<(&str, i64)> = pending.iter().map(|step| (step.owner, step.version)).collect();
    assert_eq!(pending, [("store", 1), ("store", 2), ("service", 1)]);
    assert_eq!(store.migrate(&steps(&[notes()])).await.unwrap(), [1]);
    assert_eq!(store.migrate(&steps(&[notes()])).await.unwrap(), [0_i64; 0]);
    assert_eq!(store.pending(&steps(&[notes()])).await.unwrap(), []);
}

pub(super) async fn an_older_release_runs_on_a_newer_schema(bench: Bench) {
    let store = bench.bare().await;
    let newer = Migration::both(2, "newer", "ALTER TABLE notes ADD COLUMN more BIGINT");
    store.migrate(&steps(&[notes(), newer])).await.unwrap();
    assert_eq!(store.migrate(&steps(&[notes()])).await.unwrap(), [0_i64; 0]);
    assert_eq!(store.pending(&steps(&[notes()])).await.unwrap(), []);
}

/// A statement that refuses to run in a transaction, on each engine.
fn outside() -> Migration {
    Migration::both(2, "outside", "VACUUM").on_postgres("VACUUM notes").outside_transaction()
}

pub(super) async fn a_step_outside_a_transaction_is_applied_between_the_others(bench: Bench) {
    let store = bench.bare().await;
    let inside = Migration::both(2, "inside", "VACUUM");
    assert!(store.migrate(&steps(&[notes(), inside])).await.is_err(), "the statement runs in no transaction");
    let insert = Migration::both(3, "first", "INSERT INTO notes VALUES (1, 'x')");
    let all = steps(&[notes(), outside(), insert]);
    assert_eq!(store.migrate(&all).await.unwrap(), [1, 2, 3]);
    assert_eq!(store.migrate(&all).await.unwrap(), [0_i64; 0]);
    assert_eq!(store.pending(&all).await.unwrap(), []);
    assert_eq!(
        one::<i64>(&store, "SELECT COUNT(*) FROM evenkeel_migrations WHERE owner = 'begun'", args![]).await.unwrap(),
        0
    );
}

pub(super) async fn instances_that_start_at_once_apply_each_step_once(bench: Bench) {
    let insert = Migration::both(3, "first", "INSERT INTO notes SELECT COUNT(*), 'x' FROM notes");
    let all = steps(&[notes(), outside(), insert]);
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(bench.bare().await);
    }
    let applied = join_all(stores.iter().map(|store| store.migrate(&all))).await;
    let mut versions: Vec<i64> = applied.into_iter().flat_map(Result::unwrap).collect();
    versions.sort_unstable();
    assert_eq!(versions, [1, 2, 3]);
    assert_eq!(one::<i64>(&stores[0], "SELECT COUNT(*) FROM notes", args![]).await.unwrap(), 1);
}

pub(super) async fn a_database_of_another_service_is_named_as_that(bench: Bench) {
    let store = bench.bare().await;
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

pub(super) async fn a_database_of_another_program_is_named_as_that(bench: Bench) {
    let store = bench.bare().await;
    store.migrate(&steps(&[Migration::both(1, "links", "CREATE TABLE links (id BIGINT)")])).await.unwrap();
    let error = store.migrate(&steps(&[notes()])).await.unwrap_err();
    let named = matches!(&error, StoreError::Migration(MigrationError::OtherStep { found, .. }) if found == "links");
    assert!(named && error.to_string().contains("belongs to another program"), "{error}");
}

pub(super) async fn a_renamed_service_takes_its_database_over(bench: Bench) {
    let store = bench.bare().await;
    store.migrate(&steps(&[notes()]).owned_by("old")).await.unwrap();
    let renamed = steps(&[notes()]).owned_by("new").formerly("older").formerly("old");
    assert_eq!(store.pending(&renamed).await.unwrap(), []);
    store.migrate(&renamed).await.unwrap();
    assert!(store.migrate(&steps(&[notes()]).owned_by("old")).await.is_err(), "it is the new one's now");
    store.migrate(&steps(&[notes()]).owned_by("new")).await.unwrap();
}

pub(super) async fn a_changed_step_is_refused_and_the_list_of_pending_ones_says_so_too(bench: Bench) {
    let store = bench.bare().await;
    store.migrate(&steps(&[notes()])).await.unwrap();
    let changed = steps(&[Migration::both(1, "notes", "CREATE TABLE other (id BIGINT)")]);
    for refused in [store.migrate(&changed).await.map(drop), store.pending(&changed).await.map(drop)] {
        let error = refused.unwrap_err();
        assert!(matches!(error, StoreError::Migration(MigrationError::Changed { version: 1, .. })), "{error:?}");
    }
}

pub(super) async fn a_step_that_fails_leaves_nothing_and_the_steps_before_it_neither(bench: Bench) {
    let store = bench.bare().await;
    let broken = Migration::both(2, "broken", "INSERT INTO notes VALUES (1, 'x'); CREATE NONSENSE");
    let error = store.migrate(&steps(&[notes(), broken])).await.unwrap_err();
    let told = matches!(&error, StoreError::Migration(MigrationError::Failed { version: 2, name: "broken", .. }));
    assert!(told && error.to_string().contains("NONSENSE"), "{error}");
    assert_eq!(store.migrate(&steps(&[notes()])).await.unwrap(), [1], "the table is not there yet");
}

pub(super) async fn what_comes_before_a_step_outside_a_transaction_stays_when_it_fails(bench: Bench) {
    let store = bench.bare().await;
    let broken = Migration::both(2, "broken", "VACUUM NONSENSE TOO").outside_transaction();
    let error = store.migrate(&steps(&[notes(), broken])).await.unwrap_err();
    assert!(matches!(error, StoreError::Migration(MigrationError::Failed { version: 2, .. })), "{error:?}");
    assert_eq!(store.migrate(&steps(&[notes(), outside()])).await.unwrap(), [2]);
}

pub(super) async fn an_empty_script_is_recorded_and_not_run(bench: Bench) {
    let store = bench.bare().await;
    let nothing = Migration::both(2, "nothing", "").outside_transaction();
    assert_eq!(store.migrate(&steps(&[notes(), nothing.clone()])).await.unwrap(), [1, 2]);
    assert_eq!(store.pending(&steps(&[notes(), nothing])).await.unwrap(), []);
}
