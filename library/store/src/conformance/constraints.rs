//! Violated constraints: kind, table, columns.

use super::bench::{Bench, add_note, run};
use crate::{ConstraintKind, Store, StoreError, Violation, args};

async fn violation(store: &Store, sql: &'static str) -> Violation {
    match run(store, sql, args![]).await {
        Err(StoreError::Constraint { violation, .. }) => *violation,
        other => panic!("{sql}: {other:?}"),
    }
}

pub(super) async fn a_violated_unique_index_is_told_with_table_and_column(bench: Bench) {
    let store = bench.open().await;
    add_note(&store, 1, "x").await.unwrap();
    let told = violation(&store, "INSERT INTO notes (id, text) VALUES (2, 'x')").await;
    assert_eq!((told.kind, &*told.table, &*told.columns), (ConstraintKind::Unique, "notes", &["text".to_owned()][..]));
}

pub(super) async fn a_violated_primary_key_is_told_with_table_and_column(bench: Bench) {
    let store = bench.open().await;
    add_note(&store, 1, "x").await.unwrap();
    let told = violation(&store, "INSERT INTO notes (id, text) VALUES (1, 'y')").await;
    assert_eq!((told.kind, &*told.table, &*told.columns), (ConstraintKind::Unique, "notes", &["id".to_owned()][..]));
}

pub(super) async fn a_violated_key_of_two_columns_names_both_in_their_order(bench: Bench) {
    let store = bench.open().await;
    run(&store, "CREATE TABLE pairs (b BIGINT, a BIGINT, PRIMARY KEY (b, a))", args![]).await.unwrap();
    run(&store, "INSERT INTO pairs VALUES (1, 2)", args![]).await.unwrap();
    let told = violation(&store, "INSERT INTO pairs VALUES (1, 2)").await;
    assert_eq!(told.columns, ["b", "a"]);
}

pub(super) async fn a_missing_value_is_told_with_table_and_column(bench: Bench) {
    let store = bench.open().await;
    let told = violation(&store, "INSERT INTO notes (id) VALUES (1)").await;
    assert_eq!((told.kind, &*told.table, &*told.columns), (ConstraintKind::NotNull, "notes", &["text".to_owned()][..]));
}

pub(super) async fn a_null_bound_to_a_column_that_must_have_a_value_is_told(bench: Bench) {
    let store = bench.open().await;
    let error = run(&store, "INSERT INTO notes (id, text) VALUES (1, $1)", args![None::<&str>]).await.unwrap_err();
    let told = matches!(&error, StoreError::Constraint { violation, .. } if violation.kind == ConstraintKind::NotNull);
    assert!(told, "{error:?}");
}

pub(super) async fn a_reference_to_no_row_is_told(bench: Bench) {
    let store = bench.open().await;
    let told = violation(&store, "INSERT INTO notes (id, text, counter) VALUES (1, 'x', 99)").await;
    assert_eq!(told.kind, ConstraintKind::ForeignKey);
}

pub(super) async fn a_row_that_others_refer_to_cannot_go(bench: Bench) {
    let store = bench.open().await;
    run(&store, "INSERT INTO notes (id, text, counter) VALUES (1, 'x', 1)", args![]).await.unwrap();
    assert_eq!(violation(&store, "DELETE FROM counters WHERE id = 1").await.kind, ConstraintKind::ForeignKey);
}

pub(super) async fn a_failed_check_is_told(bench: Bench) {
    let store = bench.open().await;
    assert_eq!(violation(&store, "UPDATE counters SET n = -1").await.kind, ConstraintKind::Check);
}

pub(super) async fn a_named_check_is_told_by_its_name(bench: Bench) {
    let store = bench.open().await;
    run(&store, "CREATE TABLE small (n BIGINT CONSTRAINT below_ten CHECK (n < 10))", args![]).await.unwrap();
    let told = violation(&store, "INSERT INTO small VALUES (10)").await;
    assert_eq!((told.kind, &*told.name), (ConstraintKind::Check, "below_ten"));
}

pub(super) async fn a_violation_shows_no_value(bench: Bench) {
    let store = bench.open().await;
    add_note(&store, 1, "secret").await.unwrap();
    let error = add_note(&store, 2, "secret").await.unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(error.to_string().contains("notes") && !error.is_transient(), "{error}");
}

pub(super) async fn a_deferred_reference_that_fails_at_the_commit_is_told(bench: Bench) {
    let store = bench.open().await;
    let table = "CREATE TABLE late (id BIGINT PRIMARY KEY, counter BIGINT REFERENCES counters (id) DEFERRABLE INITIALLY DEFERRED)";
    run(&store, table, args![]).await.unwrap();
    let error = run(&store, "INSERT INTO late VALUES (1, 99)", args![]).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    let rows: i64 = super::bench::one(&store, "SELECT COUNT(*) FROM late", args![]).await.unwrap();
    assert_eq!(rows, 0);
    run(&store, "INSERT INTO late VALUES (1, 1)", args![]).await.unwrap();
}
