//! Text: Unicode, quotes, length, case, zero bytes.

use super::bench::{Bench, add_note, one, rows, run};
use super::values::{column, there_and_back};
use crate::{StoreError, args};

pub(super) async fn any_unicode_text_round_trips(bench: Bench) {
    let store = bench.open().await;
    for text in
        ["\u{1f980} crab", "e\u{301}", "\u{e9}", "\u{feff}", "\u{202e}right to left", "\t\r\n", "\u{10ffff}", "\u{1}"]
    {
        assert_eq!(there_and_back::<String>(&store, column!("text"), text).await.unwrap(), text);
    }
}

pub(super) async fn quotes_and_statements_in_a_value_are_text(bench: Bench) {
    let store = bench.open().await;
    for text in ["'; DROP TABLE kinds; --", "\"", "\\", "$1", "?", "%_", "''", ":name", "/* */"] {
        assert_eq!(there_and_back::<String>(&store, column!("text"), text).await.unwrap(), text);
    }
}

pub(super) async fn a_megabyte_of_text_round_trips(bench: Bench) {
    let store = bench.open().await;
    let text = "\u{e9}x".repeat(350_000);
    assert_eq!(there_and_back::<String>(&store, column!("text"), text.clone()).await.unwrap(), text);
}

pub(super) async fn texts_are_compared_with_their_case(bench: Bench) {
    let store = bench.open().await;
    add_note(&store, 1, "Note").await.unwrap();
    add_note(&store, 2, "note").await.unwrap();
    let found = "SELECT COUNT(*) FROM notes WHERE text = $1";
    assert_eq!(one::<i64>(&store, found, args!["NOTE"]).await.unwrap(), 0);
    assert_eq!(one::<i64>(&store, found, args!["note"]).await.unwrap(), 1);
}

pub(super) async fn two_spellings_of_one_letter_are_two_texts(bench: Bench) {
    let store = bench.open().await;
    add_note(&store, 1, "\u{e9}").await.unwrap();
    add_note(&store, 2, "e\u{301}").await.unwrap();
    assert_eq!(super::bench::notes(&store).await, 2, "nothing is normalised");
}

pub(super) async fn blanks_at_the_end_of_a_text_count(bench: Bench) {
    let store = bench.open().await;
    add_note(&store, 1, "x").await.unwrap();
    add_note(&store, 2, "x ").await.unwrap();
    assert_eq!(super::bench::notes(&store).await, 2);
}

pub(super) async fn the_length_of_a_text_is_in_characters(bench: Bench) {
    let store = bench.open().await;
    there_and_back::<String>(&store, column!("text"), "\u{e9}\u{1f980}").await.unwrap();
    assert_eq!(one::<i64>(&store, "SELECT LENGTH(text) FROM kinds", args![]).await.unwrap(), 2);
}

/// PostgreSQL takes no zero byte in a text; SQLite does, and gives it back.
pub(super) async fn a_zero_byte_in_a_text_is_kept_whole_or_refused(bench: Bench) {
    let store = bench.open().await;
    match there_and_back::<String>(&store, column!("text"), "a\0b").await {
        Ok(text) => assert_eq!((bench.is_postgres(), text.as_str()), (false, "a\0b")),
        Err(error) => assert!(matches!(error, StoreError::InvalidValue(_)) && !error.is_transient(), "{error:?}"),
    }
}

pub(super) async fn a_quoted_name_keeps_its_case(bench: Bench) {
    let store = bench.open().await;
    run(&store, "CREATE TABLE \"Mixed\" (\"Some Column\" BIGINT)", args![]).await.unwrap();
    run(&store, "INSERT INTO \"Mixed\" VALUES (7)", args![]).await.unwrap();
    let read = store
        .read(|tx| Box::pin(async move { tx.fetch_one("SELECT \"Some Column\" FROM \"Mixed\"", args![]).await }))
        .await;
    let row = read.unwrap_or_else(|error: StoreError| panic!("{error}"));
    assert_eq!(row.get::<i64>("Some Column").unwrap(), 7);
    assert!(row.get::<i64>("some column").is_err(), "names of columns are compared with their case");
}

pub(super) async fn ordering_by_bytes_is_the_same_everywhere(bench: Bench) {
    let store = bench.open().await;
    for (id, text) in ["b", "a", "B", "\u{e9}", "Z"].into_iter().enumerate() {
        add_note(&store, i64::try_from(id).unwrap(), text).await.unwrap();
    }
    let sql = if bench.is_postgres() {
        "SELECT text FROM notes ORDER BY text COLLATE \"C\""
    } else {
        "SELECT text FROM notes ORDER BY text COLLATE BINARY"
    };
    let order: Vec<(String,)> = rows(&store, sql, args![]).await.unwrap();
    let order: Vec<String> = order.into_iter().map(|(text,)| text).collect();
    assert_eq!(order, ["B", "Z", "a", "b", "\u{e9}"]);
}

pub(super) async fn a_pattern_is_bound_like_any_text(bench: Bench) {
    let store = bench.open().await;
    add_note(&store, 1, "100%").await.unwrap();
    add_note(&store, 2, "1000").await.unwrap();
    let like = "SELECT COUNT(*) FROM notes WHERE text LIKE $1 ESCAPE '!'";
    assert_eq!(one::<i64>(&store, like, args!["100!%"]).await.unwrap(), 1);
    assert_eq!(one::<i64>(&store, like, args!["100%"]).await.unwrap(), 2);
}
