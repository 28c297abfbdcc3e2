//! The judges of `call.retry-budget` on counts of calls without a server.

use super::*;

#[test]
fn a_tenth_more_calls_and_a_floor_are_a_budget() {
    assert_eq!(all_failed(1200, 1200), Some(true));
    assert_eq!(all_failed(1380, 1200), Some(true), "a tenth, and the floor of 60");
    assert_eq!(all_failed(1381, 1200), None, "a larger floor may explain it");
    assert_eq!(all_failed(1800, 1200), Some(false));
}

#[test]
fn few_of_the_calls_that_fail_are_repeated() {
    assert_eq!(some_failed(50, 100), Some(true));
    assert_eq!(some_failed(60, 100), None);
    assert_eq!(some_failed(70, 100), Some(false));
}
