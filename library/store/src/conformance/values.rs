//! Values go there and come back: nulls, booleans, bytes, UUIDs, timestamps, JSON.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::bench::{Bench, one, rows, run};
use crate::{FromValue, Numeric, Store, StoreError, Value, args};

/// Writes a value into a column and reads it back.
pub(super) async fn there_and_back<T: FromValue + Send>(
    store: &Store,
    sql: [&'static str; 2],
    value: impl Into<Value>,
) -> Result<T, StoreError> {
    run(store, "DELETE FROM kinds", args![]).await.unwrap();
    run(store, sql[0], vec![value.into()]).await?;
    one(store, sql[1], args![]).await
}

macro_rules! column {
    ($name:literal) => {
        [concat!("INSERT INTO kinds (id, ", $name, ") VALUES (1, $1)"), concat!("SELECT ", $name, " FROM kinds")]
    };
}
pub(super) use column;

pub(super) async fn a_null_of_every_type_is_a_null(bench: Bench) {
    let store = bench.open().await;
    let insert = "INSERT INTO kinds (id, int, flag, text, bytes, float, uuid, time, number, document) \
                  VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let nulls = args![
        None::<i64>,
        None::<bool>,
        None::<&str>,
        None::<Vec<u8>>,
        None::<f64>,
        None::<Uuid>,
        None::<SystemTime>,
        None::<Numeric>,
        None::<Json>
    ];
    run(&store, insert, nulls).await.unwrap();
    let all_null = "SELECT COUNT(*) FROM kinds WHERE int IS NULL AND flag IS NULL AND text IS NULL AND bytes IS NULL AND \
                    float IS NULL AND uuid IS NULL AND time IS NULL AND number IS NULL AND document IS NULL";
    assert_eq!(one::<i64>(&store, all_null, args![]).await.unwrap(), 1);
    type Nulls = (Option<i64>, Option<bool>, Option<String>, Option<Vec<u8>>, Option<f64>);
    let read: Vec<Nulls> = rows(&store, "SELECT int, flag, text, bytes, float FROM kinds", args![]).await.unwrap();
    assert_eq!(read, [(None, None, None, None, None)]);
    type More = (Option<Uuid>, Option<SystemTime>, Option<Numeric>, Option<Json>);
    let read: Vec<More> = rows(&store, "SELECT uuid, time, number, document FROM kinds", args![]).await.unwrap();
    assert_eq!(read, [(None, None, None, None)]);
}

pub(super) async fn a_null_is_never_read_as_a_default(bench: Bench) {
    let store = bench.open().await;
    run(&store, "INSERT INTO kinds (id) VALUES (1)", args![]).await.unwrap();
    let refused = [
        one::<i64>(&store, "SELECT int FROM kinds", args![]).await.map(drop),
        one::<bool>(&store, "SELECT flag FROM kinds", args![]).await.map(drop),
        one::<String>(&store, "SELECT text FROM kinds", args![]).await.map(drop),
        one::<Vec<u8>>(&store, "SELECT bytes FROM kinds", args![]).await.map(drop),
        one::<f64>(&store, "SELECT float FROM kinds", args![]).await.map(drop),
        one::<Uuid>(&store, "SELECT uuid FROM kinds", args![]).await.map(drop),
    ];
    for refused in refused {
        let error = refused.unwrap_err();
        assert!(error.to_string().contains("it holds null"), "{error}");
    }
}

pub(super) async fn a_null_equals_nothing_and_is_distinct_from_everything(bench: Bench) {
    let store = bench.open().await;
    run(&store, "INSERT INTO kinds (id, text) VALUES (1, NULL), (2, 'x')", args![]).await.unwrap();
    let count = "SELECT COUNT(*) FROM kinds WHERE text = $1";
    assert_eq!(one::<i64>(&store, count, args![None::<&str>]).await.unwrap(), 0);
    let same = "SELECT COUNT(*) FROM kinds WHERE text IS NOT DISTINCT FROM $1";
    assert_eq!(one::<i64>(&store, same, args![None::<&str>]).await.unwrap(), 1);
}

pub(super) async fn booleans_round_trip(bench: Bench) {
    let store = bench.open().await;
    for flag in [true, false] {
        assert_eq!(there_and_back::<bool>(&store, column!("flag"), flag).await.unwrap(), flag);
        assert_eq!(one::<i64>(&store, "SELECT COUNT(*) FROM kinds WHERE flag = $1", args![flag]).await.unwrap(), 1);
    }
}

pub(super) async fn an_empty_text_and_no_bytes_are_not_null(bench: Bench) {
    let store = bench.open().await;
    assert_eq!(there_and_back::<Option<String>>(&store, column!("text"), "").await.unwrap().as_deref(), Some(""));
    let bytes = there_and_back::<Option<Vec<u8>>>(&store, column!("bytes"), Vec::<u8>::new()).await.unwrap();
    assert_eq!(bytes, Some(vec![]));
}

pub(super) async fn every_byte_round_trips(bench: Bench) {
    let store = bench.open().await;
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(there_and_back::<Vec<u8>>(&store, column!("bytes"), bytes.clone()).await.unwrap(), bytes);
}

pub(super) async fn a_megabyte_of_bytes_round_trips(bench: Bench) {
    let store = bench.open().await;
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    assert_eq!(there_and_back::<Vec<u8>>(&store, column!("bytes"), bytes.clone()).await.unwrap(), bytes);
}

pub(super) async fn uuids_round_trip_and_are_found(bench: Bench) {
    let store = bench.open().await;
    for uuid in [Uuid::nil(), Uuid::max(), "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap()] {
        assert_eq!(there_and_back::<Uuid>(&store, column!("uuid"), uuid).await.unwrap(), uuid);
        assert_eq!(one::<i64>(&store, "SELECT COUNT(*) FROM kinds WHERE uuid = $1", args![uuid]).await.unwrap(), 1);
    }
}

pub(super) async fn timestamps_round_trip_to_the_microsecond_also_before_1970(bench: Bench) {
    let store = bench.open().await;
    for micros in [0, 1, 1_795_953_600_123_456, 4_102_444_800_000_000] {
        for time in [UNIX_EPOCH + Duration::from_micros(micros), UNIX_EPOCH - Duration::from_micros(micros)] {
            assert_eq!(there_and_back::<SystemTime>(&store, column!("time"), time).await.unwrap(), time);
        }
    }
}

pub(super) async fn a_timestamp_loses_what_is_below_a_microsecond(bench: Bench) {
    let store = bench.open().await;
    let time = UNIX_EPOCH + Duration::from_nanos(1_999);
    let read = there_and_back::<SystemTime>(&store, column!("time"), time).await.unwrap();
    assert_eq!(read, UNIX_EPOCH + Duration::from_micros(1));
}

pub(super) async fn timestamps_are_ordered_and_compared_as_moments(bench: Bench) {
    let store = bench.open().await;
    let moments = [-1_000_000_i64, 0, 1, 999_999, 1_000_000, 1_795_953_600_000_000];
    for (id, micros) in moments.into_iter().enumerate().rev() {
        let distance = Duration::from_micros(micros.unsigned_abs());
        let time = if micros < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance };
        run(&store, "INSERT INTO kinds (id, time) VALUES ($1, $2)", args![id, time]).await.unwrap();
    }
    let order: Vec<(usize,)> = rows(&store, "SELECT id FROM kinds ORDER BY time", args![]).await.unwrap();
    assert_eq!(order.into_iter().map(|(id,)| id).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    let later = "SELECT COUNT(*) FROM kinds WHERE time > $1";
    assert_eq!(one::<i64>(&store, later, args![UNIX_EPOCH]).await.unwrap(), 4);
}

pub(super) async fn a_timestamp_beyond_the_range_is_an_invalid_value(bench: Bench) {
    let store = bench.open().await;
    let time = UNIX_EPOCH + Duration::from_secs(400_000 * 366 * 86_400);
    let error = there_and_back::<SystemTime>(&store, column!("time"), time).await.unwrap_err();
    assert!(matches!(error, StoreError::InvalidValue(_)) && !error.is_transient(), "{error:?}");
}

pub(super) async fn json_documents_round_trip(bench: Bench) {
    let store = bench.open().await;
    for document in [
        json!(null),
        json!(true),
        json!(-7),
        json!("text with \"quotes\" and \u{1f980}"),
        json!([]),
        json!({}),
        json!({ "a": [1, 2, { "b": null }], "c": { "d": "e" } }),
    ] {
        assert_eq!(there_and_back::<Json>(&store, column!("document"), document.clone()).await.unwrap(), document);
    }
}

pub(super) async fn a_part_of_a_json_document_is_found(bench: Bench) {
    let store = bench.open().await;
    there_and_back::<Json>(&store, column!("document"), json!({ "name": "x", "n": 7 })).await.unwrap();
    let found = "SELECT COUNT(*) FROM kinds WHERE document ->> 'name' = $1";
    assert_eq!(one::<i64>(&store, found, args!["x"]).await.unwrap(), 1);
    assert_eq!(one::<i64>(&store, found, args!["y"]).await.unwrap(), 0);
}

pub(super) async fn a_value_of_another_type_is_told_with_the_column(bench: Bench) {
    let store = bench.open().await;
    run(&store, "INSERT INTO kinds (id, text) VALUES (1, 'x')", args![]).await.unwrap();
    let error = one::<i64>(&store, "SELECT text FROM kinds", args![]).await.unwrap_err().to_string();
    assert_eq!(error, "column text: it holds text, not an integer");
}

pub(super) async fn parameters_may_be_used_twice_and_in_any_order(bench: Bench) {
    let store = bench.open().await;
    run(&store, "INSERT INTO kinds (id, text, int) VALUES ($2, $1, $2)", args!["x", 5_i64]).await.unwrap();
    let read: Vec<(i64, String, i64)> = rows(&store, "SELECT id, text, int FROM kinds", args![]).await.unwrap();
    assert_eq!(read, [(5, "x".to_owned(), 5)]);
}

pub(super) async fn a_missing_parameter_is_an_error_and_not_a_null(bench: Bench) {
    if !bench.is_postgres() {
        // SQLite takes a parameter that was not bound for NULL; its driver refuses nothing. Constraints catch it where it matters.
        return;
    }
    let store = bench.open().await;
    assert!(run(&store, "INSERT INTO kinds (id, text) VALUES (1, $2)", args!["x"]).await.is_err());
}
