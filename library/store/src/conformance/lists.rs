//! Lists for IN: `= ANY($1)` and `<> ALL($1)`.

use super::bench::{Bench, add_note, one, rows, run};
use crate::{Store, args};

async fn with_notes(bench: &Bench) -> Store {
    let store = bench.open().await;
    for (id, text) in [(1, "a"), (2, "b"), (3, "it's"), (4, "")] {
        add_note(&store, id, text).await.unwrap();
    }
    store
}

pub(super) async fn a_list_of_numbers_finds_its_rows(bench: Bench) {
    let store = with_notes(&bench).await;
    let found: Vec<(i64,)> =
        rows(&store, "SELECT id FROM notes WHERE id = ANY($1) ORDER BY id", args![vec![3_i64, 1, 99, 1]])
            .await
            .unwrap();
    assert_eq!(found, [(1,), (3,)]);
}

pub(super) async fn a_list_of_texts_finds_its_rows(bench: Bench) {
    let store = with_notes(&bench).await;
    let list = &["it's", "", "\"quoted\"", "b,c"][..];
    let found: Vec<(i64,)> =
        rows(&store, "SELECT id FROM notes WHERE text = ANY($1) ORDER BY id", args![list]).await.unwrap();
    assert_eq!(found, [(3,), (4,)]);
}

pub(super) async fn an_empty_list_finds_nothing_and_excludes_nothing(bench: Bench) {
    let store = with_notes(&bench).await;
    let none = args![Vec::<i64>::new()];
    assert_eq!(one::<i64>(&store, "SELECT COUNT(*) FROM notes WHERE id = ANY($1)", none.clone()).await.unwrap(), 0);
    assert_eq!(one::<i64>(&store, "SELECT COUNT(*) FROM notes WHERE id <> ALL($1)", none).await.unwrap(), 4);
}

pub(super) async fn a_list_excludes_its_rows(bench: Bench) {
    let store = with_notes(&bench).await;
    let count = "SELECT COUNT(*) FROM notes WHERE id <> ALL($1)";
    assert_eq!(one::<i64>(&store, count, args![vec![1_i64, 2]]).await.unwrap(), 2);
}

pub(super) async fn two_lists_and_a_value_go_into_one_statement(bench: Bench) {
    let store = with_notes(&bench).await;
    let sql = "SELECT COUNT(*) FROM notes WHERE id = ANY($2) AND text = ANY($3) AND id < $1";
    let lists = args![3_i64, vec![1_i64, 2, 3], vec!["b".to_owned(), "it's".to_owned()]];
    assert_eq!(one::<i64>(&store, sql, lists).await.unwrap(), 1);
}

pub(super) async fn a_list_of_ten_thousand_is_one_parameter(bench: Bench) {
    let store = with_notes(&bench).await;
    let list: Vec<i64> = (0..10_000).collect();
    let count = "SELECT COUNT(*) FROM notes WHERE id = ANY($1)";
    assert_eq!(one::<i64>(&store, count, args![list]).await.unwrap(), 4);
}

pub(super) async fn a_list_of_one_changes_its_row(bench: Bench) {
    let store = with_notes(&bench).await;
    let changed = run(&store, "UPDATE notes SET text = 'c' WHERE id = ANY($1)", args![vec![2_i64]]).await.unwrap();
    assert_eq!(changed, 1);
    let deleted = run(&store, "DELETE FROM notes WHERE id = ANY($1)", args![vec![2_i64, 3]]).await.unwrap();
    assert_eq!(deleted, 2);
}
