//! Integers at their bounds, floats, exact decimals.

use super::bench::{Bench, one, run};
use super::values::{column, there_and_back};
use crate::{Numeric, StoreError, args};

pub(super) async fn integers_round_trip_at_their_bounds(bench: Bench) {
    let store = bench.open().await;
    for number in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::from(i32::MAX) + 1, i64::MAX] {
        assert_eq!(there_and_back::<i64>(&store, column!("int"), number).await.unwrap(), number);
    }
}

pub(super) async fn unsigned_numbers_up_to_the_range_round_trip(bench: Bench) {
    let store = bench.open().await;
    for number in [0_u64, u64::from(u32::MAX), i64::MAX as u64] {
        assert_eq!(there_and_back::<u64>(&store, column!("int"), number).await.unwrap(), number);
    }
    assert_eq!(there_and_back::<usize>(&store, column!("int"), 7_usize).await.unwrap(), 7);
}

pub(super) async fn an_unsigned_number_beyond_the_range_is_an_invalid_value_and_never_wraps(bench: Bench) {
    let store = bench.open().await;
    for number in [i64::MAX as u64 + 1, u64::MAX] {
        let error = there_and_back::<u64>(&store, column!("int"), number).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidValue(_)), "{error:?}");
        assert!(error.to_string().contains(&number.to_string()), "{error}");
    }
    assert_eq!(one::<i64>(&store, "SELECT COUNT(*) FROM kinds", args![]).await.unwrap(), 0);
}

pub(super) async fn a_number_beyond_the_type_that_is_read_is_told(bench: Bench) {
    let store = bench.open().await;
    run(&store, "INSERT INTO kinds (id, int) VALUES (1, 300)", args![]).await.unwrap();
    let error = one::<u8>(&store, "SELECT int FROM kinds", args![]).await.unwrap_err().to_string();
    assert_eq!(error, "column int: 300 is beyond the range of u8");
}

pub(super) async fn a_sum_that_overflows_is_an_error_and_changes_nothing(bench: Bench) {
    let store = bench.open().await;
    run(&store, "INSERT INTO kinds (id, int) VALUES (1, $1)", args![i64::MAX]).await.unwrap();
    let summed = run(&store, "UPDATE kinds SET int = int + 1", args![]).await;
    if bench.is_postgres() {
        let error = summed.unwrap_err();
        assert!(matches!(error, StoreError::InvalidValue(_)) && !error.is_transient(), "{error:?}");
        assert_eq!(one::<i64>(&store, "SELECT int FROM kinds", args![]).await.unwrap(), i64::MAX);
    } else {
        // SQLite goes on with a float; a read as an integer refuses it, so that it cannot pass for a number of cents.
        let error = one::<i64>(&store, "SELECT int FROM kinds", args![]).await.unwrap_err().to_string();
        assert_eq!(error, "column int: it holds a float, not an integer");
    }
}

pub(super) async fn a_division_by_zero_is_no_reason_to_try_again(bench: Bench) {
    let store = bench.open().await;
    let divided = one::<Option<i64>>(&store, "SELECT n / 0 FROM counters", args![]).await;
    if bench.is_postgres() {
        let error = divided.unwrap_err();
        assert!(matches!(error, StoreError::InvalidValue(_)) && !error.is_transient(), "{error:?}");
    } else {
        assert_eq!(divided.unwrap(), None, "SQLite's answer is NULL");
    }
}

pub(super) async fn floats_round_trip_bit_by_bit(bench: Bench) {
    let store = bench.open().await;
    for number in [0.1, -0.0, f64::MIN_POSITIVE, f64::MAX, f64::EPSILON, 1e-300, 12_345_678.901_234_567] {
        let read = there_and_back::<f64>(&store, column!("float"), number).await.unwrap();
        // SQLite keeps whole floats as integers on disk, and a negative zero is one.
        assert!(read.to_bits() == number.to_bits() || (number == 0.0 && read == 0.0), "{number}: {read}");
    }
}

pub(super) async fn infinity_round_trips(bench: Bench) {
    let store = bench.open().await;
    for number in [f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(there_and_back::<f64>(&store, column!("float"), number).await.unwrap(), number);
    }
}

pub(super) async fn exact_decimals_round_trip_digit_by_digit(bench: Bench) {
    let store = bench.open().await;
    let long = format!("-{}.{}", "9".repeat(60), "123456789".repeat(5));
    for text in
        ["0", "0.00", "1", "-1", "12.50", "-0.000001", "10000", "99999999.9999", "1000000000000000000000", &long]
    {
        let number: Numeric = text.parse().unwrap();
        let read = there_and_back::<Numeric>(&store, column!("number"), number.clone()).await.unwrap();
        assert_eq!(read.to_string(), text);
    }
}

pub(super) async fn a_decimal_is_not_a_float(bench: Bench) {
    let store = bench.open().await;
    let number: Numeric = "0.1".parse().unwrap();
    let error = there_and_back::<f64>(&store, column!("number"), number).await.unwrap_err().to_string();
    assert!(error.contains("not a float"), "{error}");
}

pub(super) async fn a_count_and_a_sum_are_integers(bench: Bench) {
    let store = bench.open().await;
    run(&store, "INSERT INTO counters (id, n) VALUES (2, 20), (3, 22)", args![]).await.unwrap();
    assert_eq!(one::<i64>(&store, "SELECT COUNT(*) FROM counters", args![]).await.unwrap(), 3);
    assert_eq!(one::<i64>(&store, "SELECT CAST(SUM(n) AS BIGINT) FROM counters", args![]).await.unwrap(), 42);
    let none = "SELECT CAST(SUM(n) AS BIGINT) FROM counters WHERE id > 99";
    assert_eq!(one::<Option<i64>>(&store, none, args![]).await.unwrap(), None);
}
